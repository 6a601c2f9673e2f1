/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot object */

#include "daemon/snapshot-object.h"

#include "api/vblk-error.h"
#include "daemon/gate.h"
#include "daemon/object-path.h"
#include "daemon/units.h"
#include "driver/snapshot-calls.h"

#define DELETE_METADATA_ONLY 2

struct _SnapshotObject {
    VirtblockDBusSnapshotSkeleton parent;

    Driver *driver;
    Domain *domain;
    char *name;
};

static void snapshot_object_iface_init(VirtblockDBusSnapshotIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(SnapshotObject,
                              snapshot_object,
                              VIRTBLOCK_DBUS_TYPE_SNAPSHOT_SKELETON,
                              G_IMPLEMENT_INTERFACE(VIRTBLOCK_DBUS_TYPE_SNAPSHOT,
                                                    snapshot_object_iface_init))

SnapshotObject *
snapshot_object_new(Driver *driver, Domain *domain, const Snapshot *snapshot)
{
    SnapshotObject *object = g_object_new(SNAPSHOT_OBJECT_TYPE, NULL);
    g_autofree char *path = object_path_of_domain(domain_get_uuid(domain));

    object->driver = g_object_ref(driver);
    object->domain = domain_ref(domain);
    object->name = g_strdup(snapshot->name);
    virtblock_dbus_snapshot_set_domain(VIRTBLOCK_DBUS_SNAPSHOT(object), path);
    virtblock_dbus_snapshot_set_name(VIRTBLOCK_DBUS_SNAPSHOT(object), snapshot->name);
    snapshot_object_update(object, snapshot);
    return object;
}

void
snapshot_object_update(SnapshotObject *object, const Snapshot *snapshot)
{
    VirtblockDBusSnapshot *face = VIRTBLOCK_DBUS_SNAPSHOT(object);
    const char *current = domain_get_current_snapshot(object->domain);

    virtblock_dbus_snapshot_set_parent(face, snapshot->parent != NULL ? snapshot->parent : "");
    virtblock_dbus_snapshot_set_state(face, snapshot->state != NULL ? snapshot->state : "");
    virtblock_dbus_snapshot_set_creation_time(face, snapshot->creation_time);
    virtblock_dbus_snapshot_set_current(face, g_strcmp0(current, snapshot->name) == 0);
}

static gboolean
handle_get_xml(VirtblockDBusSnapshot *face, GDBusMethodInvocation *invocation, guint flags)
{
    SnapshotObject *object = VB_SNAPSHOT_OBJECT(face);
    const Snapshot *snapshot = domain_find_snapshot(object->domain, object->name);
    g_autoptr(GError) error = NULL;

    if (!units_check_flags("GetXML", flags, 0, &error))
        gate_refuse(invocation, error);
    else if (snapshot == NULL)
        g_dbus_method_invocation_return_error(invocation,
                                              VBLK_ERROR,
                                              VBLK_ERROR_NO_SNAPSHOT,
                                              "snapshot '%s' was deleted",
                                              object->name);
    else
        virtblock_dbus_snapshot_complete_get_xml(face, invocation, snapshot->xml);
    return TRUE;
}

static void
on_deleted(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;

    if (driver_snapshot_delete_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        gate_refuse(invocation, error);
}

static gboolean
handle_delete(VirtblockDBusSnapshot *face, GDBusMethodInvocation *invocation, guint flags)
{
    SnapshotObject *object = VB_SNAPSHOT_OBJECT(face);
    g_autoptr(GError) error = NULL;

    if (!units_check_flags("Delete", flags, DELETE_METADATA_ONLY, &error)) {
        gate_refuse(invocation, error);
        return TRUE;
    }

    if (flags != DELETE_METADATA_ONLY) {
        g_dbus_method_invocation_return_error(
            invocation,
            VBLK_ERROR,
            VBLK_ERROR_OPERATION_UNSUPPORTED,
            "only the metadata of snapshot '%s' can be deleted: say so with flag '%d'",
            object->name,
            DELETE_METADATA_ONLY);
        return TRUE;
    }

    driver_snapshot_delete_async(
        object->driver, object->domain, object->name, NULL, on_deleted, invocation);
    return TRUE;
}

static void
snapshot_object_dispose(GObject *base)
{
    SnapshotObject *object = VB_SNAPSHOT_OBJECT(base);

    g_clear_object(&object->driver);
    g_clear_pointer(&object->domain, domain_unref);
    g_clear_pointer(&object->name, g_free);

    G_OBJECT_CLASS(snapshot_object_parent_class)->dispose(base);
}

static void
snapshot_object_iface_init(VirtblockDBusSnapshotIface *iface)
{
    iface->handle_get_xml = handle_get_xml;
    iface->handle_delete = handle_delete;
}

static void
snapshot_object_class_init(SnapshotObjectClass *class)
{
    G_DBUS_INTERFACE_SKELETON_CLASS(class)->get_vtable = gate_get_vtable;
    G_OBJECT_CLASS(class)->dispose = snapshot_object_dispose;
}

static void
snapshot_object_init(SnapshotObject *object)
{
}
