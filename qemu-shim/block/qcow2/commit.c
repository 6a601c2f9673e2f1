/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Metadata commit */

#include <errno.h>

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/qcow2/image.h"

/*
 * The order of format.h. A flush stands only where something on disk points at what was written
 * before it. So a batch costs one: what nothing points at yet (data, counts, new L2 tables) is
 * written before it, what points at that (L2 tables that are linked, the L1 table) after it; only
 * the refcount table, which is rarely written, has flushes of its own. An overwrite costs none.
 *
 * What a commit leaves in the file is ordered, not durable: that takes the flush at its end, which
 * a full batch does without. A step that failed is done again by the next commit, but never a
 * flush: what it should have kept may be gone.
 */

int
qcow2_flush_file_locked(Qcow2Image *image)
{
    if (image->flush_error != 0)
        return image->flush_error;
    if (++image->flushes == image->skip_flush) {
        image->is_barrier_due = FALSE;
        return 0;
    }

    block_event_raise(image->io, BLOCK_EVENT_FLUSH_TO_DISK);
    image->flush_error = io_file_flush(image->io);
    image->is_barrier_due = image->flush_error < 0;
    return image->flush_error;
}

static int
write_numbers64(Qcow2Image *image, guint64 offset, const guint64 *numbers, gsize count)
{
    g_autofree guint64 *big = g_try_new(guint64, count);

    if (big == NULL)
        return -ENOMEM;
    for (gsize i = 0; i < count; i++)
        big[i] = GUINT64_TO_BE(numbers[i]);
    return io_file_write(image->io, offset, big, count * sizeof(*big));
}

static int
write_entries(Qcow2Image *image,
              guint64 offset,
              const Qcow2Numbers *table,
              guint64 first,
              gsize count)
{
    g_autofree guint64 *entries = g_try_new(guint64, count);

    if (entries == NULL)
        return -ENOMEM;
    for (gsize i = 0; i < count; i++)
        entries[i] = GUINT64_TO_BE(qcow2_numbers_get(table, first + i));
    return io_file_write(image->io, offset, entries, count * sizeof(*entries));
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
        block_event_raise(image->io, BLOCK_EVENT_REFBLOCK_UPDATE);
        status = io_file_write(image->io,
                               qcow2_numbers_get(image->refcount_table, GPOINTER_TO_UINT(key)),
                               counts->block,
                               (gsize)image->cluster_size);
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

/* A table in place after its blocks; one that moved with them, and the header after both. */
static int
write_refcount_table(Qcow2Image *image)
{
    int status = 0;

    if (!image->is_refcount_table_dirty)
        return 0;

    if (!image->is_refcount_table_moved)
        status = qcow2_flush_file_locked(image);
    block_event_raise(image->io, BLOCK_EVENT_REFTABLE_UPDATE);
    if (status == 0)
        status = write_entries(image,
                               image->header->refcount_offset,
                               image->refcount_table,
                               0,
                               (gsize)image->n_refcount_entries);
    if (status == 0 && image->is_refcount_table_moved)
        status = qcow2_flush_file_locked(image);
    if (status == 0 && image->is_refcount_table_moved)
        status = write_table_place(image);
    if (status < 0)
        return status;

    /* The flushes here came before what the tables rely on. */
    image->is_barrier_due = TRUE;
    image->is_refcount_table_dirty = FALSE;
    image->is_refcount_table_moved = FALSE;
    return 0;
}

/* Those that the L1 table in the file points at, or those that it does not yet. */
static int
write_l2_tables(Qcow2Image *image, gboolean is_linked)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, image->tables);
    while (image->n_dirty_tables > 0 && g_hash_table_iter_next(&iter, &key, &value)) {
        Qcow2Table *table = value;
        guint64 offset = qcow2_numbers_get(image->l1, GPOINTER_TO_UINT(key)) & QCOW2_OFFSET_MASK;
        int status;

        if (!table->is_dirty || table->is_linked != is_linked)
            continue;
        block_event_raise(image->io, BLOCK_EVENT_L2_UPDATE);
        status = write_numbers64(image, offset, table->entries, (gsize)1 << image->l2_bits);
        if (status < 0)
            return status;
        table->is_dirty = FALSE;
        image->n_dirty_tables--;
    }

    return 0;
}

static void
mark_linked(Qcow2Image *image)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, image->tables);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        ((Qcow2Table *)value)->is_linked = TRUE;
}

static int
write_l1_table(Qcow2Image *image)
{
    guint begin = image->dirty_l1_begin;
    gsize count = image->dirty_l1_end - begin;
    int status;

    if (count == 0)
        return 0;

    block_event_raise(image->io, BLOCK_EVENT_L1_UPDATE);
    status = write_entries(
        image, image->header->l1_offset + (guint64)begin * 8, image->l1, begin, count);
    if (status < 0)
        return status;

    image->dirty_l1_end = begin;
    mark_linked(image);
    return 0;
}

static int
commit_once(Qcow2Image *image)
{
    gboolean has_links = image->n_dirty_tables > 0 || image->dirty_l1_begin < image->dirty_l1_end;
    int status = write_blocks(image);

    if (status == 0)
        status = write_refcount_table(image);
    if (status == 0)
        status = write_l2_tables(image, FALSE);
    if (status == 0 && has_links && image->is_barrier_due)
        status = qcow2_flush_file_locked(image);
    if (status == 0)
        status = write_l2_tables(image, TRUE);
    return status == 0 ? write_l1_table(image) : status;
}

/* What lost its last pointer in the first round loses its reference in the second. */
int
qcow2_commit_locked(Qcow2Image *image)
{
    int status = commit_once(image);

    if (status == 0 && image->releases->len > 0) {
        status = qcow2_flush_file_locked(image);
        if (status == 0)
            status = qcow2_apply_releases_locked(image);
        if (status == 0)
            status = commit_once(image);
    }
    if (status == 0)
        image->uncommitted = 0;
    return status;
}

int
qcow2_flush_locked(Qcow2Image *image)
{
    int status = qcow2_commit_locked(image);

    return status == 0 ? qcow2_flush_file_locked(image) : status;
}
