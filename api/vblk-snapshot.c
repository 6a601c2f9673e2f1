/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public snapshots */

#include "api/vblk-snapshot.h"

#include "api/vblk-properties.h"
#include "api/vblk-snapshot-private.h"

#define INTERFACE "org.virtblock1.Snapshot"

struct _VblkSnapshot {
    GObject parent;

    VblkLink *link;
    char *path;
    GVariant *properties;
};

G_DEFINE_FINAL_TYPE(VblkSnapshot, vblk_snapshot, G_TYPE_OBJECT)

GObject *
vblk_snapshot_build(VblkLink *link, const char *path, GVariant *properties)
{
    VblkSnapshot *snapshot = g_object_new(VBLK_TYPE_SNAPSHOT, NULL);

    snapshot->link = g_object_ref(link);
    snapshot->path = g_strdup(path);
    snapshot->properties = g_variant_ref(properties);
    return G_OBJECT(snapshot);
}

const char *
vblk_snapshot_get_name(VblkSnapshot *snapshot)
{
    g_return_val_if_fail(VBLK_IS_SNAPSHOT(snapshot), NULL);

    return vblk_properties_get_string(snapshot->properties, "Name");
}

const char *
vblk_snapshot_get_parent(VblkSnapshot *snapshot)
{
    g_return_val_if_fail(VBLK_IS_SNAPSHOT(snapshot), NULL);

    return vblk_properties_get_string(snapshot->properties, "Parent");
}

const char *
vblk_snapshot_get_state(VblkSnapshot *snapshot)
{
    g_return_val_if_fail(VBLK_IS_SNAPSHOT(snapshot), NULL);

    return vblk_properties_get_string(snapshot->properties, "State");
}

gint64
vblk_snapshot_get_creation_time(VblkSnapshot *snapshot)
{
    g_return_val_if_fail(VBLK_IS_SNAPSHOT(snapshot), 0);

    return (gint64)vblk_properties_get_uint64(snapshot->properties, "CreationTime");
}

gboolean
vblk_snapshot_is_current(VblkSnapshot *snapshot)
{
    g_return_val_if_fail(VBLK_IS_SNAPSHOT(snapshot), 0);

    return vblk_properties_get_boolean(snapshot->properties, "Current");
}

void
vblk_snapshot_get_xml_async(VblkSnapshot *snapshot,
                            guint flags,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_SNAPSHOT(snapshot));

    task = g_task_new(snapshot, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_snapshot_get_xml_async);
    vblk_link_call(
        snapshot->link, snapshot->path, INTERFACE, "GetXML", g_variant_new("(u)", flags), task);
}

char *
vblk_snapshot_get_xml_finish(VblkSnapshot *snapshot, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    char *text = NULL;

    g_return_val_if_fail(g_task_is_valid(result, snapshot), NULL);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (reply != NULL)
        g_variant_get(reply, "(s)", &text);
    return text;
}

void
vblk_snapshot_delete_async(VblkSnapshot *snapshot,
                           VblkSnapshotDeleteFlags flags,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_SNAPSHOT(snapshot));

    task = g_task_new(snapshot, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_snapshot_delete_async);
    vblk_link_call(snapshot->link,
                   snapshot->path,
                   INTERFACE,
                   "Delete",
                   g_variant_new("(u)", (guint32)flags),
                   task);
}

gboolean
vblk_snapshot_delete_finish(VblkSnapshot *snapshot, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, snapshot), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

static void
vblk_snapshot_finalize(GObject *object)
{
    VblkSnapshot *snapshot = VBLK_SNAPSHOT(object);

    g_clear_object(&snapshot->link);
    g_free(snapshot->path);
    g_clear_pointer(&snapshot->properties, g_variant_unref);

    G_OBJECT_CLASS(vblk_snapshot_parent_class)->finalize(object);
}

static void
vblk_snapshot_class_init(VblkSnapshotClass *class)
{
    G_OBJECT_CLASS(class)->finalize = vblk_snapshot_finalize;
}

static void
vblk_snapshot_init(VblkSnapshot *snapshot)
{
}
