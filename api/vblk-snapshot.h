/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public snapshots */

#include <gio/gio.h>

#include "api/vblk-enums.h"

G_BEGIN_DECLS

/**
 * VblkSnapshot:
 *
 * A snapshot's metadata, as it stood when it was asked for.
 *
 * Since: 0.1
 */
#define VBLK_TYPE_SNAPSHOT (vblk_snapshot_get_type())
G_DECLARE_FINAL_TYPE(VblkSnapshot, vblk_snapshot, VBLK, SNAPSHOT, GObject)

const char *vblk_snapshot_get_name(VblkSnapshot *snapshot);
const char *vblk_snapshot_get_parent(VblkSnapshot *snapshot);   /* NULL for a root */
const char *vblk_snapshot_get_state(VblkSnapshot *snapshot);    /* "disk-snapshot", "shutoff" */
gint64 vblk_snapshot_get_creation_time(VblkSnapshot *snapshot); /* seconds since 1970 UTC */
gboolean vblk_snapshot_is_current(VblkSnapshot *snapshot);

/**
 * vblk_snapshot_get_xml_async:
 * @snapshot: a snapshot
 * @flags: 0
 *
 * Since: 0.1
 */
void vblk_snapshot_get_xml_async(VblkSnapshot *snapshot,
                                 guint flags,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
/* Returns: (transfer full): the document */
char *vblk_snapshot_get_xml_finish(VblkSnapshot *snapshot, GAsyncResult *result, GError **error);
char *vblk_snapshot_get_xml_sync(VblkSnapshot *snapshot,
                                 guint flags,
                                 GCancellable *cancellable,
                                 GError **error);

/**
 * vblk_snapshot_delete_async:
 * @snapshot: a snapshot
 * @flags: %VBLK_SNAPSHOT_DELETE_METADATA_ONLY
 *
 * Its children become children of its parent.
 *
 * Since: 0.1
 */
void vblk_snapshot_delete_async(VblkSnapshot *snapshot,
                                VblkSnapshotDeleteFlags flags,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean vblk_snapshot_delete_finish(VblkSnapshot *snapshot, GAsyncResult *result, GError **error);
gboolean vblk_snapshot_delete_sync(VblkSnapshot *snapshot,
                                   VblkSnapshotDeleteFlags flags,
                                   GCancellable *cancellable,
                                   GError **error);

G_END_DECLS
