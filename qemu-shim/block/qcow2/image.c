/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Open image */

#include "qemu-shim/block/qcow2/image.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/event.h"
#include "qemu-shim/block/qcow2/layout.h"
#include "qemu-shim/block/qcow2/repair.h"

/* A batch: losing it costs a job that much work again. */
#define BATCH_BYTES ((guint64)64 * 1024 * 1024)

static void
table_free(Qcow2Table *table)
{
    g_free(table->entries);
    g_free(table);
}

static void
counts_free(Qcow2Counts *counts)
{
    g_free(counts->block);
    g_free(counts);
}

static gboolean
load_numbers(Qcow2Image *image,
             const char *doing,
             guint64 offset,
             guint64 n_numbers,
             Qcow2Numbers **ret_numbers,
             GError **error)
{
    int status = qcow2_numbers_load(image->io, offset, n_numbers, ret_numbers);

    if (status == -EDQUOT)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "cannot open '%s': its tables and those of the images that are open already "
                    "take more than '%u' MiB",
                    image->io->path,
                    QCOW2_NUMBERS_LIMIT / (1024 * 1024));
    else if (status < 0)
        block_set_error(error, status, doing, image->io->path);
    return status == 0;
}

static gboolean
load_tables(Qcow2Image *image, GError **error)
{
    const Qcow2Header *header = image->header;

    if (!load_numbers(image,
                      "cannot read the L1 table of",
                      header->l1_offset,
                      header->l1_entries,
                      &image->l1,
                      error))
        return FALSE;

    image->n_refcount_entries = (guint64)header->refcount_clusters * image->cluster_size / 8;
    block_event_raise(image->io, BLOCK_EVENT_REFTABLE_LOAD);
    if (!load_numbers(image,
                      "cannot read the refcount table of",
                      header->refcount_offset,
                      image->n_refcount_entries,
                      &image->refcount_table,
                      error))
        return FALSE;

    image->is_written = g_try_malloc0(header->l1_entries / 8 + 1);
    if (image->is_written == NULL)
        block_set_error(error, -ENOMEM, "cannot read the tables of", image->io->path);
    return image->is_written != NULL;
}

/* Features of the future that say "forget me when you write" are forgotten before we write. */
static int
clear_unknown_autoclear(Qcow2Image *image)
{
    guint8 zero[8] = {0};
    int status;

    if (image->header->autoclear == 0)
        return 0;

    image->header->autoclear = 0;
    status = io_file_write(image->io, QCOW2_AT_AUTOCLEAR, zero, sizeof(zero));
    return status < 0 ? status : io_file_flush(image->io);
}

Qcow2Image *
qcow2_image_open(IoFile *io, gboolean is_writable, GError **error)
{
    g_autoptr(Qcow2Image) image = g_new0(Qcow2Image, 1);
    guint64 file_length = 0;
    int status;

    image->io = io;
    image->is_writable = is_writable;
    g_mutex_init(&image->lock);
    image->tables = g_hash_table_new_full(
        g_direct_hash, g_direct_equal, NULL, (GDestroyNotify)table_free);
    image->counts = g_hash_table_new_full(
        g_direct_hash, g_direct_equal, NULL, (GDestroyNotify)counts_free);
    image->releases = g_array_new(FALSE, FALSE, sizeof(Qcow2Range));
    image->batch_limit = BATCH_BYTES;

    image->header = qcow2_header_read(io, error);
    if (image->header == NULL ||
        !qcow2_header_check_features(image->header, io->path, is_writable, error))
        return NULL;

    image->cluster_size = G_GUINT64_CONSTANT(1) << image->header->cluster_bits;
    image->l2_bits = image->header->cluster_bits - 3;
    status = io_file_get_length(io, &file_length);
    image->next_free = (file_length + image->cluster_size - 1) >> image->header->cluster_bits;
    image->end = image->next_free << image->header->cluster_bits;
    if (status == 0 && (!load_tables(image, error) || !qcow2_layout_scan(image, error)))
        return NULL;

    if (status == 0 && is_writable && io->is_fixed)
        status = qcow2_find_end_locked(image);
    if (status == 0 && is_writable &&
        (image->header->incompatible & QCOW2_INCOMPATIBLE_DIRTY) != 0 &&
        !qcow2_repair_dirty(image, error))
        return NULL;
    if (status == 0 && is_writable)
        status = clear_unknown_autoclear(image);
    if (status < 0) {
        block_set_error(error, status, "cannot open", io->path);
        return NULL;
    }

    qcow2_tables_join(image);
    return g_steal_pointer(&image);
}

void
qcow2_image_free(Qcow2Image *image)
{
    if (image == NULL)
        return;

    qcow2_tables_leave(image);
    g_clear_pointer(&image->header, qcow2_header_free);
    g_clear_pointer(&image->l1, qcow2_numbers_free);
    g_clear_pointer(&image->refcount_table, qcow2_numbers_free);
    g_free(image->metadata);
    g_free(image->is_written);
    g_hash_table_unref(image->tables);
    g_hash_table_unref(image->counts);
    g_array_unref(image->releases);
    g_free(image->fault);
    g_mutex_clear(&image->lock);
    g_free(image);
}

int
qcow2_image_fault(Qcow2Image *image, const char *format, ...)
{
    va_list list;

    if (image->fault == NULL) {
        va_start(list, format);
        image->fault = g_strdup_vprintf(format, list);
        va_end(list);
        g_debug("'%s' is corrupt: %s", image->io->path, image->fault);
    }

    return -EIO;
}
