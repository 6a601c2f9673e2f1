/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Null protocol */

#include "qemu-shim/block/null-driver.h"

#include <errno.h>
#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/protocol.h"

#define DEFAULT_SIZE ((guint64)1 << 30)
#define SECTOR_BYTES 512

typedef struct {
    IoFile file;
    guint64 length;
    gulong latency_us;
    gboolean reads_zeroes;
} NullFile;

static int
wait_latency(IoFile *file)
{
    const NullFile *self = (NullFile *)file;

    if (self->latency_us > 0)
        g_usleep(self->latency_us);
    return 0;
}

/* QEMU leaves the buffer as it was; what was there before is nobody's to read. */
static int
null_read(IoFile *file, guint64 offset, void *buffer, gsize length)
{
    memset(buffer, 0, length);
    return wait_latency(file);
}

static int
null_write(IoFile *file, guint64 offset, const void *buffer, gsize length)
{
    return wait_latency(file);
}

static int
null_write_zeroes(IoFile *file, guint64 offset, guint64 length)
{
    return wait_latency(file);
}

static int
null_truncate(IoFile *file, guint64 length)
{
    return -ENOTSUP;
}

static int
null_flush(IoFile *file)
{
    return wait_latency(file);
}

static int
null_get_length(IoFile *file, guint64 *ret_length)
{
    *ret_length = ((NullFile *)file)->length;
    return 0;
}

static int
null_get_allocated(IoFile *file, guint64 *ret_bytes)
{
    *ret_bytes = 0;
    return 0;
}

static int
null_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length)
{
    const NullFile *self = (NullFile *)file;
    gboolean is_inside = offset < self->length;

    *ret_is_data = is_inside && !self->reads_zeroes;
    *ret_length = (is_inside ? self->length : (guint64)G_MAXINT64) - offset;
    return 0;
}

static void
null_close(IoFile *file)
{
    g_free(file);
}

static const IoOps null_ops = {
    .read = null_read,
    .write = null_write,
    .write_zeroes = null_write_zeroes,
    .truncate = null_truncate,
    .flush = null_flush,
    .get_length = null_get_length,
    .get_allocated = null_get_allocated,
    .get_extent = null_get_extent,
    .close = null_close,
};

static char *
null_make_filename(BlockNode *node)
{
    return g_variant_n_children(node->strong) == 0 ? g_strdup(node->filename) : NULL;
}

static const BlockDriver co_driver = {.name = "null-co",
                                      PROTOCOL_OPERATIONS,
                                      .make_filename = null_make_filename};
static const BlockDriver aio_driver = {.name = "null-aio",
                                       PROTOCOL_OPERATIONS,
                                       .make_filename = null_make_filename};

gboolean
null_settings_take(BlockOptions *options, NullSettings *settings, GError **error)
{
    gint64 latency_ns = 0;

    settings->size = DEFAULT_SIZE;
    if (!block_options_take_size(options, "size", &settings->size, error) ||
        !block_options_take_integer(
            options, "latency-ns", G_MININT64, G_MAXINT64, &latency_ns, error) ||
        !block_options_take_boolean(options, "read-zeroes", &settings->reads_zeroes, error))
        return FALSE;
    if (latency_ns < 0) {
        g_set_error_literal(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "latency-ns is invalid");
        return FALSE;
    }

    settings->latency_ns = (guint64)latency_ns;
    return TRUE;
}

BlockNode *
null_node_open(gboolean is_aio, gboolean is_read_only, const NullSettings *settings, GError **error)
{
    guint64 length = (settings->size + SECTOR_BYTES - 1) / SECTOR_BYTES * SECTOR_BYTES;
    const BlockDriver *driver = is_aio ? &aio_driver : &co_driver;
    g_autofree char *filename = g_strconcat(driver->name, "://", NULL);
    NullFile *self;

    if (settings->size > (guint64)G_MAXINT64 - SECTOR_BYTES) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "size %" G_GUINT64_FORMAT " is too large",
                    settings->size);
        return NULL;
    }

    self = g_new0(NullFile, 1);
    self->file.ops = &null_ops;
    self->file.path = g_strdup(filename);
    self->file.is_writable = !is_read_only;
    self->length = length;
    self->latency_us = (gulong)((settings->latency_ns + 999) / 1000);
    self->reads_zeroes = settings->reads_zeroes;
    return protocol_node_new(driver, filename, &self->file, length);
}
