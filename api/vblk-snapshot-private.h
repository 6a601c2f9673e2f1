/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making snapshots */

#include "api/vblk-link.h"
#include "api/vblk-snapshot.h"

/* A VblkBuild. */
GObject *vblk_snapshot_build(VblkLink *link, const char *path, GVariant *properties);
