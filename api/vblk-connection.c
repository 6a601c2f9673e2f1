/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public connection */

#include "api/vblk-connection.h"

#include "api/vblk-block-job-private.h"
#include "api/vblk-connection-private.h"
#include "api/vblk-dial.h"
#include "api/vblk-domain-private.h"
#include "api/vblk-event-private.h"
#include "api/vblk-link.h"
#include "api/vblk-properties.h"

#define INTERFACE "org.virtblock1.Manager"

struct _VblkConnection {
    GObject parent;

    VblkLink *link;
    char *uri;
    char *daemon_version;
    guint events; /* subscription, 0: none */
};

G_DEFINE_FINAL_TYPE(VblkConnection, vblk_connection, G_TYPE_OBJECT)

enum {
    SIGNAL_EVENT,
    SIGNAL_CLOSED,
    N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* The context that signals go to, taken before a synchronous call brings in its own. */
typedef struct {
    VblkConnection *connection;
    GMainContext *context;
} Opening;

static void
opening_free(Opening *opening)
{
    g_object_unref(opening->connection);
    g_main_context_unref(opening->context);
    g_free(opening);
}

static void
on_event(GDBusConnection *bus,
         const char *sender,
         const char *path,
         const char *interface,
         const char *signal,
         GVariant *parameters,
         gpointer user_data)
{
    g_autoptr(VblkEvent) event = vblk_event_new(parameters);

    g_signal_emit(user_data, signals[SIGNAL_EVENT], 0, event);
}

static void
on_link_closed(VblkLink *link, GError *reason, gpointer user_data)
{
    g_signal_emit(user_data, signals[SIGNAL_CLOSED], 0, reason);
}

static void
on_manager_properties(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);
    g_autoptr(GVariant) properties = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_task_propagate_pointer(G_TASK(result), &error);

    if (reply == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    g_variant_get(reply, "(@a{sv})", &properties);
    opening->connection->daemon_version = g_strdup(
        vblk_properties_get_string(properties, "Version"));
    g_task_return_pointer(task, g_object_ref(opening->connection), g_object_unref);
}

static void
on_linked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    VblkConnection *connection = ((Opening *)g_task_get_task_data(task))->connection;
    g_autoptr(GTask) next = NULL;
    g_autoptr(GError) error = NULL;

    connection->link = vblk_link_new_finish(result, &error);
    if (connection->link == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    connection->events = vblk_link_subscribe(
        connection->link, INTERFACE, "Event", VBLK_ROOT_PATH, on_event, connection);
    g_signal_connect_object(connection->link, "closed", G_CALLBACK(on_link_closed), connection, 0);

    next = g_task_new(
        NULL, g_task_get_cancellable(task), on_manager_properties, g_object_ref(task));
    g_task_set_source_tag(next, on_linked);
    vblk_link_call(connection->link,
                   VBLK_ROOT_PATH,
                   "org.freedesktop.DBus.Properties",
                   "GetAll",
                   g_variant_new("(s)", INTERFACE),
                   next);
}

static void
on_dialled(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GIOStream) stream = vblk_dial_finish(result, &error);

    if (stream == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    vblk_link_new_async(
        stream, opening->context, g_task_get_cancellable(task), on_linked, g_object_ref(task));
}

void
vblk_connection_open_in_context(const char *uri,
                                GMainContext *context,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    g_autoptr(GError) error = NULL;
    VblkAddress *address = vblk_address_parse(uri, &error);
    Opening *opening;

    g_task_set_source_tag(task, vblk_connection_open_async);
    if (address == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    opening = g_new0(Opening, 1);
    opening->connection = g_object_new(VBLK_TYPE_CONNECTION, NULL);
    opening->connection->uri = g_strdup(address->uri);
    opening->context = g_main_context_ref(context);
    g_task_set_task_data(task, opening, (GDestroyNotify)opening_free);
    vblk_dial_async(address, cancellable, on_dialled, g_object_ref(task));
}

void
vblk_connection_open_async(const char *uri,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();

    vblk_connection_open_in_context(uri, context, cancellable, callback, user_data);
}

VblkConnection *
vblk_connection_open_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, vblk_connection_open_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

const char *
vblk_connection_get_uri(VblkConnection *connection)
{
    g_return_val_if_fail(VBLK_IS_CONNECTION(connection), NULL);

    return connection->uri;
}

const char *
vblk_connection_get_daemon_version(VblkConnection *connection)
{
    g_return_val_if_fail(VBLK_IS_CONNECTION(connection), NULL);

    return connection->daemon_version;
}

gboolean
vblk_connection_is_closed(VblkConnection *connection)
{
    g_return_val_if_fail(VBLK_IS_CONNECTION(connection), TRUE);

    return vblk_link_is_closed(connection->link);
}

static void
call(VblkConnection *connection, const char *method, GVariant *parameters, GTask *task)
{
    vblk_link_call(connection->link, VBLK_ROOT_PATH, INTERFACE, method, parameters, task);
}

static void
call_for_domain(VblkConnection *connection, const char *method, GVariant *parameters, GTask *task)
{
    vblk_link_call_for_object(connection->link,
                              VBLK_ROOT_PATH,
                              INTERFACE,
                              method,
                              parameters,
                              "org.virtblock1.Domain",
                              vblk_domain_build,
                              task);
}

void
vblk_connection_lookup_domain_async(VblkConnection *connection,
                                    const char *name,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_CONNECTION(connection));
    g_return_if_fail(name != NULL);

    task = g_task_new(connection, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_connection_lookup_domain_async);
    call_for_domain(connection, "LookupDomain", g_variant_new("(s)", name), task);
}

VblkDomain *
vblk_connection_lookup_domain_finish(VblkConnection *connection,
                                     GAsyncResult *result,
                                     GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, connection), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vblk_connection_define_xml_async(VblkConnection *connection,
                                 const char *xml,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_CONNECTION(connection));
    g_return_if_fail(xml != NULL);

    task = g_task_new(connection, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_connection_define_xml_async);
    call_for_domain(connection, "DefineXML", g_variant_new("(su)", xml, 0), task);
}

VblkDomain *
vblk_connection_define_xml_finish(VblkConnection *connection, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, connection), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vblk_connection_define_image_async(VblkConnection *connection,
                                   const char *name,
                                   const char *path,
                                   const char *format,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data)
{
    g_autoptr(GTask) task = NULL;
    g_auto(GVariantDict) options = G_VARIANT_DICT_INIT(NULL);

    g_return_if_fail(VBLK_IS_CONNECTION(connection));
    g_return_if_fail(name != NULL && path != NULL);

    task = g_task_new(connection, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_connection_define_image_async);
    if (format != NULL)
        g_variant_dict_insert(&options, "format", "s", format);
    call_for_domain(connection,
                    "DefineImage",
                    g_variant_new("(ss@a{sv})", name, path, g_variant_dict_end(&options)),
                    task);
}

VblkDomain *
vblk_connection_define_image_finish(VblkConnection *connection,
                                    GAsyncResult *result,
                                    GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, connection), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

static int
compare_domains(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(vblk_domain_get_name(*(VblkDomain *const *)a),
                     vblk_domain_get_name(*(VblkDomain *const *)b));
}

void
vblk_connection_list_domains_async(VblkConnection *connection,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_CONNECTION(connection));

    task = g_task_new(connection, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_connection_list_domains_async);
    vblk_link_list_objects(
        connection->link, VBLK_ROOT_PATH, "org.virtblock1.Domain", vblk_domain_build, task);
}

GPtrArray *
vblk_connection_list_domains_finish(VblkConnection *connection,
                                    GAsyncResult *result,
                                    GError **error)
{
    GPtrArray *domains;

    g_return_val_if_fail(g_task_is_valid(result, connection), NULL);

    domains = g_task_propagate_pointer(G_TASK(result), error);
    if (domains != NULL)
        g_ptr_array_sort(domains, compare_domains);
    return domains;
}

void
vblk_connection_list_jobs_async(VblkConnection *connection,
                                gboolean with_ended,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_CONNECTION(connection));

    task = g_task_new(connection, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_connection_list_jobs_async);
    call(connection, "ListJobs", g_variant_new("(u)", with_ended ? 1 : 0), task);
}

GPtrArray *
vblk_connection_list_jobs_finish(VblkConnection *connection, GAsyncResult *result, GError **error)
{
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GVariantIter) iter = NULL;
    g_autoptr(GVariant) reply = NULL;
    GVariant *properties;

    g_return_val_if_fail(g_task_is_valid(result, connection), NULL);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (reply == NULL)
        return NULL;

    g_variant_get(reply, "(aa{sv})", &iter);
    while (g_variant_iter_next(iter, "@a{sv}", &properties)) {
        g_ptr_array_add(jobs, vblk_block_job_build_listed(connection->link, properties));
        g_variant_unref(properties);
    }

    return g_steal_pointer(&jobs);
}

void
vblk_connection_list_events_async(VblkConnection *connection,
                                  guint64 after,
                                  guint limit,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_CONNECTION(connection));

    task = g_task_new(connection, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_connection_list_events_async);
    call(connection, "ListEvents", g_variant_new("(tu)", after, limit), task);
}

GPtrArray *
vblk_connection_list_events_finish(VblkConnection *connection, GAsyncResult *result, GError **error)
{
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GVariantIter) iter = NULL;
    g_autoptr(GVariant) reply = NULL;
    GVariant *tuple;

    g_return_val_if_fail(g_task_is_valid(result, connection), NULL);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (reply == NULL)
        return NULL;

    g_variant_get(reply, "(a(ttsssa{sv}))", &iter);
    while (g_variant_iter_next(iter, "@(ttsssa{sv})", &tuple)) {
        g_ptr_array_add(events, vblk_event_new(tuple));
        g_variant_unref(tuple);
    }

    return g_steal_pointer(&events);
}

static void
vblk_connection_finalize(GObject *object)
{
    VblkConnection *connection = VBLK_CONNECTION(object);

    if (connection->events != 0)
        vblk_link_unsubscribe(connection->link, connection->events);
    g_clear_object(&connection->link);
    g_free(connection->uri);
    g_free(connection->daemon_version);

    G_OBJECT_CLASS(vblk_connection_parent_class)->finalize(object);
}

static void
vblk_connection_class_init(VblkConnectionClass *class)
{
    G_OBJECT_CLASS(class)->finalize = vblk_connection_finalize;

    /**
     * VblkConnection::event:
     * @event: a #VblkEvent
     *
     * Something happened to a domain; it is in the journal already.
     *
     * Since: 0.1
     */
    signals[SIGNAL_EVENT] = g_signal_new("event",
                                         VBLK_TYPE_CONNECTION,
                                         G_SIGNAL_RUN_LAST,
                                         0,
                                         NULL,
                                         NULL,
                                         NULL,
                                         G_TYPE_NONE,
                                         1,
                                         VBLK_TYPE_EVENT);

    /**
     * VblkConnection::closed:
     * @reason: (nullable): a #GError
     *
     * The daemon has gone. Jobs run on; a new connection finds them.
     *
     * Since: 0.1
     */
    signals[SIGNAL_CLOSED] = g_signal_new("closed",
                                          VBLK_TYPE_CONNECTION,
                                          G_SIGNAL_RUN_LAST,
                                          0,
                                          NULL,
                                          NULL,
                                          NULL,
                                          G_TYPE_NONE,
                                          1,
                                          G_TYPE_ERROR);
}

static void
vblk_connection_init(VblkConnection *connection)
{
}
