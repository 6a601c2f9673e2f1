/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Write watchers */

#include "qemu-shim/block/watcher.h"

#include "qemu-shim/block/driver.h"

struct BlockWatcher {
    gatomicrefcount references;
    const BlockWatcherOps *ops;
    gpointer user_data;
};

void
block_watcher_unref(BlockWatcher *watcher)
{
    if (watcher == NULL || !g_atomic_ref_count_dec(&watcher->references))
        return;

    if (watcher->ops->destroy != NULL)
        watcher->ops->destroy(watcher->user_data);
    g_free(watcher);
}

static gpointer
ref_watcher(gconstpointer source, gpointer user_data)
{
    BlockWatcher *watcher = (BlockWatcher *)source;

    g_atomic_ref_count_inc(&watcher->references);
    return watcher;
}

BlockWatcher *
block_node_add_watcher(BlockNode *node, const BlockWatcherOps *ops, gpointer data)
{
    BlockWatcher *watcher = g_new0(BlockWatcher, 1);

    g_atomic_ref_count_init(&watcher->references);
    watcher->ops = ops;
    watcher->user_data = data;

    g_mutex_lock(&node->lock);
    g_ptr_array_add(node->watchers, watcher);
    g_mutex_unlock(&node->lock);
    return watcher;
}

void
block_node_remove_watcher(BlockNode *node, BlockWatcher *watcher)
{
    guint index;
    gboolean is_there;

    g_mutex_lock(&node->lock);
    is_there = g_ptr_array_find(node->watchers, watcher, &index);
    if (is_there)
        g_ptr_array_steal_index(node->watchers, index);
    g_mutex_unlock(&node->lock);

    if (is_there)
        block_watcher_unref(watcher);
}

GPtrArray *
block_node_ref_watchers(BlockNode *node)
{
    GPtrArray *watchers = NULL;

    g_mutex_lock(&node->lock);
    if (node->watchers->len > 0) {
        watchers = g_ptr_array_copy(node->watchers, ref_watcher, NULL);
        g_ptr_array_set_free_func(watchers, (GDestroyNotify)block_watcher_unref);
    }
    g_mutex_unlock(&node->lock);
    return watchers;
}

int
block_watchers_before_write(GPtrArray *watchers, guint64 offset, guint64 length)
{
    int status = 0;

    for (guint i = 0; watchers != NULL && i < watchers->len && status == 0; i++) {
        const BlockWatcher *watcher = watchers->pdata[i];

        if (watcher->ops->before_write != NULL)
            status = watcher->ops->before_write(watcher->user_data, offset, length);
    }

    return status;
}

void
block_watchers_after_write(GPtrArray *watchers, guint64 offset, guint64 length)
{
    for (guint i = 0; watchers != NULL && i < watchers->len; i++) {
        const BlockWatcher *watcher = watchers->pdata[i];

        if (watcher->ops->after_write != NULL)
            watcher->ops->after_write(watcher->user_data, offset, length);
    }
}
