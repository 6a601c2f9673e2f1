/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* External snapshots */

#include "qemu-shim/block/device.h"

typedef struct {
    const char *path;      /* of the overlay */
    const char *node_name; /* NULL: one of ours */
    GVariant *image;      /* how to open an existing one that is no plain path; NULL: by its path */
    gboolean is_existing; /* the file is there and is an overlay already */
} BlockSnapshotOptions;

/*
 * Puts an overlay on top of @node, which takes all that devices write from now on. The overlay is a
 * qcow2 image with the owner and mode of the image below. A file that is there already is refused
 * (QEMU would empty it) unless it is to be used as it is. Returns a reference to the overlay.
 */
BlockNode *block_snapshot(BlockGraph *graph,
                          BlockDevices *devices,
                          BlockNode *node,
                          const BlockSnapshotOptions *options,
                          GError **error);
