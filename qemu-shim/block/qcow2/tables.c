/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* L2 tables */

#include <errno.h>

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/qcow2/layout.h"

/*
 * A write-back cache. A table that comes from the file is judged as a whole; while one of its
 * entries is corrupt it can be read past that entry, but not be written: a table that we write back
 * holds nothing we would not accept.
 */

/* Clean tables are dropped past this many bytes; dirty ones are committed first. */
#define CACHE_BYTES (16u * 1024 * 1024)

/*
 * What all images that are only read share: a chain has up to 200 of them, and each could fill a
 * cache of its own from a file of some hundred KiB. Each may always hold one table.
 */
#define READERS_BYTES (64u * 1024 * 1024)

static gsize n_readers; /* atomic */

void
qcow2_tables_join(Qcow2Image *image)
{
    image->is_reader = !image->is_writable;
    if (image->is_reader)
        g_atomic_pointer_add(&n_readers, 1);
}

void
qcow2_tables_leave(Qcow2Image *image)
{
    if (image->is_reader)
        g_atomic_pointer_add(&n_readers, -1);
    image->is_reader = FALSE;
}

/* In tables. */
static guint64
cache_limit(const Qcow2Image *image)
{
    gsize n_sharers = (gsize)g_atomic_pointer_get(&n_readers);

    if (!image->is_reader)
        return MAX(CACHE_BYTES / image->cluster_size, 4);
    return MAX(MIN(CACHE_BYTES, READERS_BYTES / n_sharers) / image->cluster_size, 1);
}

static gsize
n_table_entries(const Qcow2Image *image)
{
    return (gsize)1 << image->l2_bits;
}

static gboolean
is_ours(const Qcow2Image *image, guint64 l1_index)
{
    return (image->is_written[l1_index / 8] >> (l1_index % 8) & 1) != 0;
}

static gboolean
is_clean(gpointer key, gpointer value, gpointer user_data)
{
    return !((Qcow2Table *)value)->is_dirty;
}

void
qcow2_drop_clean_tables_locked(Qcow2Image *image)
{
    g_hash_table_foreach_remove(image->tables, is_clean, NULL);
}

static int
make_room(Qcow2Image *image)
{
    int status = 0;

    if (g_hash_table_size(image->tables) < cache_limit(image))
        return 0;

    if (image->n_dirty_tables > 0)
        status = qcow2_commit_locked(image);
    if (status == 0)
        qcow2_drop_clean_tables_locked(image);
    return status;
}

static Qcow2Table *
insert_table(Qcow2Image *image, guint64 l1_index, guint64 *entries)
{
    Qcow2Table *table = g_new0(Qcow2Table, 1);

    table->entries = entries;
    g_hash_table_insert(image->tables, GUINT_TO_POINTER((guint)l1_index), table);
    return table;
}

static int
load_table(Qcow2Image *image, guint64 l1_index, guint64 offset, Qcow2Table **ret_table)
{
    g_autofree guint64 *entries = NULL;
    gboolean has_faults = FALSE;
    int status = make_room(image);

    if (status < 0)
        return status;
    entries = g_try_malloc((gsize)image->cluster_size);
    if (entries == NULL)
        return -ENOMEM;
    block_event_raise(image->io, BLOCK_EVENT_L2_LOAD);
    status = io_file_read(image->io, offset, entries, (gsize)image->cluster_size);
    if (status < 0)
        return status;

    for (gsize i = 0; i < n_table_entries(image); i++) {
        entries[i] = GUINT64_FROM_BE(entries[i]);
        has_faults = has_faults ||
                     qcow2_layout_judge_entry(image, entries[i], is_ours(image, l1_index)) != NULL;
    }
    *ret_table = insert_table(image, l1_index, g_steal_pointer(&entries));
    (*ret_table)->is_linked = TRUE;
    (*ret_table)->has_faults = has_faults;
    return 0;
}

/* The table of an L1 entry; *ret_table NULL where there is none yet. */
static int
find_table(Qcow2Image *image, guint64 l1_index, Qcow2Table **ret_table)
{
    guint64 entry;

    if (l1_index >= image->header->l1_entries)
        return -EINVAL;

    entry = qcow2_numbers_get(image->l1, l1_index);
    if ((entry & QCOW2_L1_RESERVED) != 0)
        return qcow2_image_fault(image,
                                 "L1 entry %" G_GUINT64_FORMAT " (0x%" G_GINT64_MODIFIER
                                 "x) is invalid, or its table has another use",
                                 l1_index,
                                 entry);
    *ret_table = g_hash_table_lookup(image->tables, GUINT_TO_POINTER((guint)l1_index));
    if (*ret_table != NULL || entry == 0)
        return 0;
    return load_table(image, l1_index, entry & QCOW2_OFFSET_MASK, ret_table);
}

int
qcow2_get_entry_locked(Qcow2Image *image, guint64 index, guint64 *ret_entry)
{
    guint64 l1_index = index >> image->l2_bits;
    Qcow2Table *table = NULL;
    guint64 entry = 0;
    const char *fault = NULL;
    int status = find_table(image, l1_index, &table);

    if (status < 0)
        return status;
    if (table != NULL)
        entry = table->entries[index & (n_table_entries(image) - 1)];
    if (table != NULL && table->has_faults)
        fault = qcow2_layout_judge_entry(image, entry, is_ours(image, l1_index));
    if (fault != NULL)
        return qcow2_image_fault(image,
                                 "L2 entry 0x%" G_GINT64_MODIFIER "x of guest cluster "
                                 "%" G_GUINT64_FORMAT " %s",
                                 entry,
                                 index,
                                 fault);

    *ret_entry = entry;
    return 0;
}

/* The L1 entry is set in memory at once; commit writes the table before the entry. */
static void
link_table(Qcow2Image *image, guint64 l1_index, guint64 offset)
{
    qcow2_numbers_set(image->l1, l1_index, offset | QCOW2_COPIED);
    image->is_barrier_due = TRUE;
    if (image->dirty_l1_begin == image->dirty_l1_end)
        image->dirty_l1_begin = (guint)l1_index;
    image->dirty_l1_begin = MIN(image->dirty_l1_begin, (guint)l1_index);
    image->dirty_l1_end = MAX(image->dirty_l1_end, (guint)l1_index + 1);
}

static int
create_table(Qcow2Image *image, guint64 l1_index, Qcow2Table **ret_table)
{
    g_autofree guint64 *entries = NULL;
    guint64 offset = 0;
    int status = make_room(image);

    if (status < 0)
        return status;
    entries = g_try_malloc0((gsize)image->cluster_size);
    if (entries == NULL)
        return -ENOMEM;
    status = qcow2_allocate_locked(image, 1, &offset);
    if (status < 0)
        return status;

    block_event_raise(image->io, BLOCK_EVENT_L2_ALLOC_WRITE);
    link_table(image, l1_index, offset);
    *ret_table = insert_table(image, l1_index, g_steal_pointer(&entries));
    return 0;
}

/* Whether a table is ours alone: by the flag, and where there are snapshots by the count as well.
 */
static int
is_shared_table(Qcow2Image *image, guint64 l1_index, gboolean *ret_is_shared)
{
    guint64 entry = qcow2_numbers_get(image->l1, l1_index);
    guint64 count = 1;
    int status = 0;

    if (image->header->n_snapshots > 0)
        status = qcow2_get_refcount_locked(
            image, (entry & QCOW2_OFFSET_MASK) >> image->header->cluster_bits, &count);
    *ret_is_shared = (entry & QCOW2_COPIED) == 0 || count != 1;
    return status;
}

/* What an internal snapshot has as well gets a place of its own before it changes. */
static int
own_table(Qcow2Image *image, guint64 l1_index, Qcow2Table *table)
{
    guint64 old = qcow2_numbers_get(image->l1, l1_index) & QCOW2_OFFSET_MASK;
    gboolean is_shared = FALSE;
    guint64 offset = 0;
    int status = table->is_linked ? is_shared_table(image, l1_index, &is_shared) : 0;

    if (status < 0 || !is_shared)
        return status;
    status = qcow2_allocate_locked(image, 1, &offset);
    if (status < 0)
        return status;

    block_event_raise(image->io, BLOCK_EVENT_L2_ALLOC_COW_READ);
    link_table(image, l1_index, offset);
    table->is_linked = FALSE;
    qcow2_release_later_locked(image, old, image->cluster_size);
    return 0;
}

int
qcow2_set_entry_locked(Qcow2Image *image, guint64 index, guint64 entry)
{
    guint64 l1_index = index >> image->l2_bits;
    Qcow2Table *table = NULL;
    int status = find_table(image, l1_index, &table);

    if (status == 0 && table == NULL)
        status = create_table(image, l1_index, &table);
    if (status < 0)
        return status;
    g_assert(table != NULL);
    if (table->has_faults)
        return qcow2_image_fault(image,
                                 "the L2 table at 0x%" G_GINT64_MODIFIER
                                 "x has corrupt entries and cannot be changed",
                                 qcow2_numbers_get(image->l1, l1_index) & QCOW2_OFFSET_MASK);

    status = own_table(image, l1_index, table);
    if (status < 0)
        return status;

    table->entries[index & (n_table_entries(image) - 1)] = entry;
    /* Zeros need nothing below them. */
    if ((entry & QCOW2_ZERO) == 0)
        image->is_barrier_due = TRUE;
    image->is_written[l1_index / 8] |= (guint8)(1u << (l1_index % 8));
    if (!table->is_dirty) {
        table->is_dirty = TRUE;
        image->n_dirty_tables++;
    }
    return 0;
}
