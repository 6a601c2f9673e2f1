/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Protocols */

#include "qemu-shim/block/protocol.h"

BlockNode *
protocol_node_new(const BlockDriver *driver, const char *filename, IoFile *file, guint64 length)
{
    BlockNode *node = block_node_new(driver, filename, NULL);

    node->state = file;
    node->length = length;
    node->is_read_only = !file->is_writable;
    return node;
}

void
protocol_close(BlockNode *node)
{
    io_file_close(node->state);
}

int
protocol_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    return io_file_read(node->state, offset, buffer, length);
}

int
protocol_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return io_file_write(node->state, offset, buffer, length);
}

int
protocol_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    return io_file_write_zeroes(node->state, offset, length);
}

int
protocol_resize(BlockNode *node, guint64 length)
{
    return io_file_truncate(node->state, length);
}

int
protocol_flush(BlockNode *node)
{
    return io_file_flush(node->state);
}

int
protocol_get_status(BlockNode *node,
                    guint64 offset,
                    guint64 length,
                    BlockStatus *ret_status,
                    guint64 *ret_length)
{
    gboolean is_data;
    int status = io_file_get_extent(node->state, offset, &is_data, ret_length);

    if (status < 0)
        return status;

    *ret_status = is_data ? BLOCK_STATUS_DATA : BLOCK_STATUS_ZERO;
    *ret_length = MIN(*ret_length, length);
    return 0;
}
