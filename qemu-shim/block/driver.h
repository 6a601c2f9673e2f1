/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block drivers */

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/node.h"
#include "qemu-shim/io/file.h"

/*
 * What a format or protocol is to the rest. The core (node.c) checks ranges against the length and
 * the read-only flag, splits reads by status and composes what comes from below; a driver is asked
 * to read only ranges that it has just called its own data. Functions return 0 or a negative errno
 * and may be called from several threads at once.
 *
 * Once allocated, a range never becomes unallocated again; but what get_status called data may by
 * the time of read be zeros or other data, and read answers with what is there then. The farther
 * get_status looks the better: each of its answers becomes one read, or one question to the layer
 * below, so neighbours of one status are joined wherever they lie in the file.
 *
 * A format does its I/O on block_node_as_io(node->file), and raises debug events there before the
 * requests that they name; for copy-on-write of a part of a cluster it asks
 * block_node_read_backing().
 *
 * A driver without an operation cannot do it: writing to a node without `write` is -ENOTSUP.
 */
struct BlockDriver {
    const char *name;
    gboolean is_protocol; /* see block/protocol.h */
    gboolean is_filter;   /* see block/filter.h */
    gboolean is_quorum;   /* stands on "children" */
    gboolean is_format;   /* stands on a "file" node, may have a backing node if has_backing */
    gboolean has_backing;
    const char *file_role; /* what the option of the node below is called; NULL: "file" */

    /* Writes back what it still has; errors were or will be told by flush, so none comes here. */
    void (*close)(BlockNode *node);
    int (*read)(BlockNode *node, guint64 offset, void *buffer, gsize length);
    int (*write)(BlockNode *node, guint64 offset, const void *buffer, gsize length);
    int (*write_zeroes)(BlockNode *node, guint64 offset, guint64 length);
    /* Whole clusters, at most one at a time, or what ends with the image. */
    int (*write_compressed)(BlockNode *node, guint64 offset, const void *buffer, gsize length);
    int (*populate)(BlockNode *node, guint64 offset, const void *buffer, gsize length);
    int (*populate_zeroes)(BlockNode *node, guint64 offset, guint64 length);
    /* Whole clusters, by io_file_clone(); -EOPNOTSUPP as there. */
    int (*populate_clone)(BlockNode *node,
                          guint64 offset,
                          guint64 length,
                          IoFile *from,
                          guint64 from_offset);
    /*
     * Where data lies as it is, in a file of the host, and for how long it does so there; -ENOTSUP:
     * it is packed, or lies in no such file.
     */
    int (*find_place)(BlockNode *node,
                      guint64 offset,
                      guint64 length,
                      IoFile **ret_file,
                      guint64 *ret_offset,
                      guint64 *ret_length);
    /* Advice that the guest needs the range no more: NULL or 0 without doing a thing is right. */
    int (*discard)(BlockNode *node, guint64 offset, guint64 length);
    /* The new virtual size; what is added reads as zeros, whatever a backing node has there. */
    int (*resize)(BlockNode *node, guint64 length);
    int (*flush)(BlockNode *node);
    int (*get_status)(BlockNode *node,
                      guint64 offset,
                      guint64 length,
                      BlockStatus *ret_status,
                      guint64 *ret_length);
    /*
     * Flushes everything, writes the header's new backing (NULL: none), flushes that. The core then
     * changes the fields of the node.
     */
    int (*change_backing)(BlockNode *node, const char *backing_name, const char *backing_format);
    /*
     * Members that an image's description has beyond the common ones, a floating a{sv} with QMP's
     * names: "cluster-size" (t), "dirty-flag" (b), "format-specific" (a{sv} of "type" and "data").
     */
    GVariant *(*describe)(BlockNode *node);
    /* Internal ones, which read through the backing node as well; NULL: none. */
    guint (*count_snapshots)(BlockNode *node);
    /* NULL: what the file has. */
    int (*get_allocated)(BlockNode *node, guint64 *ret_bytes);
    /* The name that means the same as the node's options; NULL: there is none. */
    char *(*make_filename)(BlockNode *node);
    /* Size of the units that populate() takes; 1 where any will do. */
    guint64 (*get_cluster_size)(BlockNode *node);
    /* What a format above is about to do: see block/event.h. */
    void (*raise)(BlockNode *node, BlockEvent event);
};

struct BlockNode {
    gatomicrefcount references;
    char *name;
    char *filename;
    const BlockDriver *driver;
    gpointer state; /* the driver's */
    guint64 length;
    gboolean is_read_only;
    BlockNode *file;  /* owned; NULL for protocols */
    GVariant *strong; /* owned, a{sv}: the options that its filename stands for; NULL: none */
    BlockDetectZeroes detect_zeroes;
    gboolean has_unmap; /* discards are passed on */
    gboolean is_direct; /* shown, no more */
    gboolean is_without_flush;

    GMutex lock;        /* protects what follows */
    BlockNode *backing; /* owned */
    char *backing_name; /* as the header has it */
    char *backing_format;
    char *backing_filename; /* the same as a path from here; NULL: none */
    GPtrArray *watchers;    /* of BlockWatcher, owned: see block/watcher.h */
    IoFile *io;             /* owned: see block/node-io.h; NULL: nobody asked */

    /* Main thread only. */
    guint64 serial;      /* the order of opening */
    GPtrArray *blockers; /* of char *, owned: why nothing else may start */
    GPtrArray *children; /* of BlockChild, owned: those beyond file and backing; NULL: none */
    guint device_count;  /* guest devices that stand on it */
};

typedef struct {
    char *role; /* as in the options: "children.0", "x-image" */
    BlockNode *node;
} BlockChild;

/* A further child, which keeps a reference; the role is copied. */
void block_node_add_child(BlockNode *node, const char *role, BlockNode *child);
gboolean block_node_is_outside(const BlockNode *node, guint64 offset, guint64 length);
/* For the writer: a list of its own, which lives as long as it needs it; NULL: nobody watches. */
GPtrArray *block_node_ref_watchers(BlockNode *node);
int block_watchers_before_write(GPtrArray *watchers, guint64 offset, guint64 length);
void block_watchers_after_write(GPtrArray *watchers, guint64 offset, guint64 length);

/* A node without a name yet; takes @file. */
BlockNode *block_node_new(const BlockDriver *driver, const char *filename, BlockNode *file);
/* The host's file that the image is in: of the protocol node at the bottom. */
IoFile *block_node_get_io(BlockNode *node);
/* What the guest sees below this layer; zeros where there is nothing. Any range. */
int block_node_read_backing(BlockNode *node, guint64 offset, void *buffer, gsize length);
/* A reference; NULL: none. The node may lose its backing at any time, the caller's stays. */
BlockNode *block_node_ref_backing(BlockNode *node);

/* Openers, called by the graph. A file is locked once it is known not to be in the chain already.
 */
BlockNode *file_node_open(const char *path, gboolean is_writable, GError **error);
/* @is_shared: others may write meanwhile (QEMU's force-share). */
gboolean file_node_lock(BlockNode *node, gboolean is_shared, GError **error);
/* Takes @file. Sets backing_name and backing_format as the header has them; the graph opens what
 * they name. */
BlockNode *qcow2_node_open(BlockNode *file, gboolean is_read_only, GError **error);
