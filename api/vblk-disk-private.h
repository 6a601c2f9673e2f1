/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making disks */

#include "api/vblk-disk.h"
#include "api/vblk-link.h"

/* A VblkBuild. */
GObject *vblk_disk_build(VblkLink *link, const char *path, GVariant *properties);

/* Its place in the definition, from 0. */
guint vblk_disk_get_position(VblkDisk *disk);
const char *vblk_disk_get_job_path(VblkDisk *disk);
