/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block node */

#include "qemu-shim/block/node.h"

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/event.h"
#include "qemu-shim/block/node-io.h"
#include "qemu-shim/block/watcher.h"

const char *const block_detect_zeroes_words[] = {"off", "on", "unmap", NULL};

BlockNode *
block_node_new(const BlockDriver *driver, const char *filename, BlockNode *file)
{
    BlockNode *node = g_new0(BlockNode, 1);

    g_atomic_ref_count_init(&node->references);
    g_mutex_init(&node->lock);
    node->driver = driver;
    node->filename = g_strdup(filename);
    node->file = file;
    node->blockers = g_ptr_array_new_with_free_func(g_free);
    node->watchers = g_ptr_array_new_with_free_func((GDestroyNotify)block_watcher_unref);
    return node;
}

static void
free_child(gpointer data)
{
    BlockChild *child = data;

    block_node_unref(child->node);
    g_free(child->role);
    g_free(child);
}

void
block_node_add_child(BlockNode *node, const char *role, BlockNode *child)
{
    BlockChild *entry = g_new0(BlockChild, 1);

    entry->role = g_strdup(role);
    entry->node = block_node_ref(child);
    if (node->children == NULL)
        node->children = g_ptr_array_new_with_free_func(free_child);
    g_ptr_array_add(node->children, entry);
}

BlockNode *
block_node_ref(BlockNode *node)
{
    g_atomic_ref_count_inc(&node->references);
    return node;
}

void
block_node_unref(BlockNode *node)
{
    if (node == NULL || !g_atomic_ref_count_dec(&node->references))
        return;

    if (node->state != NULL)
        node->driver->close(node);
    io_file_close(node->io);
    block_node_unref(node->backing);
    block_node_unref(node->file);
    g_clear_pointer(&node->children, g_ptr_array_unref);
    g_ptr_array_unref(node->blockers);
    g_ptr_array_unref(node->watchers);
    g_mutex_clear(&node->lock);
    g_clear_pointer(&node->strong, g_variant_unref);
    g_free(node->backing_name);
    g_free(node->backing_format);
    g_free(node->backing_filename);
    g_free(node->filename);
    g_free(node->name);
    g_free(node);
}

const char *
block_node_get_name(const BlockNode *node)
{
    return node->name;
}

const char *
block_node_get_driver_name(const BlockNode *node)
{
    return node->driver->name;
}

const char *
block_node_get_filename(const BlockNode *node)
{
    return node->filename;
}

guint64
block_node_get_length(const BlockNode *node)
{
    guint64 length;

    if (node->driver->is_filter)
        return block_node_get_length(node->file);
    /* A file grows under its format. */
    if (node->driver->is_protocol && io_file_get_length(node->state, &length) == 0)
        return length;
    return node->length;
}

gboolean
block_node_is_read_only(const BlockNode *node)
{
    return node->is_read_only;
}

BlockNode *
block_node_get_backing(const BlockNode *node)
{
    return node->backing;
}

BlockNode *
block_node_get_file(const BlockNode *node)
{
    return node->file;
}

BlockNode *
block_node_skip_filters(BlockNode *node)
{
    while (node->driver->is_filter)
        node = node->file;
    return node;
}

guint
block_node_get_depth(const BlockNode *node)
{
    guint depth = 0;

    for (node = node->backing; node != NULL; node = node->backing)
        depth++;
    return depth;
}

IoFile *
block_node_get_io(BlockNode *node)
{
    return node->file != NULL ? block_node_get_io(node->file) : block_node_as_io(node);
}

guint64
block_node_get_cluster_size(BlockNode *node)
{
    return node->driver->get_cluster_size != NULL ? node->driver->get_cluster_size(node) : 1;
}

guint
block_node_count_snapshots(BlockNode *node)
{
    return node->driver->count_snapshots != NULL ? node->driver->count_snapshots(node) : 0;
}

BlockNode *
block_node_ref_backing(BlockNode *node)
{
    BlockNode *backing;

    g_mutex_lock(&node->lock);
    backing = node->backing != NULL ? block_node_ref(node->backing) : NULL;
    g_mutex_unlock(&node->lock);

    return backing;
}

gboolean
block_node_is_outside(const BlockNode *node, guint64 offset, guint64 length)
{
    guint64 end = node->driver->is_filter ? block_node_get_length(node) : node->length;

    return offset > end || length > end - offset;
}

int
block_node_get_status(BlockNode *node,
                      guint64 offset,
                      guint64 length,
                      BlockStatus *ret_status,
                      guint64 *ret_length)
{
    int status;

    if (length == 0 || block_node_is_outside(node, offset, length))
        return -EINVAL;

    status = node->driver->get_status(node, offset, length, ret_status, ret_length);
    g_assert(status < 0 || (*ret_length > 0 && *ret_length <= length));
    return status;
}

static int
read_below(BlockNode *backing, guint64 offset, void *buffer, gsize length)
{
    gsize there = 0;

    if (backing != NULL && offset < backing->length)
        there = (gsize)MIN(length, backing->length - offset);

    memset((char *)buffer + there, 0, length - there);
    return there > 0 ? block_node_read(backing, offset, buffer, there) : 0;
}

int
block_node_read_backing(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    g_autoptr(BlockNode) backing = block_node_ref_backing(node);

    return read_below(backing, offset, buffer, length);
}

static int
read_extent(BlockNode *node,
            BlockNode *backing,
            BlockStatus what,
            guint64 offset,
            void *buffer,
            gsize length)
{
    switch (what) {
    case BLOCK_STATUS_DATA:
        return node->driver->read(node, offset, buffer, length);
    case BLOCK_STATUS_ZERO:
        memset(buffer, 0, length);
        return 0;
    case BLOCK_STATUS_UNALLOCATED:
        if (backing != NULL && node->file != NULL)
            block_event_raise(block_node_as_io(node->file), BLOCK_EVENT_READ_BACKING_AIO);
        return read_below(backing, offset, buffer, length);
    }

    g_assert_not_reached();
}

/*
 * The backing node is taken before the status is asked: had it been the other way round, a range
 * could be unallocated, then be populated by a job that drops the backing, and be read as zeros.
 */
int
block_node_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    g_autoptr(BlockNode) backing = block_node_ref_backing(node);
    char *at = buffer;

    if (block_node_is_outside(node, offset, length))
        return -EINVAL;
    if (!node->driver->has_backing)
        return length > 0 ? node->driver->read(node, offset, buffer, length) : 0;

    while (length > 0) {
        BlockStatus what;
        guint64 extent;
        int status = block_node_get_status(node, offset, length, &what, &extent);

        if (status == 0)
            status = read_extent(node, backing, what, offset, at, (gsize)extent);
        if (status < 0)
            return status;

        at += extent;
        offset += extent;
        length -= (gsize)extent;
    }

    return 0;
}

/* One layer's part of status_above: past the end of a short layer it says zero. */
static int
get_clipped_status(BlockNode *node,
                   guint64 offset,
                   guint64 length,
                   BlockStatus *ret_status,
                   guint64 *ret_length)
{
    if (offset >= node->length) {
        *ret_status = BLOCK_STATUS_ZERO;
        *ret_length = length;
        return 0;
    }

    return block_node_get_status(
        node, offset, MIN(length, node->length - offset), ret_status, ret_length);
}

int
block_node_get_status_above(BlockNode *node,
                            BlockNode *base,
                            guint64 offset,
                            guint64 length,
                            BlockStatus *ret_status,
                            guint64 *ret_length)
{
    g_autoptr(BlockNode) layer = block_node_ref(node);

    *ret_status = BLOCK_STATUS_UNALLOCATED;
    *ret_length = length;
    while (layer != NULL && layer != base) {
        BlockNode *below;
        int status = get_clipped_status(layer, offset, *ret_length, ret_status, ret_length);

        if (status < 0 || *ret_status != BLOCK_STATUS_UNALLOCATED)
            return status;
        below = block_node_ref_backing(layer);
        block_node_unref(layer);
        layer = below;
    }

    return 0;
}

void
block_node_set_backing(BlockNode *node, BlockNode *backing)
{
    BlockNode *old;

    g_mutex_lock(&node->lock);
    old = node->backing;
    node->backing = backing != NULL ? block_node_ref(backing) : NULL;
    g_mutex_unlock(&node->lock);

    block_node_unref(old);
}
