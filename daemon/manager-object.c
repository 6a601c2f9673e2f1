/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Manager object */

#include "daemon/manager-object.h"

#include "api/vblk-error.h"
#include "daemon/answer.h"
#include "daemon/domain-object.h"
#include "daemon/job-object.h"
#include "daemon/object-path.h"
#include "virtblock-dbus.h"

#define LIST_ENDED     1
#define MAX_ENDED_JOBS 1000
#define MAX_EVENTS     1000

struct ManagerObject {
    Exporter *exporter; /* borrowed, outlives us */
    Driver *driver;     /* borrowed, outlives us */
    DaemonStore *store; /* borrowed, outlives us */
    VirtblockDBusManager *skeleton;
    GHashTable *domains; /* UUID -> DomainObject, owned */
    GHashTable *jobs;    /* id -> JobObject, owned */
};

/* What the driver tells */

static DomainObject *
find_domain_object(ManagerObject *object, Domain *domain)
{
    return g_hash_table_lookup(object->domains, domain_get_uuid(domain));
}

static void
on_domain_added(Driver *driver, Domain *domain, ManagerObject *object)
{
    g_hash_table_insert(object->domains,
                        g_strdup(domain_get_uuid(domain)),
                        domain_object_new(object->exporter, driver, domain));
}

static void
on_domain_changed(Driver *driver, Domain *domain, ManagerObject *object)
{
    domain_object_update(find_domain_object(object, domain));
}

static void
on_domain_removed(Driver *driver, Domain *domain, ManagerObject *object)
{
    g_hash_table_remove(object->domains, domain_get_uuid(domain));
}

static void
on_job_added(Driver *driver, Domain *domain, Job *job, ManagerObject *object)
{
    g_hash_table_insert(
        object->jobs, g_strdup(job->id), job_object_new(object->exporter, driver, domain, job));
    domain_object_update(find_domain_object(object, domain));
}

static void
on_job_changed(Driver *driver, Domain *domain, Job *job, ManagerObject *object)
{
    JobObject *known = g_hash_table_lookup(object->jobs, job->id);

    if (known != NULL)
        job_object_update(known, job);
}

static void
on_job_ended(Driver *driver, Domain *domain, Job *job, ManagerObject *object)
{
    g_autofree char *id = NULL;
    gpointer known = NULL;

    domain_object_update(find_domain_object(object, domain));
    if (g_hash_table_steal_extended(object->jobs, job->id, (gpointer *)&id, &known))
        job_object_end(known, job);
}

static void
on_snapshot_put(Driver *driver, Domain *domain, Snapshot *snapshot, ManagerObject *object)
{
    domain_object_put_snapshot(find_domain_object(object, domain), snapshot);
}

static void
on_snapshot_removed(Driver *driver, Domain *domain, Snapshot *snapshot, ManagerObject *object)
{
    domain_object_remove_snapshot(find_domain_object(object, domain), snapshot);
}

static GVariant *
event_details(const Event *event)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    if (event->kind == EVENT_LIFECYCLE) {
        g_variant_dict_insert(&dict, "event", "i", event->lifecycle);
        g_variant_dict_insert(&dict, "detail", "i", event->lifecycle_detail);
        return g_variant_dict_end(&dict);
    }

    g_variant_dict_insert(&dict, "disk", "s", event->disk);
    g_variant_dict_insert(&dict, "job", "s", event->job_id);
    g_variant_dict_insert(&dict, "type", "i", (gint32)event->job_type);
    g_variant_dict_insert(&dict, "status", "i", (gint32)event->outcome);
    g_variant_dict_insert(&dict, "message", "s", event->message != NULL ? event->message : "");
    return g_variant_dict_end(&dict);
}

static void
on_event(Driver *driver, const Event *event, ManagerObject *object)
{
    virtblock_dbus_manager_set_last_event(object->skeleton, event->sequence);
    virtblock_dbus_manager_emit_event(object->skeleton,
                                      event->sequence,
                                      (guint64)event->time_us,
                                      event->domain_name,
                                      event->domain_uuid,
                                      event_kind_name(event->kind),
                                      event_details(event));
}

/* Methods */

static void
on_defined(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GError *error = NULL;
    g_autoptr(Domain) domain = driver_define_finish(VB_DRIVER(source), result, &error);
    g_autofree char *path = domain != NULL ? object_path_domain(domain_get_uuid(domain)) : NULL;

    if (domain == NULL)
        g_dbus_method_invocation_take_error(invocation, error);
    else
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", path));
}

static gboolean
on_define_xml(VirtblockDBusManager *skeleton,
              GDBusMethodInvocation *invocation,
              const char *xml,
              guint flags,
              gpointer user_data)
{
    ManagerObject *object = user_data;

    if (answer_check_flags(invocation, flags, 0))
        driver_define_async(object->driver, xml, NULL, on_defined, invocation);
    return TRUE;
}

static gboolean
on_define_image(VirtblockDBusManager *skeleton,
                GDBusMethodInvocation *invocation,
                const char *name,
                const char *path,
                GVariant *options,
                gpointer user_data)
{
    ManagerObject *object = user_data;
    const char *format = NULL;
    gboolean has_format = g_variant_lookup(options, "format", "&s", &format);

    if (g_variant_n_children(options) != (has_format ? 1 : 0)) {
        g_dbus_method_invocation_return_error(
            invocation, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "the only option is 'format'");
        return TRUE;
    }

    driver_define_image_async(object->driver, name, path, format, NULL, on_defined, invocation);
    return TRUE;
}

static gboolean
on_lookup_domain(VirtblockDBusManager *skeleton,
                 GDBusMethodInvocation *invocation,
                 const char *name,
                 gpointer user_data)
{
    ManagerObject *object = user_data;
    GError *error = NULL;
    Domain *domain = driver_find_domain(object->driver, name, &error);
    g_autofree char *path = domain != NULL ? object_path_domain(domain_get_uuid(domain)) : NULL;

    if (domain == NULL)
        g_dbus_method_invocation_take_error(invocation, error);
    else
        virtblock_dbus_manager_complete_lookup_domain(skeleton, invocation, path);
    return TRUE;
}

static void
add_live_jobs(ManagerObject *object, GVariantBuilder *builder)
{
    g_autoptr(GPtrArray) domains = driver_get_domains(object->driver);

    for (guint d = 0; d < domains->len; d++) {
        GPtrArray *disks = domain_get_disks(g_ptr_array_index(domains, d));

        for (guint i = 0; i < disks->len; i++) {
            const Disk *disk = g_ptr_array_index(disks, i);

            if (disk->job != NULL && g_hash_table_contains(object->jobs, disk->job->id))
                g_variant_builder_add_value(builder, job_object_describe(disk->job));
        }
    }
}

typedef struct {
    ManagerObject *object;
    GDBusMethodInvocation *invocation;
} ListCall;

static void
on_ended_jobs(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree ListCall *call = user_data;
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));
    GError *error = NULL;
    g_autoptr(GPtrArray) jobs = store_list_ended_jobs_finish(VB_STORE(source), result, &error);

    if (jobs == NULL) {
        g_variant_builder_clear(&builder);
        g_dbus_method_invocation_take_error(call->invocation, error);
        return;
    }

    add_live_jobs(call->object, &builder);
    for (guint i = 0; i < jobs->len; i++)
        g_variant_builder_add_value(&builder, job_object_describe(g_ptr_array_index(jobs, i)));
    g_dbus_method_invocation_return_value(call->invocation, g_variant_new("(aa{sv})", &builder));
}

static gboolean
on_list_jobs(VirtblockDBusManager *skeleton,
             GDBusMethodInvocation *invocation,
             guint flags,
             gpointer user_data)
{
    ManagerObject *object = user_data;
    GVariantBuilder builder;
    ListCall *call;

    if (!answer_check_flags(invocation, flags, LIST_ENDED))
        return TRUE;
    if ((flags & LIST_ENDED) == 0) {
        g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
        add_live_jobs(object, &builder);
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(aa{sv})", &builder));
        return TRUE;
    }

    call = g_new0(ListCall, 1);
    call->object = object;
    call->invocation = invocation;
    store_list_ended_jobs_async(VB_STORE(object->store), MAX_ENDED_JOBS, on_ended_jobs, call);
    return TRUE;
}

static void
on_events_listed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ttsssa{sv})"));
    GError *error = NULL;
    g_autoptr(GPtrArray)
        events = daemon_store_list_events_finish(VB_DAEMON_STORE(source), result, &error);

    if (events == NULL) {
        g_variant_builder_clear(&builder);
        g_dbus_method_invocation_take_error(invocation, error);
        return;
    }

    for (guint i = 0; i < events->len; i++) {
        const Event *event = g_ptr_array_index(events, i);

        g_variant_builder_add(&builder,
                              "(ttsss@a{sv})",
                              event->sequence,
                              (guint64)event->time_us,
                              event->domain_name,
                              event->domain_uuid,
                              event_kind_name(event->kind),
                              event_details(event));
    }
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(a(ttsssa{sv}))", &builder));
}

static gboolean
on_list_events(VirtblockDBusManager *skeleton,
               GDBusMethodInvocation *invocation,
               guint64 after,
               guint limit,
               gpointer user_data)
{
    ManagerObject *object = user_data;

    if (limit == 0 || limit > MAX_EVENTS) {
        g_dbus_method_invocation_return_error(invocation,
                                              VBLK_ERROR,
                                              VBLK_ERROR_INVALID_ARGUMENT,
                                              "limit '%u' is not 1 to %d",
                                              limit,
                                              MAX_EVENTS);
        return TRUE;
    }

    daemon_store_list_events_async(object->store, after, limit, on_events_listed, invocation);
    return TRUE;
}

static const struct {
    const char *signal;
    GCallback handler;
} method_table[] =
    {
        {"handle-define-xml", G_CALLBACK(on_define_xml)},
        {"handle-define-image", G_CALLBACK(on_define_image)},
        {"handle-lookup-domain", G_CALLBACK(on_lookup_domain)},
        {"handle-list-jobs", G_CALLBACK(on_list_jobs)},
        {"handle-list-events", G_CALLBACK(on_list_events)},
},
  driver_table[] = {
      {"domain-added", G_CALLBACK(on_domain_added)},
      {"domain-changed", G_CALLBACK(on_domain_changed)},
      {"domain-removed", G_CALLBACK(on_domain_removed)},
      {"job-added", G_CALLBACK(on_job_added)},
      {"job-changed", G_CALLBACK(on_job_changed)},
      {"job-ended", G_CALLBACK(on_job_ended)},
      {"snapshot-added", G_CALLBACK(on_snapshot_put)},
      {"snapshot-changed", G_CALLBACK(on_snapshot_put)},
      {"snapshot-removed", G_CALLBACK(on_snapshot_removed)},
      {"event", G_CALLBACK(on_event)},
};

ManagerObject *
manager_object_new(Exporter *exporter, Driver *driver, DaemonStore *store)
{
    ManagerObject *object = g_new0(ManagerObject, 1);

    object->exporter = exporter;
    object->driver = driver;
    object->store = store;
    object->domains = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)domain_object_free);
    object->jobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    object->skeleton = virtblock_dbus_manager_skeleton_new();
    virtblock_dbus_manager_set_version(object->skeleton, VIRTBLOCK_VERSION);
    for (guint i = 0; i < G_N_ELEMENTS(method_table); i++)
        g_signal_connect(object->skeleton, method_table[i].signal, method_table[i].handler, object);
    for (guint i = 0; i < G_N_ELEMENTS(driver_table); i++)
        g_signal_connect(driver, driver_table[i].signal, driver_table[i].handler, object);
    exporter_add(exporter, ROOT_PATH, G_DBUS_INTERFACE_SKELETON(object->skeleton));
    return object;
}

void
manager_object_free(ManagerObject *object)
{
    if (object == NULL)
        return;

    g_signal_handlers_disconnect_by_data(object->driver, object);
    g_hash_table_unref(object->domains);
    g_hash_table_unref(object->jobs);
    exporter_remove(object->exporter, ROOT_PATH);
    g_signal_handlers_disconnect_by_data(object->skeleton, object);
    g_object_unref(object->skeleton);
    g_free(object);
}
