/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Private socket */

#include "daemon/listener.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#include "api/vblk-error.h"
#include "daemon/authorizer.h"

#define AUTHENTICATION_TIMEOUT_S 10

struct Listener {
    GSocketService *service;
    char *socket_path;
    char *guid;
    Exporter *exporter; /* borrowed, outlives us */
    GPtrArray *clients; /* of GDBusConnection, owned */
    guint n_opening;    /* that have not authenticated yet */
    GCancellable *closing;
    void (*on_changed)(gpointer user_data);
    gpointer user_data;
};

/* A client that is authenticating; it has so long for that. */
typedef struct {
    Listener *listener;
    GIOStream *stream;
    GCancellable *cancellable;
    guint timeout;
} Arrival;

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error,
                      g_error_new_valist(VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID, format, list));
    va_end(list);
    return FALSE;
}

static void
on_client_closed(GDBusConnection *connection,
                 gboolean by_remote,
                 GError *reason,
                 gpointer user_data)
{
    Listener *listener = user_data;

    g_signal_handlers_disconnect_by_data(connection, listener);
    exporter_remove_connection(listener->exporter, connection);
    g_ptr_array_remove(listener->clients, connection);
    listener->on_changed(listener->user_data);
}

static void
arrival_free(Arrival *arrival)
{
    if (arrival->timeout != 0)
        g_source_remove(arrival->timeout);
    g_object_unref(arrival->stream);
    g_object_unref(arrival->cancellable);
    g_free(arrival);
}

static void
on_authenticated(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Arrival *arrival = user_data;
    Listener *listener = arrival->listener;
    gboolean is_closing = g_cancellable_is_cancelled(listener->closing);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) connection = g_dbus_connection_new_finish(result, &error);

    arrival_free(arrival);
    if (is_closing)
        return;

    listener->n_opening--;
    if (connection == NULL) {
        g_debug("a client did not authenticate: %s", error->message);
        listener->on_changed(listener->user_data);
        return;
    }

    g_dbus_connection_set_exit_on_close(connection, FALSE);
    g_signal_connect(connection, "closed", G_CALLBACK(on_client_closed), listener);
    g_ptr_array_add(listener->clients, g_object_ref(connection));
    exporter_add_connection(listener->exporter, connection);
    g_dbus_connection_start_message_processing(connection);
    listener->on_changed(listener->user_data);
}

static gboolean
on_too_slow(gpointer user_data)
{
    Arrival *arrival = user_data;

    arrival->timeout = 0;
    g_cancellable_cancel(arrival->cancellable);
    g_io_stream_close(arrival->stream, NULL, NULL);
    return G_SOURCE_REMOVE;
}

static gboolean
is_allowed(GSocketConnection *stream)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GCredentials)
        credentials = g_socket_get_credentials(g_socket_connection_get_socket(stream), &error);
    uid_t uid;

    if (credentials == NULL ||
        (uid = g_credentials_get_unix_user(credentials, &error)) == (uid_t)-1) {
        g_warning("a client without credentials was refused: %s", error->message);
        return FALSE;
    }
    if (!authorizer_allows_uid((guint32)uid)) {
        g_warning("a client of user %u was refused", (guint)uid);
        return FALSE;
    }

    return TRUE;
}

static gboolean
on_incoming(GSocketService *service, GSocketConnection *stream, GObject *source, gpointer user_data)
{
    Listener *listener = user_data;
    Arrival *arrival;

    if (listener->clients->len + listener->n_opening >= LISTENER_MAX_CLIENTS) {
        g_warning("more than %d clients: one was refused", LISTENER_MAX_CLIENTS);
        return TRUE;
    }
    if (!is_allowed(stream))
        return TRUE;

    arrival = g_new0(Arrival, 1);
    arrival->listener = listener;
    arrival->stream = g_object_ref(G_IO_STREAM(stream));
    arrival->cancellable = g_cancellable_new();
    arrival->timeout = g_timeout_add_seconds(AUTHENTICATION_TIMEOUT_S, on_too_slow, arrival);
    listener->n_opening++;
    g_dbus_connection_new(G_IO_STREAM(stream),
                          listener->guid,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL,
                          arrival->cancellable,
                          on_authenticated,
                          arrival);
    return TRUE;
}

/* The folder is made, or found to be ours alone. */
static gboolean
check_folder(const char *socket_path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(socket_path);
    struct stat status;

    if (g_mkdir_with_parents(folder, 0700) < 0 || lstat(folder, &status) < 0)
        return refuse(error, "cannot make the folder '%s': %s", folder, g_strerror(errno));
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid())
        return refuse(error, "'%s' is not a folder of ours", folder);
    if ((status.st_mode & 077) != 0)
        return refuse(error,
                      "the folder '%s' is open to others (mode %04o): chmod 0700 it, or choose "
                      "another --socket",
                      folder,
                      status.st_mode & 07777);
    return TRUE;
}

/* A socket that nobody answers on is left from a daemon that is gone. */
static gboolean
clear_place(const char *socket_path, GSocketAddress *address, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) answer = NULL;
    struct stat status;

    if (lstat(socket_path, &status) < 0)
        return TRUE;
    if (!S_ISSOCK(status.st_mode))
        return refuse(error, "'%s' is there and is no socket", socket_path);

    answer = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
    if (answer != NULL)
        return refuse(error, "another virtblockd listens at '%s'", socket_path);
    if (unlink(socket_path) < 0)
        return refuse(error, "cannot remove '%s': %s", socket_path, g_strerror(errno));
    return TRUE;
}

static gboolean
bind_socket(Listener *listener, GSocketAddress *address, GError **error)
{
    mode_t mask = umask(0177);
    gboolean is_bound = g_socket_listener_add_address(G_SOCKET_LISTENER(listener->service),
                                                      address,
                                                      G_SOCKET_TYPE_STREAM,
                                                      G_SOCKET_PROTOCOL_DEFAULT,
                                                      NULL,
                                                      NULL,
                                                      error);

    umask(mask);
    return is_bound;
}

Listener *
listener_new(const char *socket_path,
             Exporter *exporter,
             void (*on_changed)(gpointer user_data),
             gpointer user_data,
             GError **error)
{
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(socket_path);
    Listener *listener;

    if (!check_folder(socket_path, error) || !clear_place(socket_path, address, error))
        return NULL;

    listener = g_new0(Listener, 1);
    listener->service = g_socket_service_new();
    listener->guid = g_dbus_generate_guid();
    listener->exporter = exporter;
    listener->clients = g_ptr_array_new_with_free_func(g_object_unref);
    listener->closing = g_cancellable_new();
    listener->on_changed = on_changed;
    listener->user_data = user_data;
    if (!bind_socket(listener, address, error)) {
        listener_free(listener);
        return NULL;
    }

    listener->socket_path = g_strdup(socket_path);
    g_signal_connect(listener->service, "incoming", G_CALLBACK(on_incoming), listener);
    return listener;
}

void
listener_free(Listener *listener)
{
    if (listener == NULL)
        return;

    g_cancellable_cancel(listener->closing);
    g_socket_service_stop(listener->service);
    g_socket_listener_close(G_SOCKET_LISTENER(listener->service));
    for (guint i = 0; i < listener->clients->len; i++) {
        GDBusConnection *connection = g_ptr_array_index(listener->clients, i);

        g_signal_handlers_disconnect_by_data(connection, listener);
        exporter_remove_connection(listener->exporter, connection);
        g_dbus_connection_flush_sync(connection, NULL, NULL);
        g_dbus_connection_close_sync(connection, NULL, NULL);
    }
    if (listener->socket_path != NULL)
        unlink(listener->socket_path);
    g_ptr_array_unref(listener->clients);
    g_object_unref(listener->service);
    g_object_unref(listener->closing);
    g_free(listener->socket_path);
    g_free(listener->guid);
    g_free(listener);
}

guint
listener_count_clients(const Listener *listener)
{
    return listener->clients->len + listener->n_opening;
}
