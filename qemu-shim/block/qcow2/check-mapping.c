/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Mapping check */

#include "qemu-shim/block/qcow2/check-state.h"
#include "qemu-shim/block/qcow2/layout.h"
#include "qemu-shim/block/qcow2/mapping.h"

/*
 * An entry of the snapshot table: offset and entries of its L1 table, lengths of id, name and extra
 * data, dates and the size of the guest's memory; then extra data, id and name, padded to 8 bytes.
 */
#define SNAPSHOT_BYTES       40
#define SNAPSHOT_AT_L1       0
#define SNAPSHOT_AT_L1_SIZE  8
#define SNAPSHOT_AT_ID_SIZE  12
#define SNAPSHOT_AT_NAME     14
#define SNAPSHOT_AT_EXTRA    36
#define MAX_SNAPSHOT_STRINGS (128u * 1024)
#define MAX_SNAPSHOT_EXTRA   1024u

/* Only what the guest uses now says by COPIED that it is alone. */
static void
check_copied(Check *check, guint64 entry, const char *what)
{
    guint64 count = 0;
    guint64 offset = entry & QCOW2_OFFSET_MASK;
    gboolean is_copied = (entry & QCOW2_COPIED) != 0;

    if (check->is_counting || qcow2_trim_counts_locked(check->image) < 0 ||
        qcow2_get_refcount_locked(check->image, offset / check->image->cluster_size, &count) < 0)
        return; /* told of with the refcounts */
    if (is_copied != (count == 1))
        check_find(check,
                   &check->report->corruptions,
                   "ERROR: %s 0x%" G_GINT64_MODIFIER
                   "x has COPIED %s, its refcount is %" G_GUINT64_FORMAT,
                   what,
                   entry,
                   is_copied ? "set" : "clear",
                   count);
}

static void
check_l2_entry(Check *check, guint64 entry, gboolean is_active, guint64 *next_host)
{
    Qcow2Image *image = check->image;
    const char *fault = qcow2_layout_judge_entry(image, entry, image->is_writable);
    guint64 offset = entry & QCOW2_OFFSET_MASK;
    guint64 length;

    if (fault != NULL) {
        check_find(check,
                   &check->report->corruptions,
                   "ERROR: L2 entry 0x%" G_GINT64_MODIFIER "x %s",
                   entry,
                   fault);
        return;
    }

    switch (qcow2_entry_kind(entry)) {
    case QCOW2_UNALLOCATED:
    case QCOW2_PLAIN_ZERO:
        return;
    case QCOW2_IS_COMPRESSED:
        qcow2_entry_compressed_range(image, entry, &offset, &length);
        check_refer(check, offset, length, "compressed cluster");
        if (!is_active)
            return;
        check->report->compressed_clusters++;
        check->report->fragmented_clusters++;
        break;
    case QCOW2_ALLOCATED_ZERO:
    case QCOW2_NORMAL:
        check_refer(check, offset, image->cluster_size, "data cluster");
        if (!is_active)
            return;
        check_copied(check, entry, "L2 entry");
        if (*next_host != 0 && offset != *next_host)
            check->report->fragmented_clusters++;
        *next_host = offset + image->cluster_size;
        break;
    }

    check->report->allocated_clusters++;
}

static void
check_l1_entry(Check *check, guint64 entry, gboolean is_active)
{
    Qcow2Image *image = check->image;
    guint64 offset = entry & QCOW2_OFFSET_MASK;
    const char *fault = (entry & QCOW2_L1_RESERVED) != 0 ? "has reserved bits" : NULL;
    g_autofree guint64 *entries = NULL;
    guint64 next_host = 0;

    if (fault == NULL && (offset < image->end || !image->is_writable))
        fault = qcow2_layout_judge(image, offset);
    if (fault != NULL) {
        check_find(check,
                   &check->report->corruptions,
                   "ERROR: L1 entry 0x%" G_GINT64_MODIFIER "x %s",
                   entry,
                   fault);
        return;
    }

    check_refer(check, offset, image->cluster_size, "L2 table");
    if (is_active)
        check_copied(check, entry, "L1 entry");
    entries = check_read_numbers(check, offset, (gsize)1 << image->l2_bits);
    for (gsize i = 0; entries != NULL && i < (gsize)1 << image->l2_bits; i++)
        check_l2_entry(check, entries[i], is_active, &next_host);
}

static void
check_l1_table(Check *check, guint64 offset, guint32 n_entries, gboolean is_active)
{
    g_autofree guint64 *entries = NULL;

    if (n_entries == 0)
        return;

    check_refer(check, offset, (guint64)n_entries * 8, "L1 table");
    entries = check_read_numbers(check, offset, n_entries);
    for (guint32 i = 0; entries != NULL && i < n_entries; i++) {
        if (entries[i] != 0)
            check_l1_entry(check, entries[i], is_active);
    }
}

void
check_active_mapping(Check *check)
{
    const Qcow2Header *header = check->image->header;

    check_l1_table(check, header->l1_offset, header->l1_entries, TRUE);
}

/* Where the entry at @at ends; 0: it makes no sense, and those behind it cannot be found. */
static guint64
check_snapshot(Check *check, guint64 at)
{
    guint64 file_length = check->n_clusters * check->image->cluster_size;
    guint8 raw[SNAPSHOT_BYTES] = {0};
    guint64 l1_offset, strings;
    guint32 l1_entries, extra;

    if (at > file_length || file_length - at < sizeof(raw) ||
        io_file_read(check->image->io, at, raw, sizeof(raw)) < 0)
        return 0;

    l1_offset = qcow2_get64(raw + SNAPSHOT_AT_L1);
    l1_entries = qcow2_get32(raw + SNAPSHOT_AT_L1_SIZE);
    extra = qcow2_get32(raw + SNAPSHOT_AT_EXTRA);
    strings = (guint64)qcow2_get16(raw + SNAPSHOT_AT_ID_SIZE) + qcow2_get16(raw + SNAPSHOT_AT_NAME);
    if (extra > MAX_SNAPSHOT_EXTRA || strings > MAX_SNAPSHOT_STRINGS ||
        (guint64)l1_entries * 8 > QCOW2_MAX_L1_BYTES || l1_offset > file_length ||
        (guint64)l1_entries * 8 > file_length - l1_offset ||
        l1_offset % check->image->cluster_size != 0)
        return 0;

    check_l1_table(check, l1_offset, l1_entries, FALSE);
    return at + (SNAPSHOT_BYTES + extra + strings + 7) / 8 * 8;
}

void
check_snapshots(Check *check)
{
    const Qcow2Header *header = check->image->header;
    guint64 at = header->snapshots_offset;

    for (guint32 i = 0; i < header->n_snapshots; i++) {
        guint64 end = check_snapshot(check, at);

        if (end == 0) {
            check_find(check,
                       &check->report->corruptions,
                       "ERROR: entry %u of the snapshot table makes no sense",
                       i);
            break;
        }
        at = end;
    }
    if (at > header->snapshots_offset)
        check_refer(check, header->snapshots_offset, at - header->snapshots_offset, "snapshots");
}
