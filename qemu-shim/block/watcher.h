/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Write watchers */

#include "qemu-shim/block/node.h"

/*
 * Who wants to know of what is written to a node: dirty bitmaps, a mirror, a backup that copies
 * before a guest writes. Called on the writer's thread, with no lock held; several at once.
 * block_node_populate() is no write to them: what the guest reads stays the same.
 */
typedef struct {
    /* 0, or the negative errno with which the write fails; NULL: need not know. */
    int (*before_write)(gpointer user_data, guint64 offset, guint64 length);
    /* Also after one that failed, which may have changed a part. */
    void (*after_write)(gpointer user_data, guint64 offset, guint64 length);
    /* When nobody will call any more. */
    void (*destroy)(gpointer user_data);
} BlockWatcherOps;

typedef struct BlockWatcher BlockWatcher;

/* Watches until removed; the node keeps a reference and so may the caller. */
BlockWatcher *block_node_add_watcher(BlockNode *node, const BlockWatcherOps *ops, gpointer data);
/* A write that is under way may still call once. */
void block_node_remove_watcher(BlockNode *node, BlockWatcher *watcher);
void block_watcher_unref(BlockWatcher *watcher);
