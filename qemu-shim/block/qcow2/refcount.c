/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reference counts */

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/qcow2/counts.h"
#include "qemu-shim/block/qcow2/layout.h"

/*
 * Clusters are taken past the end of the file alone, never from gaps: an image whose counts are
 * wrong (and nobody told us) can then lose nothing to us, a batch is contiguous, and what an
 * interrupted job leaks stays for `check -r leaks` to find. On a device, which has no such end,
 * they are taken past the last one that is counted.
 */

/* Clean blocks are dropped past this many bytes. */
#define CACHE_BYTES (8u * 1024 * 1024)

guint64
qcow2_get_counts_per_block(const Qcow2Image *image)
{
    return image->cluster_size * 8 >> image->header->refcount_order;
}

static gboolean
is_clean(gpointer key, gpointer value, gpointer user_data)
{
    return !((Qcow2Counts *)value)->is_dirty;
}

static gboolean
has_many_counts(const Qcow2Image *image)
{
    return g_hash_table_size(image->counts) >= MAX(CACHE_BYTES / image->cluster_size, 4);
}

int
qcow2_trim_counts_locked(Qcow2Image *image)
{
    int status;

    if (!has_many_counts(image))
        return 0;
    g_hash_table_foreach_remove(image->counts, is_clean, NULL);
    if (!has_many_counts(image))
        return 0;

    status = qcow2_commit_locked(image);
    if (status == 0)
        g_hash_table_foreach_remove(image->counts, is_clean, NULL);
    return status;
}

static Qcow2Counts *
insert_counts(Qcow2Image *image, guint64 block, guint8 *bytes)
{
    Qcow2Counts *counts = g_new0(Qcow2Counts, 1);

    counts->block = bytes;
    g_hash_table_insert(image->counts, GUINT_TO_POINTER((guint)block), counts);
    return counts;
}

static int
load_block(Qcow2Image *image, guint64 block, Qcow2Counts **ret_counts)
{
    guint64 offset = qcow2_numbers_get(image->refcount_table, block);
    g_autofree guint8 *bytes = NULL;
    const char *fault;
    int status;

    *ret_counts = g_hash_table_lookup(image->counts, GUINT_TO_POINTER((guint)block));
    if (*ret_counts != NULL || offset == 0)
        return 0;

    /* Those past the old end are our own. */
    fault = offset < image->end ? qcow2_layout_judge(image, offset) : NULL;
    if (offset >= image->next_free << image->header->cluster_bits)
        fault = "is past the end of the file";
    if (fault != NULL)
        return qcow2_image_fault(image,
                                 "refcount table entry %" G_GUINT64_FORMAT " (0x%" G_GINT64_MODIFIER
                                 "x) %s",
                                 block,
                                 offset,
                                 fault);

    bytes = g_try_malloc((gsize)image->cluster_size);
    if (bytes == NULL)
        return -ENOMEM;
    block_event_raise(image->io, BLOCK_EVENT_REFBLOCK_LOAD);
    status = io_file_read(image->io, offset, bytes, (gsize)image->cluster_size);
    if (status < 0)
        return status;

    *ret_counts = insert_counts(image, block, g_steal_pointer(&bytes));
    return 0;
}

int
qcow2_get_refcount_locked(Qcow2Image *image, guint64 cluster, guint64 *ret_count)
{
    guint64 block = cluster / qcow2_get_counts_per_block(image);
    Qcow2Counts *counts = NULL;
    int status;

    *ret_count = 0;
    if (block >= image->n_refcount_entries)
        return 0;

    status = load_block(image, block, &counts);
    if (status == 0 && counts != NULL)
        *ret_count = qcow2_counts_get(counts->block,
                                      image->header->refcount_order,
                                      cluster % qcow2_get_counts_per_block(image));
    return status;
}

/* The last cluster of @block that is counted, and one more; 0: there is none. */
static int
find_end_in_block(Qcow2Image *image, guint64 block, guint64 *ret_end)
{
    guint64 per_block = qcow2_get_counts_per_block(image);
    Qcow2Counts *counts = NULL;
    int status = load_block(image, block, &counts);

    *ret_end = 0;
    if (status < 0 || counts == NULL)
        return status;

    for (guint64 i = per_block; i > 0 && *ret_end == 0; i--) {
        if (qcow2_counts_get(counts->block, image->header->refcount_order, i - 1) > 0)
            *ret_end = block * per_block + i;
    }

    return 0;
}

/* Past all metadata, also where nobody counted it. */
static guint64
end_of_metadata(const Qcow2Image *image)
{
    guint64 end = image->n_metadata > 0 ? image->metadata[image->n_metadata - 1] : 0;

    for (guint i = 0; i < G_N_ELEMENTS(image->fixed); i++)
        end = MAX(end, image->fixed[i].offset + MAX(image->fixed[i].length, 1) - 1);
    return (end >> image->header->cluster_bits) + 1;
}

int
qcow2_find_end_locked(Qcow2Image *image)
{
    guint64 end = 0;
    int status = 0;

    for (guint64 block = image->n_refcount_entries; status == 0 && end == 0 && block > 0; block--) {
        status = qcow2_trim_counts_locked(image);
        if (status == 0)
            status = find_end_in_block(image, block - 1, &end);
    }

    if (status == 0)
        image->next_free = MIN(MAX(end, end_of_metadata(image)), image->next_free);
    return status;
}

static int
set_refcounts(Qcow2Image *image, guint64 first, guint64 count)
{
    for (guint64 i = 0; i < count; i++) {
        int status = qcow2_set_refcount_locked(image, first + i, 1);

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
    int status;

    if (n_clusters > QCOW2_MAX_TABLE_BYTES / image->cluster_size)
        return -EFBIG;

    status = qcow2_numbers_extend(image->refcount_table, n_clusters * entries_per_cluster);
    if (status < 0)
        return status;
    qcow2_release_later_locked(
        image, header->refcount_offset, (guint64)header->refcount_clusters << header->cluster_bits);

    image->next_free += n_clusters;
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
    guint8 *bytes = g_try_malloc0((gsize)image->cluster_size);
    guint64 cluster;

    if (bytes == NULL)
        return -ENOMEM;

    cluster = image->next_free++;
    *ret_counts = insert_counts(image, block, bytes);
    (*ret_counts)->is_dirty = TRUE;
    qcow2_numbers_set(image->refcount_table, block, cluster << image->header->cluster_bits);
    image->is_refcount_table_dirty = TRUE;
    return qcow2_set_refcount_locked(image, cluster, 1);
}

int
qcow2_set_refcount_locked(Qcow2Image *image, guint64 cluster, guint64 count)
{
    guint64 block = cluster / qcow2_get_counts_per_block(image);
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
    if (image->header->refcount_order < 6 && count >> (1u << image->header->refcount_order) != 0)
        return -EOVERFLOW;
    qcow2_counts_set(counts->block,
                     image->header->refcount_order,
                     cluster % qcow2_get_counts_per_block(image),
                     count);
    counts->is_dirty = TRUE;
    return 0;
}

int
qcow2_allocate_locked(Qcow2Image *image, guint64 count, guint64 *ret_offset)
{
    guint64 first;
    int status = qcow2_trim_counts_locked(image);

    if (status < 0)
        return status;
    block_event_raise(image->io, BLOCK_EVENT_CLUSTER_ALLOC);
    first = image->next_free;
    if (first + count > (QCOW2_OFFSET_MASK >> image->header->cluster_bits))
        return -EFBIG;

    image->next_free += count;
    status = set_refcounts(image, first, count);
    if (status == 0)
        *ret_offset = first << image->header->cluster_bits;
    return status;
}

int
qcow2_add_reference_locked(Qcow2Image *image, guint64 offset)
{
    guint64 cluster = offset >> image->header->cluster_bits;
    guint bits = 1u << image->header->refcount_order;
    guint64 most = bits == 64 ? G_MAXUINT64 : (G_GUINT64_CONSTANT(1) << bits) - 1;
    guint64 count;
    int status = qcow2_get_refcount_locked(image, cluster, &count);

    if (status < 0)
        return status;
    return count < most ? qcow2_set_refcount_locked(image, cluster, count + 1) : -EOVERFLOW;
}

void
qcow2_release_later_locked(Qcow2Image *image, guint64 offset, guint64 length)
{
    Qcow2Range release = {offset, length};

    g_array_append_val(image->releases, release);
}

static int
release_cluster(Qcow2Image *image, guint64 cluster)
{
    guint64 count;
    int status;

    block_event_raise(image->io, BLOCK_EVENT_CLUSTER_FREE);
    status = qcow2_get_refcount_locked(image, cluster, &count);

    /* A count of 0 was wrong before us. */
    if (status == 0 && count > 0)
        status = qcow2_set_refcount_locked(image, cluster, count - 1);
    return status;
}

/* What is done is forgotten at once: a second try after an error must not do it again. */
int
qcow2_apply_releases_locked(Qcow2Image *image)
{
    while (image->releases->len > 0) {
        Qcow2Range *last = &g_array_index(image->releases, Qcow2Range, image->releases->len - 1);
        guint64 in_cluster = image->cluster_size - last->offset % image->cluster_size;
        int status = release_cluster(image, last->offset >> image->header->cluster_bits);

        if (status < 0)
            return status;
        if (last->length <= in_cluster) {
            g_array_set_size(image->releases, image->releases->len - 1);
        } else {
            last->offset += in_cluster;
            last->length -= in_cluster;
        }
    }

    return 0;
}
