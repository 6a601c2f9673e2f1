/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guest devices */

#include "qemu-shim/block/graph.h"

/* What a -drive makes: an id over the node a guest would use, which is the active layer. */
typedef struct {
    char *id;
    BlockNode *root; /* owned */
} BlockDevice;

typedef struct {
    GPtrArray *list; /* of BlockDevice, owned, oldest first */
} BlockDevices;

BlockDevices *block_devices_new(void);
void block_devices_free(BlockDevices *devices);

gboolean block_devices_add(BlockDevices *devices, const char *id, BlockNode *root, GError **error);
BlockDevice *block_devices_find(BlockDevices *devices, const char *id); /* borrowed; NULL: none */
/* The first device on @root; borrowed, NULL: none. */
BlockDevice *block_devices_find_by_root(BlockDevices *devices, const BlockNode *root);
/* A node by the id of a device on it, or by its own name; borrowed, NULL: none. */
BlockNode *block_devices_find_node(BlockDevices *devices, BlockGraph *graph, const char *name);
/* Every device on @from moves to @to. */
void block_devices_move(BlockDevices *devices, BlockNode *from, BlockNode *to);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockDevices, block_devices_free)
