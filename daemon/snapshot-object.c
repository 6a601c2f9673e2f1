/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot object */

#include "daemon/snapshot-object.h"

#include "api/vblk-error.h"
#include "daemon/answer.h"
#include "daemon/object-path.h"
#include "driver/snapshot-calls.h"
#include "virtblock-dbus.h"

#define METADATA_ONLY 2

struct SnapshotObject {
    Exporter *exporter; /* borrowed, outlives us */
    Driver *driver;     /* borrowed, outlives us */
    Domain *domain;     /* owned */
    char *name;
    char *path;
    VirtblockDBusSnapshot *skeleton;
};

static gboolean
on_get_xml(VirtblockDBusSnapshot *skeleton,
           GDBusMethodInvocation *invocation,
           guint flags,
           gpointer user_data)
{
    SnapshotObject *object = user_data;
    const Snapshot *snapshot = domain_find_snapshot(object->domain, object->name);

    if (!answer_check_flags(invocation, flags, 0))
        return TRUE;
    virtblock_dbus_snapshot_complete_get_xml(skeleton, invocation, snapshot->xml);
    return TRUE;
}

static void
on_deleted(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GError *error = NULL;

    if (driver_snapshot_delete_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        g_dbus_method_invocation_take_error(invocation, error);
}

static gboolean
on_delete(VirtblockDBusSnapshot *skeleton,
          GDBusMethodInvocation *invocation,
          guint flags,
          gpointer user_data)
{
    SnapshotObject *object = user_data;

    if (!answer_check_flags(invocation, flags, METADATA_ONLY))
        return TRUE;
    if (flags != METADATA_ONLY) {
        g_dbus_method_invocation_return_error(invocation,
                                              VBLK_ERROR,
                                              VBLK_ERROR_OPERATION_UNSUPPORTED,
                                              "deleting snapshot '%s' together with its data is "
                                              "not supported yet",
                                              object->name);
        return TRUE;
    }

    driver_snapshot_delete_async(
        object->driver, object->domain, object->name, NULL, on_deleted, invocation);
    return TRUE;
}

SnapshotObject *
snapshot_object_new(Exporter *exporter, Driver *driver, Domain *domain, const Snapshot *snapshot)
{
    SnapshotObject *object = g_new0(SnapshotObject, 1);
    g_autofree char *domain_path = object_path_domain(domain_get_uuid(domain));

    object->exporter = exporter;
    object->driver = driver;
    object->domain = domain_ref(domain);
    object->name = g_strdup(snapshot->name);
    object->path = object_path_snapshot(domain_get_uuid(domain), snapshot->name);
    object->skeleton = virtblock_dbus_snapshot_skeleton_new();
    virtblock_dbus_snapshot_set_domain(object->skeleton, domain_path);
    virtblock_dbus_snapshot_set_name(object->skeleton, snapshot->name);
    virtblock_dbus_snapshot_set_state(object->skeleton,
                                      snapshot->state != NULL ? snapshot->state : "");
    virtblock_dbus_snapshot_set_creation_time(object->skeleton, snapshot->creation_time);
    snapshot_object_update(object, snapshot);
    g_signal_connect(object->skeleton, "handle-get-xml", G_CALLBACK(on_get_xml), object);
    g_signal_connect(object->skeleton, "handle-delete", G_CALLBACK(on_delete), object);
    exporter_add(exporter, object->path, G_DBUS_INTERFACE_SKELETON(object->skeleton));
    return object;
}

void
snapshot_object_update(SnapshotObject *object, const Snapshot *snapshot)
{
    const char *current = domain_get_current_snapshot(object->domain);

    virtblock_dbus_snapshot_set_parent(object->skeleton,
                                       snapshot->parent != NULL ? snapshot->parent : "");
    virtblock_dbus_snapshot_set_current(object->skeleton, g_strcmp0(current, object->name) == 0);
}

void
snapshot_object_free(SnapshotObject *object)
{
    exporter_remove(object->exporter, object->path);
    g_signal_handlers_disconnect_by_data(object->skeleton, object);
    g_object_unref(object->skeleton);
    domain_unref(object->domain);
    g_free(object->name);
    g_free(object->path);
    g_free(object);
}
