/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image check */

#include "qemu-shim/block/qcow2/check.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/qcow2/mapping.h"

/*
 * References are counted for each cluster of the file, then compared with the counts on disk. Every
 * L2 table is looked at once (opening refuses an L1 table that names one twice) and lies in the
 * file, so the work is bounded by the file's size.
 */
#define MAX_CLUSTERS ((guint64)128 * 1024 * 1024)
#define MAX_FINDINGS 100

typedef struct {
    Qcow2Image *image;
    Qcow2Report *report;
    guint16 *references;
    guint64 n_clusters;
} Check;

static void find(Check *check, guint64 *counter, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void
find(Check *check, guint64 *counter, const char *format, ...)
{
    va_list list;

    (*counter)++;
    if (check->report->findings->len >= MAX_FINDINGS)
        return;

    va_start(list, format);
    g_ptr_array_add(check->report->findings, g_strdup_vprintf(format, list));
    va_end(list);
}

static void
refer(Check *check, guint64 offset, guint64 length, const char *what)
{
    guint64 size = check->image->cluster_size;
    guint64 last = (offset + length - 1) / size;

    for (guint64 cluster = offset / size; cluster <= last; cluster++) {
        if (cluster >= check->n_clusters) {
            find(check,
                 &check->report->corruptions,
                 "ERROR: %s at 0x%" G_GINT64_MODIFIER "x is past the end of the file",
                 what,
                 offset);
            return;
        }
        if (check->references[cluster] < G_MAXUINT16)
            check->references[cluster]++;
        check->report->image_end_offset = MAX(check->report->image_end_offset,
                                              (cluster + 1) * size);
    }
}

static void
check_copied(Check *check, guint64 entry, const char *what)
{
    guint16 count = 0;
    guint64 offset = entry & QCOW2_OFFSET_MASK;
    gboolean is_copied = (entry & QCOW2_COPIED) != 0;

    if (qcow2_get_refcount_locked(check->image, offset / check->image->cluster_size, &count) < 0)
        return; /* told of with the refcounts */
    if (is_copied != (count == 1))
        find(check,
             &check->report->corruptions,
             "ERROR: %s 0x%" G_GINT64_MODIFIER "x has COPIED %s, its refcount is %u",
             what,
             entry,
             is_copied ? "set" : "clear",
             count);
}

static void
check_data_entry(Check *check, guint64 entry, guint64 *next_host)
{
    Qcow2Image *image = check->image;
    guint64 offset = entry & QCOW2_OFFSET_MASK;
    guint64 length;

    switch (qcow2_entry_kind(entry)) {
    case QCOW2_UNALLOCATED:
    case QCOW2_PLAIN_ZERO:
        return;
    case QCOW2_DEFLATED:
        qcow2_entry_deflated_range(image, entry, &offset, &length);
        refer(check, offset, length, "compressed cluster");
        check->report->compressed_clusters++;
        check->report->fragmented_clusters++;
        break;
    case QCOW2_ALLOCATED_ZERO:
    case QCOW2_NORMAL:
        refer(check, offset, image->cluster_size, "data cluster");
        check_copied(check, entry, "L2 entry");
        if (*next_host != 0 && offset != *next_host)
            check->report->fragmented_clusters++;
        *next_host = offset + image->cluster_size;
        break;
    }

    check->report->allocated_clusters++;
}

static void
check_l2_table(Check *check, guint64 l1_index, guint64 *next_host)
{
    Qcow2Image *image = check->image;
    guint64 first = l1_index << image->l2_bits;

    for (guint64 i = 0; i < G_GUINT64_CONSTANT(1) << image->l2_bits; i++) {
        guint64 entry;
        int status;

        g_clear_pointer(&image->fault, g_free);
        status = qcow2_get_entry_locked(image, first + i, &entry);
        if (status < 0) {
            find(check,
                 image->fault != NULL ? &check->report->corruptions : &check->report->check_errors,
                 "ERROR: guest cluster %" G_GUINT64_FORMAT ": %s",
                 first + i,
                 image->fault != NULL ? image->fault : g_strerror(-status));
            continue;
        }
        check_data_entry(check, entry, next_host);
    }
}

static void
check_mapping(Check *check)
{
    Qcow2Image *image = check->image;
    guint64 next_host = 0;

    for (guint i = 0; i < image->header->l1_entries; i++) {
        guint64 offset = image->l1[i] & QCOW2_OFFSET_MASK;

        if (offset == 0)
            continue;
        g_clear_pointer(&image->fault, g_free);
        if (qcow2_check_data_offset_locked(image, offset) < 0) {
            find(check, &check->report->corruptions, "ERROR: L2 table: %s", image->fault);
            continue;
        }
        refer(check, offset, image->cluster_size, "L2 table");
        check_copied(check, image->l1[i], "L1 entry");
        check_l2_table(check, i, &next_host);
    }
}

static void
check_refcount_blocks(Check *check)
{
    Qcow2Image *image = check->image;

    for (guint64 i = 0; i < image->n_refcount_entries; i++) {
        guint64 offset = image->refcount_table[i];

        if (offset == 0)
            continue;
        if (offset % image->cluster_size != 0 ||
            offset / image->cluster_size >= check->n_clusters) {
            find(check,
                 &check->report->corruptions,
                 "ERROR: refcount block %" G_GUINT64_FORMAT " is at 0x%" G_GINT64_MODIFIER "x",
                 i,
                 offset);
            continue;
        }
        refer(check, offset, image->cluster_size, "refcount block");
    }
}

static void
compare_counts(Check *check)
{
    for (guint64 cluster = 0; cluster < check->n_clusters; cluster++) {
        guint16 count = 0;
        int status = qcow2_get_refcount_locked(check->image, cluster, &count);

        if (status < 0) {
            find(check,
                 &check->report->check_errors,
                 "ERROR: the refcount of cluster %" G_GUINT64_FORMAT " cannot be read",
                 cluster);
            /* A block that cannot be read fails for each of its clusters; one will do. */
            cluster |= check->image->cluster_size / 2 - 1;
        } else if (count < check->references[cluster]) {
            find(check,
                 &check->report->corruptions,
                 "ERROR cluster %" G_GUINT64_FORMAT " refcount=%u reference=%u",
                 cluster,
                 count,
                 check->references[cluster]);
        } else if (count > check->references[cluster]) {
            find(check,
                 &check->report->leaks,
                 "Leaked cluster %" G_GUINT64_FORMAT " refcount=%u reference=%u",
                 cluster,
                 count,
                 check->references[cluster]);
        }
    }
}

gboolean
qcow2_check(Qcow2Image *image, Qcow2Report *report, GError **error)
{
    const Qcow2Header *header = image->header;
    g_autofree guint16 *references = NULL;
    Check check = {.image = image, .report = report, .n_clusters = image->next_free};

    if (header->n_snapshots > 0 || (header->autoclear & QCOW2_AUTOCLEAR_BITMAPS) != 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_UNSUPPORTED,
                    "cannot check '%s': internal snapshots and bitmaps are not supported yet",
                    image->io->path);
        return FALSE;
    }
    if (check.n_clusters > MAX_CLUSTERS ||
        (references = g_try_new0(guint16, check.n_clusters + 1)) == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "cannot check '%s': %" G_GUINT64_FORMAT " clusters are too many",
                    image->io->path,
                    check.n_clusters);
        return FALSE;
    }

    check.references = references;
    report->findings = g_ptr_array_new_with_free_func(g_free);
    report->total_clusters = (header->size + image->cluster_size - 1) / image->cluster_size;
    refer(&check, 0, image->cluster_size, "header");
    refer(&check,
          header->refcount_offset,
          (guint64)header->refcount_clusters * image->cluster_size,
          "refcount table");
    if (header->l1_entries > 0)
        refer(&check, header->l1_offset, (guint64)header->l1_entries * 8, "L1 table");
    check_refcount_blocks(&check);
    check_mapping(&check);
    compare_counts(&check);
    return TRUE;
}

void
qcow2_report_clear(Qcow2Report *report)
{
    g_clear_pointer(&report->findings, g_ptr_array_unref);
}
