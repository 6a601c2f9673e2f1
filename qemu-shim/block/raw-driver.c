/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Raw format */

#include "api/vblk-error.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/errors.h"

typedef struct {
    IoFile *io; /* borrowed from the node below */
    guint64 offset;
} Raw;

static void
raw_close(BlockNode *node)
{
    g_free(node->state);
}

static int
raw_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    Raw *raw = node->state;

    return io_file_read(raw->io, raw->offset + offset, buffer, length);
}

static int
raw_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    Raw *raw = node->state;

    return io_file_write(raw->io, raw->offset + offset, buffer, length);
}

static int
raw_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    Raw *raw = node->state;

    return io_file_write_zeroes(raw->io, raw->offset + offset, length);
}

static int
raw_flush(BlockNode *node)
{
    Raw *raw = node->state;

    return io_file_flush(raw->io);
}

static int
raw_get_status(BlockNode *node,
               guint64 offset,
               guint64 length,
               BlockStatus *ret_status,
               guint64 *ret_length)
{
    Raw *raw = node->state;
    gboolean is_data;
    int status = io_file_get_extent(raw->io, raw->offset + offset, &is_data, ret_length);

    if (status < 0)
        return status;

    *ret_status = is_data ? BLOCK_STATUS_DATA : BLOCK_STATUS_ZERO;
    *ret_length = MIN(*ret_length, length);
    return 0;
}

static const BlockDriver raw_driver = {
    .name = "raw",
    .is_format = TRUE,
    .close = raw_close,
    .read = raw_read,
    .write = raw_write,
    .write_zeroes = raw_write_zeroes,
    .flush = raw_flush,
    .get_status = raw_get_status,
};

BlockNode *
raw_node_open(BlockNode *file, gboolean is_read_only, guint64 offset, guint64 size, GError **error)
{
    g_autoptr(BlockNode) node = block_node_new(&raw_driver, file->filename, file);
    Raw *raw;

    if (offset > file->length || (size > 0 && size > file->length - offset)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_INVALID,
                    "offset %" G_GUINT64_FORMAT " and size %" G_GUINT64_FORMAT
                    " are not within the %" G_GUINT64_FORMAT " bytes of '%s'",
                    offset,
                    size,
                    file->length,
                    file->filename);
        return NULL;
    }

    raw = g_new0(Raw, 1);
    raw->io = block_node_get_io(file);
    raw->offset = offset;
    node->state = raw;
    /* The guest sees whole sectors; what is past the end of the file reads as zeros. */
    node->length = size > 0 ? size : (file->length - offset + 511) / 512 * 512;
    node->is_read_only = is_read_only;
    return g_steal_pointer(&node);
}
