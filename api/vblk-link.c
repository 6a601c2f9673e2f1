/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Daemon link */

#include "api/vblk-link.h"

#include "api/vblk-error.h"

struct _VblkLink {
    GObject parent;

    GDBusConnection *bus;
    GMainContext *context;
};

G_DEFINE_FINAL_TYPE(VblkLink, vblk_link, G_TYPE_OBJECT)

enum {
    SIGNAL_CLOSED,
    N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* What a call for an object needs after the first reply; task data. */
typedef struct {
    VblkLink *link;
    char *path; /* of the object, once known */
    char *interface;
    VblkBuild build;
} Fetch;

static void
fetch_free(Fetch *fetch)
{
    g_object_unref(fetch->link);
    g_free(fetch->path);
    g_free(fetch->interface);
    g_free(fetch);
}

static void
on_bus_closed(GDBusConnection *bus, gboolean by_remote, GError *reason, gpointer user_data)
{
    g_signal_emit(user_data, signals[SIGNAL_CLOSED], 0, reason);
}

static void
on_bus_ready(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    VblkLink *link = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;

    if (!g_async_initable_init_finish(G_ASYNC_INITABLE(source), result, &error)) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_NO_CONNECTION,
                                "virtblockd refused the connection: %s",
                                error->message);
        return;
    }

    g_signal_connect_object(link->bus, "closed", G_CALLBACK(on_bus_closed), link, 0);
    g_task_return_pointer(task, g_object_ref(link), g_object_unref);
}

void
vblk_link_new_async(GIOStream *stream,
                    GMainContext *context,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    VblkLink *link = g_object_new(VBLK_TYPE_LINK, NULL);

    g_task_set_source_tag(task, vblk_link_new_async);
    g_task_set_task_data(task, link, g_object_unref);
    link->context = g_main_context_ref(context);

    /* GDBus emits "closed" in the context that is the default when the object is made. */
    g_main_context_push_thread_default(context);
    link->bus = g_object_new(G_TYPE_DBUS_CONNECTION,
                             "stream",
                             stream,
                             "flags",
                             G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
                             NULL);
    g_main_context_pop_thread_default(context);

    g_dbus_connection_set_exit_on_close(link->bus, FALSE);
    g_async_initable_init_async(G_ASYNC_INITABLE(link->bus),
                                G_PRIORITY_DEFAULT,
                                cancellable,
                                on_bus_ready,
                                g_steal_pointer(&task));
}

VblkLink *
vblk_link_new_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, vblk_link_new_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

gboolean
vblk_link_is_closed(VblkLink *link)
{
    return g_dbus_connection_is_closed(link->bus);
}

guint
vblk_link_subscribe(VblkLink *link,
                    const char *interface,
                    const char *member,
                    const char *path,
                    GDBusSignalCallback callback,
                    gpointer user_data)
{
    guint id;

    g_main_context_push_thread_default(link->context);
    id = g_dbus_connection_signal_subscribe(link->bus,
                                            NULL,
                                            interface,
                                            member,
                                            path,
                                            NULL,
                                            G_DBUS_SIGNAL_FLAGS_NONE,
                                            callback,
                                            user_data,
                                            NULL);
    g_main_context_pop_thread_default(link->context);

    return id;
}

void
vblk_link_unsubscribe(VblkLink *link, guint id)
{
    g_dbus_connection_signal_unsubscribe(link->bus, id);
}

/* The errors of the contract cross unchanged; all others mean that the daemon is not there. */
static GVariant *
finish_call(GObject *source, GAsyncResult *result, GError **error)
{
    g_autoptr(GError) reason = NULL;
    GVariant *reply;

    reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &reason);
    if (reply != NULL)
        return reply;

    if (reason->domain == VBLK_ERROR) {
        g_dbus_error_strip_remote_error(reason);
        g_propagate_error(error, g_steal_pointer(&reason));
    } else if (g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_propagate_error(error, g_steal_pointer(&reason));
    } else if (g_dbus_error_is_remote_error(reason)) {
        g_dbus_error_strip_remote_error(reason);
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_FAILED, "virtblockd: %s", reason->message);
    } else {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_CONNECTION,
                    "lost the connection to virtblockd: %s",
                    reason->message);
    }

    return NULL;
}

static void
call(VblkLink *link,
     const char *path,
     const char *interface,
     const char *method,
     GVariant *parameters,
     GAsyncReadyCallback callback,
     GTask *task)
{
    /* Registers the names of our errors before the first of them can arrive. */
    (void)VBLK_ERROR;

    g_dbus_connection_call(link->bus,
                           NULL,
                           path,
                           interface,
                           method,
                           parameters,
                           NULL,
                           G_DBUS_CALL_FLAGS_NONE,
                           G_MAXINT,
                           g_task_get_cancellable(task),
                           callback,
                           g_object_ref(task));
}

static void
on_called(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    GVariant *reply = finish_call(source, result, &error);

    if (reply != NULL)
        g_task_return_pointer(task, reply, (GDestroyNotify)g_variant_unref);
    else
        g_task_return_error(task, g_steal_pointer(&error));
}

void
vblk_link_call(VblkLink *link,
               const char *path,
               const char *interface,
               const char *method,
               GVariant *parameters,
               GTask *task)
{
    call(link, path, interface, method, parameters, on_called, task);
}

static void
on_properties(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Fetch *fetch = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) properties = NULL;
    g_autoptr(GVariant) reply = finish_call(source, result, &error);

    if (reply == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    g_variant_get(reply, "(@a{sv})", &properties);
    g_task_return_pointer(task, fetch->build(fetch->link, fetch->path, properties), g_object_unref);
}

static void
on_object_path(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Fetch *fetch = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = finish_call(source, result, &error);

    if (reply == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    g_variant_get(reply, "(o)", &fetch->path);
    if (g_str_equal(fetch->path, "/")) {
        g_task_return_pointer(task, NULL, NULL);
        return;
    }

    call(fetch->link,
         fetch->path,
         "org.freedesktop.DBus.Properties",
         "GetAll",
         g_variant_new("(s)", fetch->interface),
         on_properties,
         task);
}

static void
set_fetch(GTask *task, VblkLink *link, const char *path, const char *interface, VblkBuild build)
{
    Fetch *fetch = g_new0(Fetch, 1);

    fetch->link = g_object_ref(link);
    fetch->path = g_strdup(path);
    fetch->interface = g_strdup(interface);
    fetch->build = build;
    g_task_set_task_data(task, fetch, (GDestroyNotify)fetch_free);
}

void
vblk_link_call_for_object(VblkLink *link,
                          const char *path,
                          const char *interface,
                          const char *method,
                          GVariant *parameters,
                          const char *result_interface,
                          VblkBuild build,
                          GTask *task)
{
    set_fetch(task, link, NULL, result_interface, build);
    call(link, path, interface, method, parameters, on_object_path, task);
}

static void
on_managed_objects(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Fetch *fetch = g_task_get_task_data(task);
    g_autoptr(GPtrArray) objects = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariantIter) iter = NULL;
    g_autoptr(GVariant) reply = finish_call(source, result, &error);
    const char *path;
    GVariant *interfaces;

    if (reply == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    g_variant_get(reply, "(a{oa{sa{sv}}})", &iter);
    while (g_variant_iter_next(iter, "{&o@a{sa{sv}}}", &path, &interfaces)) {
        g_autoptr(GVariant) properties = g_variant_lookup_value(
            interfaces, fetch->interface, G_VARIANT_TYPE_VARDICT);

        if (properties != NULL && g_str_has_prefix(path, fetch->path))
            g_ptr_array_add(objects, fetch->build(fetch->link, path, properties));
        g_variant_unref(interfaces);
    }

    g_task_return_pointer(task, g_steal_pointer(&objects), (GDestroyNotify)g_ptr_array_unref);
}

void
vblk_link_list_objects(VblkLink *link,
                       const char *prefix,
                       const char *interface,
                       VblkBuild build,
                       GTask *task)
{
    set_fetch(task, link, prefix, interface, build);
    call(link,
         VBLK_ROOT_PATH,
         "org.freedesktop.DBus.ObjectManager",
         "GetManagedObjects",
         NULL,
         on_managed_objects,
         task);
}

static void
vblk_link_dispose(GObject *object)
{
    VblkLink *link = VBLK_LINK(object);

    if (link->bus != NULL && !g_dbus_connection_is_closed(link->bus))
        g_dbus_connection_close(link->bus, NULL, NULL, NULL);
    g_clear_object(&link->bus);
    g_clear_pointer(&link->context, g_main_context_unref);

    G_OBJECT_CLASS(vblk_link_parent_class)->dispose(object);
}

static void
vblk_link_class_init(VblkLinkClass *class)
{
    G_OBJECT_CLASS(class)->dispose = vblk_link_dispose;

    signals[SIGNAL_CLOSED] = g_signal_new("closed",
                                          VBLK_TYPE_LINK,
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
vblk_link_init(VblkLink *link)
{
}
