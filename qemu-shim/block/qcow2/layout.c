/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image layout */

#include "qemu-shim/block/qcow2/layout.h"

#include <stdlib.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/qcow2/mapping.h"

/*
 * A cluster is either metadata or data, and metadata of one kind. Were it not so, a guest could
 * read tables or write them, and a file of some hundred KiB, its L1 entries all at one L2 table,
 * could declare a TiB of data. So the places of all metadata are collected once, when the image is
 * opened, and no entry may point at one of them or past the end that the file had then. Tables that
 * we wrote ourselves point farther: clusters are only ever added at the end.
 */

/* A bit no L1 entry may have: it marks those that may not be followed. */
#define BAD_L1_ENTRY G_GUINT64_CONSTANT(1)

static gboolean
is_fixed(const Qcow2Image *image, guint64 offset)
{
    for (guint i = 0; i < G_N_ELEMENTS(image->fixed); i++) {
        if (offset >= image->fixed[i].offset &&
            offset - image->fixed[i].offset < image->fixed[i].length)
            return TRUE;
    }

    return FALSE;
}

static int
compare_offsets(const void *a, const void *b)
{
    guint64 first = *(const guint64 *)a;
    guint64 second = *(const guint64 *)b;

    return (first > second) - (first < second);
}

static gboolean
contains(const guint64 *offsets, gsize n_offsets, guint64 offset)
{
    return n_offsets > 0 &&
           bsearch(&offset, offsets, n_offsets, sizeof(*offsets), compare_offsets) != NULL;
}

static const char *
judge_place(const Qcow2Image *image, guint64 offset, guint64 end)
{
    if (offset % image->cluster_size != 0)
        return "is not aligned";
    if (offset >= end)
        return "is past the end of the file";
    return is_fixed(image, offset) ? "is that of the header, the L1 table or the refcount table"
                                   : NULL;
}

const char *
qcow2_layout_judge(const Qcow2Image *image, guint64 offset)
{
    return judge_place(image, offset, image->end);
}

/* The sectors may go on past the end of the file, where they are zeros: QEMU makes such images. */
static const char *
judge_compressed(const Qcow2Image *image, guint64 entry, guint64 end)
{
    guint64 offset, length;

    if ((entry & QCOW2_COPIED) != 0)
        return "is compressed and yet marked as not shared";

    qcow2_entry_compressed_range(image, entry, &offset, &length);
    if (offset >= end)
        return "is past the end of the file";
    for (guint64 cluster = offset - offset % image->cluster_size; cluster < offset + length;
         cluster += image->cluster_size) {
        if (is_fixed(image, cluster) || contains(image->metadata, image->n_metadata, cluster))
            return "is over metadata";
    }

    return NULL;
}

const char *
qcow2_layout_judge_entry(const Qcow2Image *image, guint64 entry, gboolean is_ours)
{
    guint64 end = is_ours ? image->next_free << image->header->cluster_bits : image->end;
    guint64 offset = entry & QCOW2_OFFSET_MASK;
    const char *fault;

    if ((entry & QCOW2_COMPRESSED) != 0)
        return judge_compressed(image, entry, end);
    if ((entry & QCOW2_L2_RESERVED) != 0 ||
        (image->header->version == 2 && (entry & QCOW2_ZERO) != 0))
        return "has reserved bits";
    if (offset == 0)
        return (entry & QCOW2_COPIED) == 0 ? NULL : "is marked as not shared and has no cluster";

    fault = judge_place(image, offset, end);
    if (fault == NULL && contains(image->metadata, image->n_metadata, offset))
        fault = "is over metadata";
    return fault;
}

static gboolean
refuse(const Qcow2Image *image, GError **error, const char *what, guint64 value, const char *fault)
{
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_IMAGE_INVALID,
                "'%s' is corrupt: %s '0x%" G_GINT64_MODIFIER "x' %s",
                image->io->path,
                what,
                value,
                fault);
    return FALSE;
}

static const char *
judge_l1_entry(const Qcow2Image *image, guint64 entry)
{
    if ((entry & QCOW2_L1_RESERVED) != 0)
        return "has reserved bits";
    if ((entry & QCOW2_OFFSET_MASK) == 0)
        return (entry & QCOW2_COPIED) == 0 ? NULL : "is marked as not shared and has no table";
    return qcow2_layout_judge(image, entry & QCOW2_OFFSET_MASK);
}

static gboolean
collect_l2_tables(Qcow2Image *image, GError **error)
{
    for (guint64 i = qcow2_numbers_find(image->l1, 0); i < image->l1->n_numbers;
         i = qcow2_numbers_find(image->l1, i + 1)) {
        guint64 entry = qcow2_numbers_get(image->l1, i);
        const char *fault = judge_l1_entry(image, entry);

        if (fault == NULL)
            image->metadata[image->n_metadata++] = entry & QCOW2_OFFSET_MASK;
        else if (image->is_writable)
            return refuse(image, error, "L1 entry", entry, fault);
        else
            qcow2_numbers_set(image->l1, i, entry | BAD_L1_ENTRY);
    }

    return TRUE;
}

static gboolean
collect_refcount_blocks(Qcow2Image *image, GError **error)
{
    const Qcow2Numbers *table = image->refcount_table;

    for (guint64 i = qcow2_numbers_find(table, 0); i < table->n_numbers;
         i = qcow2_numbers_find(table, i + 1)) {
        guint64 offset = qcow2_numbers_get(table, i);
        const char *fault = qcow2_layout_judge(image, offset);

        if (fault == NULL)
            image->metadata[image->n_metadata++] = offset;
        else if (image->is_writable)
            return refuse(image, error, "refcount table entry", offset, fault);
    }

    return TRUE;
}

/* Those that are there twice or more, each once; in the order they have. */
static GArray *
find_shared(const Qcow2Image *image)
{
    GArray *shared = g_array_new(FALSE, FALSE, sizeof(guint64));

    for (gsize i = 1; i < image->n_metadata; i++) {
        guint64 offset = image->metadata[i];

        if (offset == image->metadata[i - 1] &&
            (shared->len == 0 || g_array_index(shared, guint64, shared->len - 1) != offset))
            g_array_append_val(shared, offset);
    }

    return shared;
}

static gboolean
check_shared(Qcow2Image *image, GError **error)
{
    g_autoptr(GArray) shared = find_shared(image);
    const guint64 *offsets = (const guint64 *)(gpointer)shared->data;

    if (shared->len == 0)
        return TRUE;
    if (image->is_writable)
        return refuse(image, error, "offset", offsets[0], "is that of two tables");

    for (guint64 i = qcow2_numbers_find(image->l1, 0); i < image->l1->n_numbers;
         i = qcow2_numbers_find(image->l1, i + 1)) {
        guint64 entry = qcow2_numbers_get(image->l1, i);

        if (contains(offsets, shared->len, entry & QCOW2_OFFSET_MASK))
            qcow2_numbers_set(image->l1, i, entry | BAD_L1_ENTRY);
    }

    return TRUE;
}

static void
place_fixed(Qcow2Image *image)
{
    const Qcow2Header *header = image->header;

    image->fixed[0] = (Qcow2Range){0, image->cluster_size};
    image->fixed[1] = (Qcow2Range){header->l1_offset, (guint64)header->l1_entries * 8};
    image->fixed[2] = (Qcow2Range){header->refcount_offset,
                                   (guint64)header->refcount_clusters << header->cluster_bits};
}

static gsize
count_places(const Qcow2Numbers *table)
{
    gsize n_places = 0;

    for (guint64 i = qcow2_numbers_find(table, 0); i < table->n_numbers;
         i = qcow2_numbers_find(table, i + 1))
        n_places++;
    return n_places;
}

gboolean
qcow2_layout_scan(Qcow2Image *image, GError **error)
{
    gsize n_most = count_places(image->l1) + count_places(image->refcount_table);
    gboolean is_sorted = TRUE;

    place_fixed(image);
    image->metadata = g_try_new0(guint64, n_most + 1);
    if (image->metadata == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "not enough memory for the tables of '%s'",
                    image->io->path);
        return FALSE;
    }
    if (!collect_l2_tables(image, error) || !collect_refcount_blocks(image, error))
        return FALSE;

    for (gsize i = 1; i < image->n_metadata && is_sorted; i++)
        is_sorted = image->metadata[i - 1] < image->metadata[i];
    if (is_sorted)
        return TRUE;

    qsort(image->metadata, image->n_metadata, sizeof(*image->metadata), compare_offsets);
    return check_shared(image, error);
}
