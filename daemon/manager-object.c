/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Manager object */

#include "daemon/manager-object.h"

#include "api/vblk-error.h"
#include "daemon/gate.h"
#include "daemon/job-object.h"
#include "daemon/object-path.h"
#include "daemon/units.h"

#define LIST_ENDED_JOBS 1
#define MAX_LISTED      1000

struct _ManagerObject {
    VirtblockDBusManagerSkeleton parent;

    Driver *driver;
    DaemonStore *store;
};

static void manager_object_iface_init(VirtblockDBusManagerIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(ManagerObject,
                              manager_object,
                              VIRTBLOCK_DBUS_TYPE_MANAGER_SKELETON,
                              G_IMPLEMENT_INTERFACE(VIRTBLOCK_DBUS_TYPE_MANAGER,
                                                    manager_object_iface_init))

static void
add_text(GVariantBuilder *builder, const char *key, const char *text)
{
    g_variant_builder_add(builder, "{sv}", key, g_variant_new_string(text != NULL ? text : ""));
}

static void
add_number(GVariantBuilder *builder, const char *key, int number)
{
    g_variant_builder_add(builder, "{sv}", key, g_variant_new_int32(number));
}

/* The details of the contract, a{sv}, floating. */
static GVariant *
describe_event(const Event *event)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    if (event->kind == EVENT_LIFECYCLE) {
        add_number(&builder, "event", event->lifecycle);
        add_number(&builder, "detail", event->lifecycle_detail);
        return g_variant_builder_end(&builder);
    }

    add_text(&builder, "disk", event->disk);
    add_number(&builder, "type", (int)event->job_type);
    add_number(&builder, "status", (int)event->outcome);
    add_text(&builder, "job", event->job_id);
    add_text(&builder, "message", event->message);
    return g_variant_builder_end(&builder);
}

static void
on_event(Driver *driver, const Event *event, ManagerObject *object)
{
    VirtblockDBusManager *face = VIRTBLOCK_DBUS_MANAGER(object);

    virtblock_dbus_manager_set_last_event(face, event->sequence);
    virtblock_dbus_manager_emit_event(face,
                                      event->sequence,
                                      (guint64)event->time_us,
                                      event->domain_name,
                                      event->domain_uuid,
                                      event_kind_name(event->kind),
                                      describe_event(event));
}

void
manager_object_update(ManagerObject *object)
{
    virtblock_dbus_manager_set_last_event(VIRTBLOCK_DBUS_MANAGER(object),
                                          daemon_store_get_last_sequence(object->store));
}

ManagerObject *
manager_object_new(Driver *driver, DaemonStore *store)
{
    ManagerObject *object = g_object_new(MANAGER_OBJECT_TYPE, NULL);

    object->driver = g_object_ref(driver);
    object->store = g_object_ref(store);
    virtblock_dbus_manager_set_version(VIRTBLOCK_DBUS_MANAGER(object), VIRTBLOCK_VERSION);
    manager_object_update(object);
    g_signal_connect_object(driver, "event", G_CALLBACK(on_event), object, 0);
    return object;
}

static void
on_defined(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Domain) domain = driver_define_finish(VB_DRIVER(source), result, &error);
    g_autofree char *path = NULL;

    if (domain == NULL) {
        gate_refuse(invocation, error);
        return;
    }

    path = object_path_of_domain(domain_get_uuid(domain));
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", path));
}

static gboolean
handle_define_xml(VirtblockDBusManager *face,
                  GDBusMethodInvocation *invocation,
                  const char *xml,
                  guint flags)
{
    ManagerObject *object = VB_MANAGER_OBJECT(face);
    g_autoptr(GError) error = NULL;

    if (units_check_flags("DefineXML", flags, 0, &error))
        driver_define_async(object->driver, xml, NULL, on_defined, invocation);
    else
        gate_refuse(invocation, error);
    return TRUE;
}

/* Sets *ret_format, borrowed from @options, where it is given. */
static gboolean
parse_image_options(GVariant *options, const char **ret_format, GError **error)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;
    gboolean is_known = TRUE;

    g_variant_iter_init(&iter, options);
    while (is_known && g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
        is_known = g_str_equal(key, "format") && g_variant_is_of_type(value, G_VARIANT_TYPE_STRING);
        if (is_known)
            *ret_format = g_variant_get_string(value, NULL);
        else
            g_set_error(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        "unsupported option '%s' of type '%s' of 'DefineImage'",
                        key,
                        g_variant_get_type_string(value));
        g_variant_unref(value);
    }

    return is_known;
}

static gboolean
handle_define_image(VirtblockDBusManager *face,
                    GDBusMethodInvocation *invocation,
                    const char *name,
                    const char *path,
                    GVariant *options)
{
    ManagerObject *object = VB_MANAGER_OBJECT(face);
    const char *format = NULL;
    g_autoptr(GError) error = NULL;

    if (!parse_image_options(options, &format, &error)) {
        gate_refuse(invocation, error);
        return TRUE;
    }

    if (format != NULL && format[0] == '\0')
        format = NULL;
    driver_define_image_async(object->driver, name, path, format, NULL, on_defined, invocation);
    return TRUE;
}

static gboolean
handle_lookup_domain(VirtblockDBusManager *face,
                     GDBusMethodInvocation *invocation,
                     const char *name)
{
    ManagerObject *object = VB_MANAGER_OBJECT(face);
    g_autoptr(GError) error = NULL;
    const Domain *domain = driver_find_domain(object->driver, name, &error);
    g_autofree char *path = NULL;

    if (domain == NULL) {
        gate_refuse(invocation, error);
        return TRUE;
    }

    path = object_path_of_domain(domain_get_uuid(domain));
    virtblock_dbus_manager_complete_lookup_domain(face, invocation, path);
    return TRUE;
}

static void
add_live_jobs(Driver *driver, GVariantBuilder *builder)
{
    g_autoptr(GPtrArray) domains = driver_get_domains(driver);

    for (guint i = 0; i < domains->len; i++) {
        GPtrArray *disks = domain_get_disks(domains->pdata[i]);

        for (guint k = 0; k < disks->len; k++) {
            const Disk *disk = disks->pdata[k];

            if (disk->job != NULL) {
                g_autoptr(GVariant) job = job_object_describe(disk->job);

                g_variant_builder_add_value(builder, job);
            }
        }
    }
}

static void
answer_jobs(Driver *driver, GDBusMethodInvocation *invocation, const GPtrArray *ended)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));

    add_live_jobs(driver, &builder);
    for (guint i = 0; ended != NULL && i < ended->len; i++) {
        g_autoptr(GVariant) job = job_object_describe(ended->pdata[i]);

        g_variant_builder_add_value(&builder, job);
    }

    virtblock_dbus_manager_complete_list_jobs(NULL, invocation, g_variant_builder_end(&builder));
}

static void
on_ended_jobs_listed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    ManagerObject *object = g_object_get_data(G_OBJECT(invocation), "virtblock-manager");
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ended = store_list_ended_jobs_finish(VB_STORE(source), result, &error);

    if (ended == NULL)
        gate_refuse(invocation, error);
    else
        answer_jobs(object->driver, invocation, ended);
}

static gboolean
handle_list_jobs(VirtblockDBusManager *face, GDBusMethodInvocation *invocation, guint flags)
{
    ManagerObject *object = VB_MANAGER_OBJECT(face);
    g_autoptr(GError) error = NULL;

    if (!units_check_flags("ListJobs", flags, LIST_ENDED_JOBS, &error)) {
        gate_refuse(invocation, error);
        return TRUE;
    }

    if ((flags & LIST_ENDED_JOBS) == 0) {
        answer_jobs(object->driver, invocation, NULL);
        return TRUE;
    }

    g_object_set_data_full(
        G_OBJECT(invocation), "virtblock-manager", g_object_ref(object), g_object_unref);
    store_list_ended_jobs_async(
        VB_STORE(object->store), MAX_LISTED, on_ended_jobs_listed, invocation);
    return TRUE;
}

static void
on_events_listed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray)
        events = daemon_store_list_events_finish(VB_DAEMON_STORE(source), result, &error);
    GVariantBuilder builder;

    if (events == NULL) {
        gate_refuse(invocation, error);
        return;
    }

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(ttsssa{sv})"));
    for (guint i = 0; i < events->len; i++) {
        const Event *event = events->pdata[i];

        g_variant_builder_add(&builder,
                              "(ttsss@a{sv})",
                              event->sequence,
                              (guint64)event->time_us,
                              event->domain_name,
                              event->domain_uuid,
                              event_kind_name(event->kind),
                              describe_event(event));
    }
    virtblock_dbus_manager_complete_list_events(NULL, invocation, g_variant_builder_end(&builder));
}

static gboolean
handle_list_events(VirtblockDBusManager *face,
                   GDBusMethodInvocation *invocation,
                   guint64 after,
                   guint limit)
{
    ManagerObject *object = VB_MANAGER_OBJECT(face);

    if (limit < 1 || limit > MAX_LISTED) {
        g_dbus_method_invocation_return_error(invocation,
                                              VBLK_ERROR,
                                              VBLK_ERROR_INVALID_ARGUMENT,
                                              "limit '%u' of 'ListEvents' is not 1 to '%d'",
                                              limit,
                                              MAX_LISTED);
        return TRUE;
    }

    daemon_store_list_events_async(object->store, after, limit, on_events_listed, invocation);
    return TRUE;
}

static void
manager_object_dispose(GObject *base)
{
    ManagerObject *object = VB_MANAGER_OBJECT(base);

    g_clear_object(&object->driver);
    g_clear_object(&object->store);

    G_OBJECT_CLASS(manager_object_parent_class)->dispose(base);
}

static void
manager_object_iface_init(VirtblockDBusManagerIface *iface)
{
    iface->handle_define_xml = handle_define_xml;
    iface->handle_define_image = handle_define_image;
    iface->handle_lookup_domain = handle_lookup_domain;
    iface->handle_list_jobs = handle_list_jobs;
    iface->handle_list_events = handle_list_events;
}

static void
manager_object_class_init(ManagerObjectClass *class)
{
    G_DBUS_INTERFACE_SKELETON_CLASS(class)->get_vtable = gate_get_vtable;
    G_OBJECT_CLASS(class)->dispose = manager_object_dispose;
}

static void
manager_object_init(ManagerObject *object)
{
}
