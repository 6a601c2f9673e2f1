/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Raw format */

#include "qemu-shim/block/raw-driver.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/node-io.h"

#define SECTOR_BYTES 512

typedef struct {
    IoFile *io; /* borrowed from the node below */
    guint64 offset;
    gboolean has_size; /* a window that does not grow */
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
raw_resize(BlockNode *node, guint64 length)
{
    Raw *raw = node->state;
    guint64 end;

    if (raw->has_size)
        return -ENOTSUP;
    if (__builtin_add_overflow(raw->offset, length, &end))
        return -EFBIG;
    return io_file_truncate(raw->io, end);
}

static int
raw_flush(BlockNode *node)
{
    Raw *raw = node->state;

    block_event_raise(raw->io, BLOCK_EVENT_FLUSH_TO_DISK);
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

static int
raw_find_place(BlockNode *node,
               guint64 offset,
               guint64 length,
               IoFile **ret_file,
               guint64 *ret_offset,
               guint64 *ret_length)
{
    Raw *raw = node->state;

    *ret_file = raw->io;
    *ret_offset = raw->offset + offset;
    *ret_length = length;
    return 0;
}

static const BlockDriver raw_driver = {
    .name = "raw",
    .is_format = TRUE,
    .close = raw_close,
    .read = raw_read,
    .write = raw_write,
    .write_zeroes = raw_write_zeroes,
    .resize = raw_resize,
    .flush = raw_flush,
    .get_status = raw_get_status,
    .find_place = raw_find_place,
};

gboolean
raw_settings_take(BlockOptions *options, RawSettings *settings, GError **error)
{
    settings->has_size = block_options_contain(options, "size");
    return block_options_take_size(options, "offset", &settings->offset, error) &&
           block_options_take_size(options, "size", &settings->size, error);
}

static gboolean set_misfit(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
set_misfit(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error,
                      g_error_new_valist(VBLK_ERROR, VBLK_ERROR_IMAGE_INVALID, format, list));
    va_end(list);
    return FALSE;
}

/* In QEMU's words, its two blanks included. */
static gboolean
check_window(const RawSettings *settings, guint64 length, GError **error)
{
    if (settings->offset > length)
        return set_misfit(error,
                          "Offset (%" G_GUINT64_FORMAT
                          ") cannot be greater than size of the containing file (%" G_GUINT64_FORMAT
                          ")",
                          settings->offset,
                          length);
    if (!settings->has_size)
        return TRUE;
    if (settings->size > length - settings->offset)
        return set_misfit(error,
                          "The sum of offset (%" G_GUINT64_FORMAT ") and size (%" G_GUINT64_FORMAT
                          ") has to be smaller or equal to the  actual size of the containing file "
                          "(%" G_GUINT64_FORMAT ")",
                          settings->offset,
                          settings->size,
                          length);
    return settings->size % SECTOR_BYTES == 0 ||
           set_misfit(error, "Specified size is not multiple of %d", SECTOR_BYTES);
}

BlockNode *
raw_node_open(BlockNode *file, gboolean is_read_only, const RawSettings *settings, GError **error)
{
    g_autoptr(BlockNode) node = block_node_new(&raw_driver, file->filename, file);
    guint64 length = block_node_get_length(file);
    Raw *raw;

    if (!check_window(settings, length, error))
        return NULL;

    raw = g_new0(Raw, 1);
    raw->io = block_node_as_io(file);
    raw->offset = settings->offset;
    raw->has_size = settings->has_size;
    node->state = raw;
    /* The guest sees whole sectors; what is past the end of the file reads as zeros. */
    node->length = settings->has_size ? settings->size
                                      : (length - settings->offset + SECTOR_BYTES - 1) /
                                            SECTOR_BYTES * SECTOR_BYTES;
    node->is_read_only = is_read_only;
    return g_steal_pointer(&node);
}
