/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Object exporter */

#include "daemon/exporter.h"

#include "daemon/gate.h"
#include "daemon/object-path.h"

#define OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

struct _Exporter {
    GObject parent;

    GTree *skeletons;     /* path -> GDBusInterfaceSkeleton, both owned */
    GHashTable *managers; /* GDBusConnection, owned -> id of our ObjectManager there */
    GDBusNodeInfo *manager_node;
};

G_DEFINE_FINAL_TYPE(Exporter, exporter, G_TYPE_OBJECT)

static const char manager_xml[] =
    "<node><interface name='" OBJECT_MANAGER "'>"
    "<method name='GetManagedObjects'>"
    "<arg name='objects' type='a{oa{sa{sv}}}' direction='out'/></method>"
    "<signal name='InterfacesAdded'>"
    "<arg name='object' type='o'/><arg name='interfaces' type='a{sa{sv}}'/></signal>"
    "<signal name='InterfacesRemoved'>"
    "<arg name='object' type='o'/><arg name='interfaces' type='as'/></signal>"
    "</interface></node>";

static const char *
interface_of(GDBusInterfaceSkeleton *skeleton)
{
    return g_dbus_interface_skeleton_get_info(skeleton)->name;
}

/* As a{sa{sv}}, floating. */
static GVariant *
describe(GDBusInterfaceSkeleton *skeleton)
{
    g_autoptr(GVariant) properties = g_dbus_interface_skeleton_get_properties(skeleton);

    return g_variant_new_parsed("{%s: %@a{sv}}", interface_of(skeleton), properties);
}

static gboolean
append_object(gpointer path, gpointer skeleton, gpointer user_data)
{
    /* An object manager does not list itself. */
    if (!g_str_equal(path, OBJECT_PATH_ROOT))
        g_variant_builder_add(user_data, "{o@a{sa{sv}}}", path, describe(skeleton));
    return FALSE;
}

static void
answer_objects(GObject *owner, GDBusMethodInvocation *invocation)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{oa{sa{sv}}}"));

    g_tree_foreach(VB_EXPORTER(owner)->skeletons, append_object, &builder);
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(a{oa{sa{sv}}})", &builder));
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
    gate_pass(user_data, invocation, answer_objects);
}

static void
tell_all(Exporter *exporter, const char *signal, GVariant *parameters)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(parameters);
    GHashTableIter iter;
    gpointer connection;

    g_hash_table_iter_init(&iter, exporter->managers);
    while (g_hash_table_iter_next(&iter, &connection, NULL)) {
        g_autoptr(GError) error = NULL;

        /* It may have been closed, which is told soon. */
        if (!g_dbus_connection_emit_signal(
                connection, NULL, OBJECT_PATH_ROOT, OBJECT_MANAGER, signal, owned, &error))
            g_debug("cannot tell a client: %s", error->message);
    }
}

static gboolean
export_on(GDBusConnection *connection,
          const char *path,
          GDBusInterfaceSkeleton *skeleton,
          GError **error)
{
    return g_dbus_interface_skeleton_export(skeleton, connection, path, error);
}

typedef struct {
    GDBusConnection *connection;
    GError **error;
    gboolean is_failed;
} Export;

static gboolean
export_next(gpointer path, gpointer skeleton, gpointer user_data)
{
    Export *export = user_data;

    export->is_failed = !export_on(export->connection, path, skeleton, export->error);
    return export->is_failed;
}

gboolean
exporter_add_connection(Exporter *exporter, GDBusConnection *connection, GError **error)
{
    static const GDBusInterfaceVTable vtable = {.method_call = on_manager_call};
    Export export = {.connection = connection, .error = error};
    guint id = g_dbus_connection_register_object(connection,
                                                 OBJECT_PATH_ROOT,
                                                 exporter->manager_node->interfaces[0],
                                                 &vtable,
                                                 exporter,
                                                 NULL,
                                                 error);

    if (id == 0)
        return FALSE;

    g_hash_table_insert(exporter->managers, g_object_ref(connection), GUINT_TO_POINTER(id));
    g_tree_foreach(exporter->skeletons, export_next, &export);
    if (export.is_failed)
        exporter_remove_connection(exporter, connection);
    return !export.is_failed;
}

static gboolean
unexport_next(gpointer path, gpointer skeleton, gpointer connection)
{
    if (g_dbus_interface_skeleton_has_connection(skeleton, connection))
        g_dbus_interface_skeleton_unexport_from_connection(skeleton, connection);
    return FALSE;
}

void
exporter_remove_connection(Exporter *exporter, GDBusConnection *connection)
{
    guint id = GPOINTER_TO_UINT(g_hash_table_lookup(exporter->managers, connection));

    if (id == 0)
        return;

    g_tree_foreach(exporter->skeletons, unexport_next, connection);
    g_dbus_connection_unregister_object(connection, id);
    g_hash_table_remove(exporter->managers, connection);
}

void
exporter_add(Exporter *exporter, const char *path, GDBusInterfaceSkeleton *skeleton)
{
    GHashTableIter iter;
    gpointer connection;

    g_assert(exporter_find(exporter, path) == NULL);
    g_tree_insert(exporter->skeletons, g_strdup(path), skeleton);
    g_hash_table_iter_init(&iter, exporter->managers);
    while (g_hash_table_iter_next(&iter, &connection, NULL)) {
        g_autoptr(GError) error = NULL;

        if (!export_on(connection, path, skeleton, &error))
            g_warning("cannot show '%s' to a client: %s, ignoring", path, error->message);
    }

    tell_all(exporter, "InterfacesAdded", g_variant_new("(o@a{sa{sv}})", path, describe(skeleton)));
}

void
exporter_remove(Exporter *exporter, const char *path)
{
    GDBusInterfaceSkeleton *skeleton = exporter_find(exporter, path);
    const char *interfaces[2] = {NULL, NULL};

    if (skeleton == NULL)
        return;

    interfaces[0] = interface_of(skeleton);
    g_dbus_interface_skeleton_flush(skeleton);
    if (g_dbus_interface_skeleton_get_connection(skeleton) != NULL)
        g_dbus_interface_skeleton_unexport(skeleton);
    tell_all(exporter, "InterfacesRemoved", g_variant_new("(o^as)", path, interfaces));
    g_tree_remove(exporter->skeletons, path);
}

GDBusInterfaceSkeleton *
exporter_find(Exporter *exporter, const char *path)
{
    return g_tree_lookup(exporter->skeletons, path);
}

typedef struct {
    char *prefix;
    GPtrArray *paths;
} Listing;

static gboolean
list_next(gpointer path, gpointer skeleton, gpointer user_data)
{
    Listing *listing = user_data;

    if (g_str_has_prefix(path, listing->prefix))
        g_ptr_array_add(listing->paths, g_strdup(path));
    return FALSE;
}

GStrv
exporter_list_below(Exporter *exporter, const char *path)
{
    g_autofree char *prefix = g_strconcat(path, "/", NULL);
    Listing listing = {prefix, g_ptr_array_new()};

    g_tree_foreach(exporter->skeletons, list_next, &listing);
    g_ptr_array_add(listing.paths, NULL);
    return (GStrv)g_ptr_array_free(listing.paths, FALSE);
}

Exporter *
exporter_new(void)
{
    return g_object_new(EXPORTER_TYPE, NULL);
}

static int
compare_paths(gconstpointer a, gconstpointer b, gpointer user_data)
{
    return g_strcmp0(a, b);
}

/* Calls that have come in may hold the skeletons for longer than we do. */
static void
exporter_dispose(GObject *object)
{
    Exporter *exporter = VB_EXPORTER(object);
    g_autoptr(GList) connections = g_hash_table_get_keys(exporter->managers);

    for (GList *link = connections; link != NULL; link = link->next)
        exporter_remove_connection(exporter, link->data);

    G_OBJECT_CLASS(exporter_parent_class)->dispose(object);
}

static void
exporter_finalize(GObject *object)
{
    Exporter *exporter = VB_EXPORTER(object);

    g_tree_unref(exporter->skeletons);
    g_hash_table_unref(exporter->managers);
    g_dbus_node_info_unref(exporter->manager_node);

    G_OBJECT_CLASS(exporter_parent_class)->finalize(object);
}

static void
exporter_class_init(ExporterClass *class)
{
    G_OBJECT_CLASS(class)->dispose = exporter_dispose;
    G_OBJECT_CLASS(class)->finalize = exporter_finalize;
}

static void
exporter_init(Exporter *exporter)
{
    exporter->skeletons = g_tree_new_full(compare_paths, NULL, g_free, g_object_unref);
    exporter->managers = g_hash_table_new_full(NULL, NULL, g_object_unref, NULL);
    exporter->manager_node = g_dbus_node_info_new_for_xml(manager_xml, NULL);
}
