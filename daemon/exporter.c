/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Object exporter */

#include "daemon/exporter.h"

#include "daemon/authorizer.h"
#include "daemon/object-path.h"

#define MANAGER_INTERFACE "org.freedesktop.DBus.ObjectManager"

static const char manager_xml[] =
    "<node>"
    "  <interface name='" MANAGER_INTERFACE "'>"
    "    <method name='GetManagedObjects'>"
    "      <arg name='objects' type='a{oa{sa{sv}}}' direction='out'/>"
    "    </method>"
    "    <signal name='InterfacesAdded'>"
    "      <arg name='object' type='o'/><arg name='interfaces' type='a{sa{sv}}'/>"
    "    </signal>"
    "    <signal name='InterfacesRemoved'>"
    "      <arg name='object' type='o'/><arg name='interfaces' type='as'/>"
    "    </signal>"
    "  </interface>"
    "</node>";

typedef struct {
    GDBusConnection *connection; /* owned */
    guint manager;               /* registration of the object manager */
} Client;

struct Exporter {
    GHashTable *objects; /* path -> GDBusInterfaceSkeleton, owned */
    GPtrArray *clients;  /* of Client, owned */
    GDBusNodeInfo *info;
};

static void
client_free(Client *client)
{
    g_dbus_connection_unregister_object(client->connection, client->manager);
    g_object_unref(client->connection);
    g_free(client);
}

Exporter *
exporter_new(void)
{
    Exporter *exporter = g_new0(Exporter, 1);

    exporter->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_object_unref);
    exporter->clients = g_ptr_array_new_with_free_func((GDestroyNotify)client_free);
    exporter->info = g_dbus_node_info_new_for_xml(manager_xml, NULL);
    return exporter;
}

void
exporter_free(Exporter *exporter)
{
    if (exporter == NULL)
        return;

    while (exporter->clients->len > 0) {
        Client *client = g_ptr_array_index(exporter->clients, 0);

        exporter_remove_connection(exporter, client->connection);
    }
    g_ptr_array_unref(exporter->clients);
    g_hash_table_unref(exporter->objects);
    g_dbus_node_info_unref(exporter->info);
    g_free(exporter);
}

/* Of one object: its interface with all properties. */
static GVariant *
describe(GDBusInterfaceSkeleton *skeleton)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sa{sv}}"));
    g_autoptr(GVariant) properties = g_dbus_interface_skeleton_get_properties(skeleton);

    g_variant_builder_add(
        &builder, "{s@a{sv}}", g_dbus_interface_skeleton_get_info(skeleton)->name, properties);
    return g_variant_builder_end(&builder);
}

static void
on_manager_call(GDBusConnection *connection,
                const char *sender,
                const char *path,
                const char *interface,
                const char *method,
                GVariant *parameters,
                GDBusMethodInvocation *invocation,
                gpointer user_data)
{
    Exporter *exporter = user_data;
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{oa{sa{sv}}}"));
    GHashTableIter iter;
    gpointer object_path, skeleton;

    g_hash_table_iter_init(&iter, exporter->objects);
    while (g_hash_table_iter_next(&iter, &object_path, &skeleton)) {
        if (g_str_equal(object_path, ROOT_PATH))
            continue;
        g_variant_builder_add(&builder, "{o@a{sa{sv}}}", object_path, describe(skeleton));
    }

    g_dbus_method_invocation_return_value(invocation, g_variant_new("(a{oa{sa{sv}}})", &builder));
}

static void
export_on(GDBusConnection *connection, const char *path, GDBusInterfaceSkeleton *skeleton)
{
    g_autoptr(GError) error = NULL;

    if (!g_dbus_interface_skeleton_export(skeleton, connection, path, &error))
        g_warning("cannot export '%s': %s, ignoring", path, error->message);
}

void
exporter_add_connection(Exporter *exporter, GDBusConnection *connection)
{
    static const GDBusInterfaceVTable vtable = {.method_call = on_manager_call};
    Client *client = g_new0(Client, 1);
    GHashTableIter iter;
    gpointer path, skeleton;

    client->connection = g_object_ref(connection);
    client->manager = g_dbus_connection_register_object(
        connection, ROOT_PATH, exporter->info->interfaces[0], &vtable, exporter, NULL, NULL);
    g_ptr_array_add(exporter->clients, client);

    g_hash_table_iter_init(&iter, exporter->objects);
    while (g_hash_table_iter_next(&iter, &path, &skeleton))
        export_on(connection, path, skeleton);
}

void
exporter_remove_connection(Exporter *exporter, GDBusConnection *connection)
{
    GHashTableIter iter;
    gpointer skeleton;

    g_hash_table_iter_init(&iter, exporter->objects);
    while (g_hash_table_iter_next(&iter, NULL, &skeleton)) {
        if (g_dbus_interface_skeleton_has_connection(skeleton, connection))
            g_dbus_interface_skeleton_unexport_from_connection(skeleton, connection);
    }

    for (guint i = 0; i < exporter->clients->len; i++) {
        Client *client = g_ptr_array_index(exporter->clients, i);

        if (client->connection == connection) {
            g_ptr_array_remove_index_fast(exporter->clients, i);
            return;
        }
    }
}

static void
emit(Exporter *exporter, const char *signal, GVariant *parameters)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(parameters);

    for (guint i = 0; i < exporter->clients->len; i++) {
        Client *client = g_ptr_array_index(exporter->clients, i);

        g_dbus_connection_emit_signal(
            client->connection, NULL, ROOT_PATH, MANAGER_INTERFACE, signal, owned, NULL);
    }
}

void
exporter_add(Exporter *exporter, const char *path, GDBusInterfaceSkeleton *skeleton)
{
    authorizer_watch(skeleton);
    g_hash_table_replace(exporter->objects, g_strdup(path), g_object_ref(skeleton));
    for (guint i = 0; i < exporter->clients->len; i++)
        export_on(((Client *)g_ptr_array_index(exporter->clients, i))->connection, path, skeleton);
    emit(exporter, "InterfacesAdded", g_variant_new("(o@a{sa{sv}})", path, describe(skeleton)));
}

void
exporter_remove(Exporter *exporter, const char *path)
{
    GDBusInterfaceSkeleton *skeleton = g_hash_table_lookup(exporter->objects, path);
    const char *interfaces[] = {NULL, NULL};

    if (skeleton == NULL)
        return;

    interfaces[0] = g_dbus_interface_skeleton_get_info(skeleton)->name;
    g_dbus_interface_skeleton_flush(skeleton);
    if (g_dbus_interface_skeleton_get_object_path(skeleton) != NULL)
        g_dbus_interface_skeleton_unexport(skeleton);
    emit(exporter, "InterfacesRemoved", g_variant_new("(o^as)", path, interfaces));
    g_hash_table_remove(exporter->objects, path);
}
