/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block node */

#include <glib.h>

/*
 * A node of the block graph: a format ("qcow2", "raw") over a protocol ("file"), with a backing
 * node or none. Reads go down the chain; writes stay in the node. A node serves the main thread
 * and job threads at once: each format driver serialises what it must inside.
 *
 * The ordering rule is kept by the format driver: data and refcounts are written and flushed before
 * the L2 entries that point at them; block_node_flush() makes all of it durable in that order.
 *
 * Functions return 0 or a negative errno, the opening ones a GError (VBLK_ERROR).
 */
typedef struct BlockNode BlockNode;
typedef struct BlockDriver BlockDriver; /* block/driver.h, for the drivers */

typedef enum {
    BLOCK_STATUS_UNALLOCATED, /* this layer says nothing: look below */
    BLOCK_STATUS_ZERO,
    BLOCK_STATUS_DATA,
} BlockStatus;

typedef enum {
    BLOCK_DETECT_ZEROES_OFF,
    BLOCK_DETECT_ZEROES_ON,
    BLOCK_DETECT_ZEROES_UNMAP,
} BlockDetectZeroes;

/* "off", "on", "unmap", NULL. */
extern const char *const block_detect_zeroes_words[];

BlockNode *block_node_ref(BlockNode *node);
void block_node_unref(BlockNode *node);

const char *block_node_get_name(const BlockNode *node);
const char *block_node_get_driver_name(const BlockNode *node); /* "qcow2" */
const char *block_node_get_filename(const BlockNode *node); /* as the user or the header named it */
guint64 block_node_get_length(const BlockNode *node);       /* virtual size in bytes */
gboolean block_node_is_read_only(const BlockNode *node);
BlockNode *block_node_get_backing(const BlockNode *node); /* borrowed; NULL: none */
BlockNode *block_node_get_file(const BlockNode *node);    /* borrowed; NULL for protocols */
/* Size of the units in which block_node_populate() takes data; 1 where any will do. */
guint64 block_node_get_cluster_size(BlockNode *node);
/* Snapshots inside the image: what they hold is lost with the backing file. */
guint block_node_count_snapshots(BlockNode *node);
/* Changes the graph alone, not the header. */
void block_node_set_backing(BlockNode *node, BlockNode *backing);

/* The first node from @node down that is no filter; borrowed. */
BlockNode *block_node_skip_filters(BlockNode *node);

/* Number of layers below. */
guint block_node_get_depth(const BlockNode *node);

/* Through the backing chain; past the end of a short backing node there are zeros. */
int block_node_read(BlockNode *node, guint64 offset, void *buffer, gsize length);
int block_node_write(BlockNode *node, guint64 offset, const void *buffer, gsize length);
int block_node_write_zeroes(BlockNode *node, guint64 offset, guint64 length);
/*
 * For a format that can compress: a cluster at most, which begins where a cluster does, and ends
 * where it or the image does. -ENOTSUP where block_node_can_compress() says no.
 */
int block_node_write_compressed(BlockNode *node, guint64 offset, const void *buffer, gsize length);
gboolean block_node_can_compress(const BlockNode *node);
/* The guest needs the range no more; it may then read as before or as zeros. */
int block_node_discard(BlockNode *node, guint64 offset, guint64 length);
/* Main thread, with no job on the node; -ENOTSUP where the format cannot. */
int block_node_resize(BlockNode *node, guint64 length);
int block_node_flush(BlockNode *node);

/*
 * Writes @buffer only where this layer is still unallocated: a job copies up without overwriting
 * what a guest wrote since it read. Zeros are stored as zero clusters where the format has them.
 */
int block_node_populate(BlockNode *node, guint64 offset, const void *buffer, gsize length);
int block_node_populate_zeroes(BlockNode *node, guint64 offset, guint64 length);
/*
 * The same for data of the layers from @node's backing down, by sharing the blocks that hold it, so
 * that nothing is copied. *ret_length is how much was done: less than @length, and 0, where the
 * rest cannot be shared and is for block_node_populate(). -EOPNOTSUPP: nothing can be, here or
 * elsewhere.
 */
int
block_node_populate_shared(BlockNode *node, guint64 offset, guint64 length, guint64 *ret_length);

/* What this layer itself holds at @offset, and for how many bytes at least the same is true. */
int block_node_get_status(BlockNode *node,
                          guint64 offset,
                          guint64 length,
                          BlockStatus *ret_status,
                          guint64 *ret_length);
/* The same for the layers from @node down to, not including, @base (NULL: to the bottom). */
int block_node_get_status_above(BlockNode *node,
                                BlockNode *base,
                                guint64 offset,
                                guint64 length,
                                BlockStatus *ret_status,
                                guint64 *ret_length);

/*
 * The pivot: the header names the file @name (NULL: none) of @format. Everything is flushed before
 * the header is written, and the header after it. The graph is for block/graph.h to change.
 */
int block_node_change_backing_name(BlockNode *node, const char *name, const char *format);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockNode, block_node_unref)
