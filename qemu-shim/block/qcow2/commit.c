/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Metadata commit */

#include <errno.h>

#include "qemu-shim/block/qcow2/image.h"

/*
 * The order of format.h. A step that has nothing to write needs no flush before it, so a batch of
 * data into existing tables costs two flushes, a batch of overwrites one.
 */

int
qcow2_flush_file_locked(Qcow2Image *image)
{
    if (++image->flushes == image->skip_flush)
        return 0;
    return io_file_flush(image->io);
}

static int
write_numbers64(Qcow2Image *image, guint64 offset, const guint64 *numbers, gsize count)
{
    g_autofree guint64 *big = g_new(guint64, count);

    for (gsize i = 0; i < count; i++)
        big[i] = GUINT64_TO_BE(numbers[i]);
    return io_file_write(image->io, offset, big, count * sizeof(*big));
}

static int
write_counts(Qcow2Image *image, guint64 offset, const guint16 *counts)
{
    gsize n_counts = (gsize)image->cluster_size / sizeof(*counts);
    g_autofree guint16 *big = g_new(guint16, n_counts);

    for (gsize i = 0; i < n_counts; i++)
        big[i] = GUINT16_TO_BE(counts[i]);
    return io_file_write(image->io, offset, big, (gsize)image->cluster_size);
}

static int
write_blocks(Qcow2Image *image)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, image->counts);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        Qcow2Counts *counts = value;
        int status;

        if (!counts->is_dirty)
            continue;
        status = write_counts(image, image->refcount_table[GPOINTER_TO_UINT(key)], counts->counts);
        if (status < 0)
            return status;
        counts->is_dirty = FALSE;
    }

    return 0;
}

static int
write_table_place(Qcow2Image *image)
{
    guint8 place[12];

    qcow2_put64(place, image->header->refcount_offset);
    qcow2_put32(place + 8, image->header->refcount_clusters);
    return io_file_write(image->io, QCOW2_AT_REFCOUNT_OFFSET, place, sizeof(place));
}

/* The table after its blocks; the header after a table that moved. */
static int
write_refcount_table(Qcow2Image *image)
{
    int status;

    if (!image->is_refcount_table_dirty)
        return 0;

    status = qcow2_flush_file_locked(image);
    if (status == 0)
        status = write_numbers64(image,
                                 image->header->refcount_offset,
                                 image->refcount_table,
                                 (gsize)image->n_refcount_entries);
    if (status == 0 && image->is_refcount_table_moved)
        status = qcow2_flush_file_locked(image);
    if (status == 0 && image->is_refcount_table_moved)
        status = write_table_place(image);
    if (status < 0)
        return status;

    image->is_refcount_table_dirty = FALSE;
    image->is_refcount_table_moved = FALSE;
    return 0;
}

static int
write_l2_tables(Qcow2Image *image)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, image->tables);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        Qcow2Table *table = value;
        guint64 offset = image->l1[GPOINTER_TO_UINT(key)] & QCOW2_OFFSET_MASK;
        int status;

        if (!table->is_dirty)
            continue;
        status = write_numbers64(image, offset, table->entries, (gsize)1 << image->l2_bits);
        if (status < 0)
            return status;
        table->is_dirty = FALSE;
    }

    image->n_dirty_tables = 0;
    return 0;
}

static int
write_l1_table(Qcow2Image *image)
{
    int status;

    if (!image->is_l1_dirty)
        return 0;

    status = qcow2_flush_file_locked(image);
    if (status == 0)
        status = write_numbers64(
            image, image->header->l1_offset, image->l1, image->header->l1_entries);
    if (status == 0)
        image->is_l1_dirty = FALSE;
    return status;
}

static int
commit_once(Qcow2Image *image)
{
    gboolean has_tables = image->n_dirty_tables > 0;
    int status = write_blocks(image);

    if (status == 0)
        status = write_refcount_table(image);
    if (status == 0 && has_tables)
        status = qcow2_flush_file_locked(image);
    if (status == 0 && has_tables)
        status = write_l2_tables(image);
    if (status == 0)
        status = write_l1_table(image);
    if (status == 0)
        status = qcow2_flush_file_locked(image);
    return status;
}

/* What lost its last pointer in the first round loses its reference in the second. */
int
qcow2_commit_locked(Qcow2Image *image)
{
    int status = commit_once(image);

    if (status == 0 && image->releases->len > 0) {
        status = qcow2_apply_releases_locked(image);
        if (status == 0)
            status = commit_once(image);
    }
    if (status == 0)
        image->uncommitted = 0;
    return status;
}
