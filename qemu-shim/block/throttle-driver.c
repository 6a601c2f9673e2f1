/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Throttle filter */

#include "qemu-shim/block/throttle-driver.h"

#include "qemu-shim/block/filter.h"

/* The group may change while requests wait in it: each keeps the one it began with. */
static ThrottleGroup *
ref_group(BlockNode *node)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&node->lock);

    return throttle_group_ref(node->state);
}

static void
pass(BlockNode *node, gboolean is_write, guint64 bytes)
{
    g_autoptr(ThrottleGroup) group = ref_group(node);

    throttle_group_pass(group, is_write, bytes);
}

static void
throttle_close(BlockNode *node)
{
    throttle_group_leave(node->state);
    throttle_group_unref(node->state);
}

static int
throttle_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    pass(node, FALSE, length);
    return filter_read(node, offset, buffer, length);
}

static int
throttle_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    pass(node, TRUE, length);
    return filter_write(node, offset, buffer, length);
}

static int
throttle_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    pass(node, TRUE, length);
    return filter_write_zeroes(node, offset, length);
}

static int
throttle_populate(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    pass(node, TRUE, length);
    return filter_populate(node, offset, buffer, length);
}

static int
throttle_populate_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    pass(node, TRUE, length);
    return filter_populate_zeroes(node, offset, length);
}

static int
throttle_write_compressed(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    pass(node, TRUE, length);
    return filter_write_compressed(node, offset, buffer, length);
}

static int
throttle_discard(BlockNode *node, guint64 offset, guint64 length)
{
    pass(node, TRUE, length);
    return filter_discard(node, offset, length);
}

static const BlockDriver throttle_driver = {
    .name = "throttle",
    .is_filter = TRUE,
    .close = throttle_close,
    .read = throttle_read,
    .write = throttle_write,
    .write_zeroes = throttle_write_zeroes,
    .write_compressed = throttle_write_compressed,
    .populate = throttle_populate,
    .populate_zeroes = throttle_populate_zeroes,
    .discard = throttle_discard,
    .resize = filter_resize,
    .flush = filter_flush,
    .get_status = filter_get_status,
    .get_cluster_size = filter_get_cluster_size,
};

BlockNode *
throttle_node_open(BlockNode *file, gboolean is_read_only, ThrottleGroup *group)
{
    BlockNode *node = filter_node_new(&throttle_driver, file, is_read_only);

    throttle_group_join(group);
    node->state = throttle_group_ref(group);
    return node;
}

void
throttle_node_set_group(BlockNode *node, ThrottleGroup *group)
{
    ThrottleGroup *old;

    throttle_group_join(group);
    g_mutex_lock(&node->lock);
    old = node->state;
    node->state = throttle_group_ref(group);
    g_mutex_unlock(&node->lock);

    throttle_group_leave(old);
    throttle_group_unref(old);
}
