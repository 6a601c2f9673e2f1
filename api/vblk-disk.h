/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public disks */

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * VblkDisk:
 *
 * A disk of a domain, as it stood when it was asked for.
 *
 * Since: 0.1
 */
#define VBLK_TYPE_DISK (vblk_disk_get_type())
G_DECLARE_FINAL_TYPE(VblkDisk, vblk_disk, VBLK, DISK, GObject)

const char *vblk_disk_get_target(VblkDisk *disk);      /* "vda" */
const char *vblk_disk_get_source_type(VblkDisk *disk); /* "file", "block", "network" */
const char *vblk_disk_get_device(VblkDisk *disk);      /* "disk", "cdrom", "floppy", "lun" */
/* Path or name of the active layer; NULL for a drive with no medium. */
const char *vblk_disk_get_source(VblkDisk *disk);
const char *vblk_disk_get_format(VblkDisk *disk);
gboolean vblk_disk_is_read_only(VblkDisk *disk);
/* Number of layers of its chain; 0 where that is not known. */
guint vblk_disk_get_depth(VblkDisk *disk);
/* Whether a block job runs on it. */
gboolean vblk_disk_has_job(VblkDisk *disk);

G_END_DECLS
