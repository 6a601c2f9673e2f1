/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compress filter */

#include "qemu-shim/block/compress-driver.h"

#include <errno.h>
#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/filter.h"

/*
 * Only whole clusters are compressed, so a part of one is read, changed and written as a whole. The
 * lock keeps two parts of one cluster from undoing each other.
 */
typedef struct {
    GMutex lock;
} Compress;

static void
close_node(BlockNode *node)
{
    Compress *self = node->state;

    g_mutex_clear(&self->lock);
    g_free(self);
}

/* @bytes: NULL for zeros. */
static int
write_part(BlockNode *node, guint64 offset, const char *bytes, gsize length, gsize unit)
{
    guint64 begin = offset - offset % unit;
    gsize there = (gsize)MIN(unit, block_node_get_length(node->file) - begin);
    g_autofree char *cluster = g_try_malloc(unit);
    int status = 0;

    if (cluster == NULL)
        return -ENOMEM;
    if (length < there)
        status = filter_read(node, begin, cluster, there);
    if (status < 0)
        return status;

    if (bytes != NULL)
        memcpy(cluster + (offset - begin), bytes, length);
    else
        memset(cluster + (offset - begin), 0, length);
    return filter_write_compressed(node, begin, cluster, there);
}

static int
write_node(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    Compress *self = node->state;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    gsize unit = (gsize)block_node_get_cluster_size(node->file);
    const char *at = buffer;

    while (length > 0) {
        gsize part = MIN(length, unit - (gsize)(offset % unit));
        int status = write_part(node, offset, at, part, unit);

        if (status < 0)
            return status;
        at += part;
        offset += part;
        length -= part;
    }

    return 0;
}

static const BlockDriver compress_driver = {
    .name = "compress",
    .is_filter = TRUE,
    .close = close_node,
    .read = filter_read,
    .write = write_node,
    .write_zeroes = filter_write_zeroes,
    .write_compressed = filter_write_compressed,
    .populate = filter_populate,
    .populate_zeroes = filter_populate_zeroes,
    .discard = filter_discard,
    .resize = filter_resize,
    .flush = filter_flush,
    .get_status = filter_get_status,
    .get_cluster_size = filter_get_cluster_size,
};

BlockNode *
compress_node_open(BlockNode *file, gboolean is_read_only, GError **error)
{
    g_autoptr(BlockNode) node = filter_node_new(&compress_driver, file, is_read_only);
    Compress *self = g_new0(Compress, 1);

    g_mutex_init(&self->lock);
    node->state = self;
    if (block_node_can_compress(file))
        return g_steal_pointer(&node);

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_OPERATION_UNSUPPORTED,
                "Compression is not supported for underlying format: %s",
                block_node_get_driver_name(file));
    return NULL;
}
