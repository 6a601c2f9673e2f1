/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Quorum */

#include "qemu-shim/block/graph.h"
#include "qemu-shim/block/options.h"

/*
 * Several nodes with the same content: written to all, and read as most of them say, or (fifo) as
 * the first that answers says. What succeeds on fewer than the threshold fails.
 */
typedef struct {
    gint64 threshold;
    gboolean is_fifo;
    gboolean is_verifying; /* of two: they must agree */
    gboolean rewrites;     /* writes back what was voted for */
} QuorumSettings;

gboolean quorum_settings_take(BlockOptions *options, QuorumSettings *settings, GError **error);
/* @children: of BlockNode, at least one, all of one length. */
BlockNode *quorum_node_open(const GPtrArray *children,
                            gboolean is_read_only,
                            const QuorumSettings *settings,
                            const BlockReporter *reporter,
                            GError **error);
/*
 * Main thread: the child @old of the quorum @node becomes @replacement, of the same length, as a
 * mirror asks that replaces it. FALSE: @old is no child of it, or @node no quorum.
 */
gboolean quorum_node_replace_child(BlockNode *node, BlockNode *old, BlockNode *replacement);
