/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Node registry */

#include "qemu-shim/block/graph.h"
#include "qemu-shim/block/node.h"

/*
 * The graph keeps the nodes that were asked for; all others live as long as one above them. So a
 * list is a walk down from the roots, and a node that a finished job dropped is gone by itself. For
 * graph.c and its kin only.
 */
struct BlockGraph {
    GPtrArray *roots; /* of BlockNode, referenced */
    guint64 last_serial;
    guint64 last_generated;
    BlockReporter reporter;
    GHashTable *throttle_groups; /* of char * to ThrottleGroup: block/throttle-group.h */
};

/* Gives @node its place in the order and its name; NULL makes one up. */
void block_registry_name(BlockGraph *graph, BlockNode *node, const char *name);
gboolean block_registry_has_own_name(const BlockNode *node); /* not a made up one */

/* Whether @above stands on @node itself, in any role. */
gboolean block_registry_is_parent(BlockNode *above, const BlockNode *node);

/*
 * The first node that stands on @node, as its "file" or "backing"; borrowed, NULL: none. Devices
 * are counted in the node itself.
 */
BlockNode *
block_registry_find_user(BlockGraph *graph, const BlockNode *node, const char **ret_role);
