/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Monitor sockets */

#include "qemu-shim/endpoint.h"

#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <gio/gunixsocketaddress.h>

#include "qemu-shim/monitor/hmp-session.h"
#include "qemu-shim/monitor/qmp-session.h"

/* What a listener serves its connections as; lives as long as the process. */
typedef struct {
    Shim *shim;
    MonitorMode mode;
    guint n_clients;
} Service;

/* Each keeps memory for what it has not read yet. One that is too many is told so by the end. */
#define MAX_CLIENTS 64

static void
serve(Shim *shim, MonitorMode mode, GIOStream *stream)
{
    switch (mode) {
    case MONITOR_QMP:
        qmp_session_start(shim, stream);
        break;
    case MONITOR_HMP:
        hmp_session_start(shim, stream);
        break;
    }
}

static void
on_client_gone(gpointer user_data, GObject *connection)
{
    ((Service *)user_data)->n_clients--;
}

static gboolean
on_incoming(GSocketService *listener,
            GSocketConnection *connection,
            GObject *source,
            gpointer user_data)
{
    Service *service = user_data;

    if (service->n_clients >= MAX_CLIENTS) {
        g_warning("a monitor has %d clients already, turning one away", MAX_CLIENTS);
        return TRUE;
    }

    service->n_clients++;
    g_object_weak_ref(G_OBJECT(connection), on_client_gone, service);
    serve(service->shim, service->mode, G_IO_STREAM(connection));
    return TRUE;
}

static GSocketAddress *
make_address(const Endpoint *endpoint)
{
    g_autoptr(GSocketAddress) address = NULL;

    if (endpoint->unix_path != NULL)
        return g_unix_socket_address_new(endpoint->unix_path);

    address = g_inet_socket_address_new_from_string(
        endpoint->host[0] == '\0' || g_str_equal(endpoint->host, "localhost") ? "127.0.0.1"
                                                                              : endpoint->host,
        endpoint->port);
    return g_steal_pointer(&address);
}

/* A socket file that a process before us left is in the way; one that is served, or that is no
 * socket, is not ours to remove. */
static gboolean
clear_path(const char *path, GSocketAddress *address, GError **error)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketConnection) connection = NULL;
    struct stat status;

    if (lstat(path, &status) < 0)
        return TRUE; /* binding tells what is wrong, if it is not just absent */
    if (!S_ISSOCK(status.st_mode)) {
        g_set_error(
            error, G_IO_ERROR, G_IO_ERROR_EXISTS, "'%s' is there already and is no socket", path);
        return FALSE;
    }

    connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
    if (connection != NULL) {
        g_set_error(error,
                    G_IO_ERROR,
                    G_IO_ERROR_ADDRESS_IN_USE,
                    "the socket '%s' is in use by another process",
                    path);
        return FALSE;
    }

    unlink(path);
    return TRUE;
}

/* A socket is for its owner alone from the moment it is there. */
static gboolean
bind_privately(GSocketService *listener, GSocketAddress *address, GError **error)
{
    mode_t mask = umask(0077);
    gboolean is_bound = g_socket_listener_add_address(G_SOCKET_LISTENER(listener),
                                                      address,
                                                      G_SOCKET_TYPE_STREAM,
                                                      G_SOCKET_PROTOCOL_DEFAULT,
                                                      NULL,
                                                      NULL,
                                                      error);

    umask(mask);
    return is_bound;
}

static gboolean
listen_at(Shim *shim, const Monitor *monitor, GSocketAddress *address, GError **error)
{
    g_autoptr(GSocketService) listener = g_socket_service_new();
    const char *path = monitor->endpoint->unix_path;
    Service *service;

    if (path != NULL && !clear_path(path, address, error))
        return FALSE;
    if (!bind_privately(listener, address, error)) {
        g_prefix_error(
            error, "cannot listen at '%s': ", path != NULL ? path : monitor->endpoint->host);
        return FALSE;
    }
    if (path != NULL)
        g_ptr_array_add(shim->sockets, g_strdup(path));

    service = g_new0(Service, 1);
    service->shim = shim;
    service->mode = monitor->mode;
    g_signal_connect_data(g_steal_pointer(&listener),
                          "incoming",
                          G_CALLBACK(on_incoming),
                          service,
                          (GClosureNotify)(void (*)(void))g_free,
                          0);
    return TRUE;
}

gboolean
endpoint_open(Shim *shim, const Monitor *monitor, GError **error)
{
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GSocketClient) client = NULL;
    g_autoptr(GSocketConnection) connection = NULL;

    if (monitor->endpoint->is_stdio) {
        g_autoptr(GInputStream) input = g_unix_input_stream_new(STDIN_FILENO, FALSE);
        g_autoptr(GOutputStream) output = g_unix_output_stream_new(STDOUT_FILENO, FALSE);
        g_autoptr(GIOStream) stream = g_simple_io_stream_new(input, output);

        serve(shim, monitor->mode, stream);
        return TRUE;
    }

    address = make_address(monitor->endpoint);
    if (address == NULL) {
        g_set_error(error,
                    G_IO_ERROR,
                    G_IO_ERROR_INVALID_ARGUMENT,
                    "'%s' is no address",
                    monitor->endpoint->host);
        return FALSE;
    }
    if (monitor->endpoint->is_server)
        return listen_at(shim, monitor, address, error);

    client = g_socket_client_new();
    connection = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, error);
    if (connection == NULL) {
        g_prefix_error(error,
                       "cannot connect to '%s': ",
                       monitor->endpoint->unix_path != NULL ? monitor->endpoint->unix_path
                                                            : monitor->endpoint->host);
        return FALSE;
    }
    serve(shim, monitor->mode, G_IO_STREAM(connection));
    return TRUE;
}

void
endpoint_close_all(Shim *shim)
{
    for (guint i = 0; i < shim->sockets->len; i++)
        unlink(g_ptr_array_index(shim->sockets, i));
    g_ptr_array_set_size(shim->sockets, 0);
}
