/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Message bus */

#include "daemon/bus.h"

struct Bus {
    Exporter *exporter;
    GCancellable *cancellable;
    GDBusConnection *connection; /* NULL: none yet, or none any more */
    guint name_id;
};

static void
leave_connection(Bus *bus)
{
    if (bus->connection == NULL)
        return;

    g_signal_handlers_disconnect_by_data(bus->connection, bus);
    g_clear_handle_id(&bus->name_id, g_bus_unown_name);
    exporter_remove_connection(bus->exporter, bus->connection);
    g_clear_object(&bus->connection);
}

static void
on_closed(GDBusConnection *connection, gboolean by_remote, GError *reason, Bus *bus)
{
    g_info("the message bus has gone: %s", reason != NULL ? reason->message : "closed");
    leave_connection(bus);
}

static void
on_name_lost(GDBusConnection *connection, const char *name, gpointer user_data)
{
    g_info("the name '%s' on the message bus is not ours", name);
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Bus *bus = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) connection = g_bus_get_finish(result, &error);

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* and @bus is gone */

    if (connection == NULL) {
        g_info("there is no message bus: %s", error->message);
        return;
    }

    g_dbus_connection_set_exit_on_close(connection, FALSE);
    if (!exporter_add_connection(bus->exporter, connection, &error)) {
        g_warning("cannot show objects on the message bus: %s, ignoring", error->message);
        return;
    }

    bus->connection = g_steal_pointer(&connection);
    g_signal_connect(bus->connection, "closed", G_CALLBACK(on_closed), bus);
    bus->name_id = g_bus_own_name_on_connection(bus->connection,
                                                BUS_NAME,
                                                G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                                NULL,
                                                on_name_lost,
                                                NULL,
                                                NULL);
}

/* GIO would start a bus of its own where a session has none. */
static gboolean
has_session_bus(void)
{
    const char *runtime = g_getenv("XDG_RUNTIME_DIR");
    g_autofree char *socket = g_build_filename(runtime != NULL ? runtime : "/", "bus", NULL);

    return g_getenv("DBUS_SESSION_BUS_ADDRESS") != NULL ||
           (runtime != NULL && g_file_test(socket, G_FILE_TEST_EXISTS));
}

Bus *
bus_join(Exporter *exporter, gboolean is_session)
{
    Bus *bus = g_new0(Bus, 1);

    bus->exporter = g_object_ref(exporter);
    bus->cancellable = g_cancellable_new();
    if (!is_session || has_session_bus())
        g_bus_get(is_session ? G_BUS_TYPE_SESSION : G_BUS_TYPE_SYSTEM,
                  bus->cancellable,
                  on_connected,
                  bus);
    return bus;
}

void
bus_leave(Bus *bus)
{
    if (bus == NULL)
        return;

    g_cancellable_cancel(bus->cancellable);
    leave_connection(bus);
    g_object_unref(bus->cancellable);
    g_object_unref(bus->exporter);
    g_free(bus);
}
