/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Filters */

#include "qemu-shim/block/filter.h"

#include <errno.h>

#include "qemu-shim/block/node-io.h"

BlockNode *
filter_node_new(const BlockDriver *driver, BlockNode *file, gboolean is_read_only)
{
    BlockNode *node = block_node_new(driver, file->filename, file);

    node->length = block_node_get_length(file);
    node->is_read_only = is_read_only;
    return node;
}

int
filter_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    return io_file_read(block_node_as_io(node->file), offset, buffer, length);
}

int
filter_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    if (node->file->is_read_only)
        return -EROFS;
    return io_file_write(block_node_as_io(node->file), offset, buffer, length);
}

int
filter_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    if (node->file->is_read_only)
        return -EROFS;
    return io_file_write_zeroes(block_node_as_io(node->file), offset, length);
}

int
filter_write_compressed(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return block_node_write_compressed(node->file, offset, buffer, length);
}

int
filter_populate(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return block_node_populate(node->file, offset, buffer, length);
}

int
filter_populate_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    return block_node_populate_zeroes(node->file, offset, length);
}

int
filter_discard(BlockNode *node, guint64 offset, guint64 length)
{
    return block_node_discard(node->file, offset, length);
}

int
filter_resize(BlockNode *node, guint64 length)
{
    if (node->file->is_read_only)
        return -EROFS;
    return io_file_truncate(block_node_as_io(node->file), length);
}

int
filter_flush(BlockNode *node)
{
    block_event_raise(block_node_as_io(node->file), BLOCK_EVENT_FLUSH_TO_DISK);
    return block_node_flush(node->file);
}

int
filter_get_status(BlockNode *node,
                  guint64 offset,
                  guint64 length,
                  BlockStatus *ret_status,
                  guint64 *ret_length)
{
    gboolean is_data;
    int status = io_file_get_extent(block_node_as_io(node->file), offset, &is_data, ret_length);

    if (status < 0)
        return status;

    *ret_status = is_data ? BLOCK_STATUS_DATA : BLOCK_STATUS_ZERO;
    *ret_length = MIN(*ret_length, length);
    return 0;
}

guint64
filter_get_cluster_size(BlockNode *node)
{
    return block_node_get_cluster_size(node->file);
}
