/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* L2 tables */

#include <errno.h>

#include "qemu-shim/block/qcow2/image.h"

/* Clean tables are dropped past this many bytes; dirty ones are committed first. */
#define CACHE_BYTES (16u * 1024 * 1024)

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

    if (g_hash_table_size(image->tables) < MAX(CACHE_BYTES / image->cluster_size, 4))
        return 0;

    if (image->n_dirty_tables > 0)
        status = qcow2_commit_locked(image);
    if (status == 0)
        qcow2_drop_clean_tables_locked(image);
    return status;
}

/* What every later use of an entry relies on. */
static int
check_entry(Qcow2Image *image, guint64 entry)
{
    guint64 offset = entry & QCOW2_OFFSET_MASK;

    if ((entry & QCOW2_COMPRESSED) != 0)
        return (entry & QCOW2_COPIED) == 0
                   ? 0
                   : qcow2_image_fault(image, "a compressed cluster is marked as not shared");
    if ((entry & QCOW2_L2_RESERVED) != 0 ||
        (image->header->version == 2 && (entry & QCOW2_ZERO) != 0))
        return qcow2_image_fault(
            image, "reserved bits in L2 entry 0x%" G_GINT64_MODIFIER "x", entry);
    if (offset == 0)
        return (entry & QCOW2_COPIED) == 0
                   ? 0
                   : qcow2_image_fault(image, "an L2 entry without offset is marked as copied");
    return qcow2_check_data_offset_locked(image, offset);
}

/* The table of an L1 entry; *ret_table NULL where there is none yet. */
static int
find_table(Qcow2Image *image, guint64 l1_index, Qcow2Table **ret_table)
{
    guint64 offset;
    g_autofree guint64 *entries = NULL;
    Qcow2Table *table;
    int status;

    if (l1_index >= image->header->l1_entries)
        return -EINVAL;

    *ret_table = g_hash_table_lookup(image->tables, GUINT_TO_POINTER((guint)l1_index));
    offset = image->l1[l1_index] & QCOW2_OFFSET_MASK;
    if (*ret_table != NULL || offset == 0)
        return 0;

    status = qcow2_check_data_offset_locked(image, offset);
    if (status == 0)
        status = make_room(image);
    if (status < 0)
        return status;

    entries = g_malloc((gsize)image->cluster_size);
    status = io_file_read(image->io, offset, entries, (gsize)image->cluster_size);
    if (status < 0)
        return status;
    for (gsize i = 0; i < (gsize)1 << image->l2_bits; i++)
        entries[i] = GUINT64_FROM_BE(entries[i]);

    table = g_new0(Qcow2Table, 1);
    table->entries = g_steal_pointer(&entries);
    g_hash_table_insert(image->tables, GUINT_TO_POINTER((guint)l1_index), table);
    *ret_table = table;
    return 0;
}

int
qcow2_get_entry_locked(Qcow2Image *image, guint64 index, guint64 *ret_entry)
{
    Qcow2Table *table;
    guint64 entry;
    int status = find_table(image, index >> image->l2_bits, &table);

    if (status < 0)
        return status;
    if (table == NULL) {
        *ret_entry = 0;
        return 0;
    }

    entry = table->entries[index & ((G_GUINT64_CONSTANT(1) << image->l2_bits) - 1)];
    status = check_entry(image, entry);
    if (status == 0)
        *ret_entry = entry;
    return status;
}

/* The L1 entry is set in memory at once; commit writes the table before the entry. */
static int
create_table(Qcow2Image *image, guint64 l1_index, Qcow2Table **ret_table)
{
    Qcow2Table *table;
    guint64 offset = 0;
    int status = make_room(image);

    if (status == 0)
        status = qcow2_allocate_locked(image, 1, &offset);
    if (status < 0)
        return status;

    table = g_new0(Qcow2Table, 1);
    table->entries = g_malloc0((gsize)image->cluster_size);
    image->l1[l1_index] = offset | QCOW2_COPIED;
    image->is_l1_dirty = TRUE;
    g_hash_table_insert(image->tables, GUINT_TO_POINTER((guint)l1_index), table);
    *ret_table = table;
    return 0;
}

int
qcow2_set_entry_locked(Qcow2Image *image, guint64 index, guint64 entry)
{
    guint64 l1_index = index >> image->l2_bits;
    Qcow2Table *table;
    int status = find_table(image, l1_index, &table);

    if (status == 0 && table == NULL)
        status = create_table(image, l1_index, &table);
    if (status < 0)
        return status;

    table->entries[index & ((G_GUINT64_CONSTANT(1) << image->l2_bits) - 1)] = entry;
    if (!table->is_dirty) {
        table->is_dirty = TRUE;
        image->n_dirty_tables++;
    }
    return 0;
}
