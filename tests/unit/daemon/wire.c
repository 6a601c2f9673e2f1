/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Test wire */

#include "wire.h"

#include <sys/socket.h>

#include <gio/gunixfdlist.h>

static GIOStream *
stream_of(int fd)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, &error);

    g_assert_no_error(error);
    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    *(GDBusConnection **)user_data = g_dbus_connection_new_finish(result, &error);
    g_assert_no_error(error);
}

Wire *
wire_new(void)
{
    Wire *wire = g_new0(Wire, 1);
    g_autofree char *guid = g_dbus_generate_guid();
    g_autoptr(GIOStream) server = NULL;
    g_autoptr(GIOStream) client = NULL;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    server = stream_of(fds[0]);
    client = stream_of(fds[1]);
    g_dbus_connection_new(server,
                          guid,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL,
                          NULL,
                          on_connected,
                          &wire->server);
    g_dbus_connection_new(client,
                          NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
                          NULL,
                          NULL,
                          on_connected,
                          &wire->client);
    while (wire->server == NULL || wire->client == NULL)
        g_main_context_iteration(NULL, TRUE);
    return wire;
}

void
wire_start(Wire *wire)
{
    g_dbus_connection_start_message_processing(wire->server);
}

void
wire_free(Wire *wire)
{
    g_dbus_connection_close_sync(wire->client, NULL, NULL);
    g_object_unref(wire->client);
    g_object_unref(wire->server);
    g_free(wire);
}

static void
on_called(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GAsyncResult **)user_data = g_object_ref(result);
}

GVariant *
wire_call(GDBusConnection *connection,
          const char *path,
          const char *interface,
          const char *method,
          GVariant *parameters,
          GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    g_dbus_connection_call(connection,
                           NULL,
                           path,
                           interface,
                           method,
                           parameters,
                           NULL,
                           G_DBUS_CALL_FLAGS_NONE,
                           -1,
                           NULL,
                           on_called,
                           &result);
    while (result == NULL)
        g_main_context_iteration(NULL, TRUE);
    return g_dbus_connection_call_finish(connection, result, error);
}

void
wire_wait(const gboolean *flag)
{
    while (!*flag)
        g_main_context_iteration(NULL, TRUE);
}
