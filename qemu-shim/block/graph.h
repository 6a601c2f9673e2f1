/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block graph */

#include "qemu-shim/block/node.h"

/*
 * The named nodes of the process and the rules of opening: relative backing names are resolved from
 * the directory of the overlay; a backing file whose format is not recorded is refused, never
 * probed; a name inside an image is a plain path or it is refused; the same file twice in a chain
 * is a loop; at most BLOCK_MAX_DEPTH layers. Main thread only.
 */
#define BLOCK_MAX_DEPTH 200

typedef struct BlockGraph BlockGraph;

/* Who is told what nodes find out by themselves, with QMP's names. Called on any thread. */
typedef struct {
    void (*function)(const char *event, GVariant *data, gpointer user_data);
    gpointer user_data;
} BlockReporter;

/* For nodes that are opened from now on. */
void block_graph_set_reporter(BlockGraph *graph, const BlockReporter *reporter);

BlockGraph *block_graph_new(void);
void block_graph_free(BlockGraph *graph);

/*
 * Opens the node that @options describe, an a{sv} as blockdev-add takes it: "driver", "node-name",
 * "read-only", "auto-read-only", "force-share", "file" (a node name or options), "backing" (a node
 * name, options, or null for none; absent: what the header names), "filename", "offset", "size",
 * "cache", "discard". Unknown or mistyped options are errors with QEMU's words.
 */
/* Returns a reference. */
BlockNode *block_graph_add(BlockGraph *graph, GVariant *options, GError **error);
/* Refused while a job, a device or another node uses it. */
gboolean block_graph_remove(BlockGraph *graph, const char *node_name, GError **error);
BlockNode *block_graph_find(BlockGraph *graph, const char *node_name); /* borrowed; NULL: none */
GPtrArray *block_graph_list(BlockGraph *graph); /* of BlockNode, newest first */

/*
 * Reopens with @options; with unchanged ones this flushes, and tells of an error. Options that
 * would change the node in a way we cannot are refused by name.
 */
gboolean block_graph_reopen(BlockGraph *graph, GVariant *options, GError **error);

/* The node's backing node becomes @backing (NULL: none); one that nobody else uses or named goes.
 */
void block_graph_replace_backing(BlockGraph *graph, BlockNode *node, BlockNode *backing);

/* From now on no filter keeps a request waiting: the process ends. */
void block_graph_release_requests(BlockGraph *graph);

/* A node on which an operation of another kind must not start, as "block job 'x' is running". */
gboolean block_graph_block(BlockGraph *graph, BlockNode *node, const char *reason, GError **error);
void block_graph_unblock(BlockGraph *graph, BlockNode *node);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockGraph, block_graph_free)
