/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reference counts */

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/qcow2/image.h"

/*
 * Clusters are taken past the end of the file alone, never from gaps: an image whose counts are
 * wrong (and nobody told us) can then lose nothing to us, a batch is contiguous, and what an
 * interrupted job leaks stays for `check -r leaks` to find.
 */

static guint64
counts_per_block(const Qcow2Image *image)
{
    guint64 count = image->cluster_size / sizeof(guint16);

    g_assert(count > 0);
    return count;
}

static int
load_block(Qcow2Image *image, guint64 block, Qcow2Counts **ret_counts)
{
    guint64 offset = image->refcount_table[block];
    g_autofree guint16 *numbers = NULL;
    Qcow2Counts *counts;
    int status;

    *ret_counts = g_hash_table_lookup(image->counts, GUINT_TO_POINTER((guint)block));
    if (*ret_counts != NULL || offset == 0)
        return 0;

    status = qcow2_check_data_offset_locked(image, offset);
    if (status < 0)
        return status;

    numbers = g_malloc((gsize)image->cluster_size);
    status = io_file_read(image->io, offset, numbers, (gsize)image->cluster_size);
    if (status < 0)
        return status;
    for (guint64 i = 0; i < counts_per_block(image); i++)
        numbers[i] = GUINT16_FROM_BE(numbers[i]);

    counts = g_new0(Qcow2Counts, 1);
    counts->counts = g_steal_pointer(&numbers);
    g_hash_table_insert(image->counts, GUINT_TO_POINTER((guint)block), counts);
    *ret_counts = counts;
    return 0;
}

int
qcow2_get_refcount_locked(Qcow2Image *image, guint64 cluster, guint16 *ret_count)
{
    guint64 block = cluster / counts_per_block(image);
    Qcow2Counts *counts = NULL;
    int status;

    *ret_count = 0;
    if (block >= image->n_refcount_entries)
        return 0;

    status = load_block(image, block, &counts);
    if (status == 0 && counts != NULL)
        *ret_count = counts->counts[cluster % counts_per_block(image)];
    return status;
}

static int set_refcount(Qcow2Image *image, guint64 cluster, guint16 count);

static int
set_refcounts(Qcow2Image *image, guint64 first, guint64 count)
{
    for (guint64 i = 0; i < count; i++) {
        int status = set_refcount(image, first + i, 1);

        if (status < 0)
            return status;
    }

    return 0;
}

/* A table half as large again, in new clusters; the old ones go when the header names the new. */
static int
grow_table(Qcow2Image *image, guint64 block)
{
    Qcow2Header *header = image->header;
    guint64 entries_per_cluster = image->cluster_size / 8;
    guint64 wanted = MAX(block + 1, image->n_refcount_entries + image->n_refcount_entries / 2);
    guint64 n_clusters = (wanted + entries_per_cluster - 1) / entries_per_cluster;
    guint64 first = image->next_free;
    g_autofree guint64 *table = NULL;

    if (n_clusters > QCOW2_MAX_TABLE_BYTES / image->cluster_size)
        return -EFBIG;

    table = g_new0(guint64, n_clusters * entries_per_cluster);
    memcpy(table, image->refcount_table, (gsize)image->n_refcount_entries * 8);
    qcow2_release_later_locked(
        image, header->refcount_offset, (guint64)header->refcount_clusters << header->cluster_bits);

    image->next_free += n_clusters;
    g_free(image->refcount_table);
    image->refcount_table = g_steal_pointer(&table);
    image->n_refcount_entries = n_clusters * entries_per_cluster;
    image->is_refcount_table_dirty = TRUE;
    image->is_refcount_table_moved = TRUE;
    header->refcount_offset = first << header->cluster_bits;
    header->refcount_clusters = (guint32)n_clusters;
    return set_refcounts(image, first, n_clusters);
}

/* A new block counts itself, in itself or in the one that comes after it. */
static int
create_block(Qcow2Image *image, guint64 block, Qcow2Counts **ret_counts)
{
    Qcow2Counts *counts = g_new0(Qcow2Counts, 1);
    guint64 cluster = image->next_free++;

    counts->counts = g_malloc0((gsize)image->cluster_size);
    counts->is_dirty = TRUE;
    g_hash_table_insert(image->counts, GUINT_TO_POINTER((guint)block), counts);
    image->refcount_table[block] = cluster << image->header->cluster_bits;
    image->is_refcount_table_dirty = TRUE;
    *ret_counts = counts;
    return set_refcount(image, cluster, 1);
}

static int
set_refcount(Qcow2Image *image, guint64 cluster, guint16 count)
{
    guint64 block = cluster / counts_per_block(image);
    Qcow2Counts *counts = NULL;
    int status = 0;

    if (block >= image->n_refcount_entries)
        status = grow_table(image, block);
    if (status == 0)
        status = load_block(image, block, &counts);
    if (status == 0 && counts == NULL)
        status = create_block(image, block, &counts);
    if (status < 0)
        return status;

    g_assert(counts != NULL);
    counts->counts[cluster % counts_per_block(image)] = count;
    counts->is_dirty = TRUE;
    return 0;
}

int
qcow2_allocate_locked(Qcow2Image *image, guint64 count, guint64 *ret_offset)
{
    guint64 first = image->next_free;
    int status;

    if (first + count > (QCOW2_OFFSET_MASK >> image->header->cluster_bits))
        return -EFBIG;

    image->next_free += count;
    status = set_refcounts(image, first, count);
    if (status == 0)
        *ret_offset = first << image->header->cluster_bits;
    return status;
}

void
qcow2_release_later_locked(Qcow2Image *image, guint64 offset, guint64 length)
{
    Qcow2Release release = {offset, length};

    g_array_append_val(image->releases, release);
}

int
qcow2_apply_releases_locked(Qcow2Image *image)
{
    guint bits = image->header->cluster_bits;

    for (guint i = 0; i < image->releases->len; i++) {
        Qcow2Release release = g_array_index(image->releases, Qcow2Release, i);
        guint64 last = (release.offset + release.length - 1) >> bits;

        for (guint64 cluster = release.offset >> bits; cluster <= last; cluster++) {
            guint16 count;
            int status = qcow2_get_refcount_locked(image, cluster, &count);

            /* A count of 0 was wrong before us, one that is saturated stays. */
            if (status == 0 && count > 0 && count < G_MAXUINT16)
                status = set_refcount(image, cluster, (guint16)(count - 1));
            if (status < 0)
                return status;
        }
    }

    g_array_set_size(image->releases, 0);
    return 0;
}
