/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image check */

#include "qemu-shim/block/qcow2/check.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/qcow2/check-state.h"

/*
 * References are counted for each cluster of the file, then compared with the counts on disk: one
 * too few is a corruption, one too many a leak. Tables of a hostile image may be shared without
 * end, so the bytes of tables that are read have a limit, which follows from the file's size.
 */
#define MAX_CLUSTERS ((guint64)128 * 1024 * 1024)
#define MAX_FINDINGS 100

/* Tables are a small part of an image (1/8192 of 64 KiB clusters), but each snapshot reads them
 * once more. */
#define BUDGET_PER_BYTE 8

void
check_find(Check *check, guint64 *counter, const char *format, ...)
{
    va_list list;

    (*counter)++;
    if (check->report->findings->len >= MAX_FINDINGS)
        return;

    va_start(list, format);
    g_ptr_array_add(check->report->findings, g_strdup_vprintf(format, list));
    va_end(list);
}

void
check_refer(Check *check, guint64 offset, guint64 length, const char *what)
{
    guint64 size = check->image->cluster_size;
    guint64 last = (offset + length - 1) / size;

    for (guint64 cluster = offset / size; cluster <= last; cluster++) {
        if (cluster >= check->n_clusters) {
            check_find(check,
                       &check->report->corruptions,
                       "ERROR: %s at 0x%" G_GINT64_MODIFIER "x is past the end of the file",
                       what,
                       offset);
            return;
        }
        if (check->references[cluster] < G_MAXUINT16)
            check->references[cluster]++;
    }
}

guint64 *
check_read_numbers(Check *check, guint64 offset, gsize n_numbers)
{
    g_autofree guint64 *numbers = g_try_new(guint64, n_numbers);
    int status = numbers != NULL ? 0 : -ENOMEM;

    if (check->budget < n_numbers * 8)
        status = -E2BIG;
    if (status == 0)
        status = io_file_read(check->image->io, offset, numbers, n_numbers * 8);
    if (status < 0) {
        check_find(check,
                   &check->report->check_errors,
                   "ERROR: the table at 0x%" G_GINT64_MODIFIER "x cannot be read: %s",
                   offset,
                   status == -E2BIG ? "tables are used too often" : g_strerror(-status));
        return NULL;
    }

    check->budget -= n_numbers * 8;
    for (gsize i = 0; i < n_numbers; i++)
        numbers[i] = GUINT64_FROM_BE(numbers[i]);
    return g_steal_pointer(&numbers);
}

static void
check_refcount_blocks(Check *check)
{
    Qcow2Image *image = check->image;

    for (guint64 i = 0; i < image->n_refcount_entries; i++) {
        guint64 offset = qcow2_numbers_get(image->refcount_table, i);

        if (offset == 0)
            continue;
        if (offset % image->cluster_size != 0 ||
            offset / image->cluster_size >= check->n_clusters) {
            check_find(check,
                       &check->report->corruptions,
                       "ERROR: refcount block %" G_GUINT64_FORMAT " is at 0x%" G_GINT64_MODIFIER
                       "x",
                       i,
                       offset);
            continue;
        }
        check_refer(check, offset, image->cluster_size, "refcount block");
    }
}

static void
compare_count(Check *check, guint64 cluster, guint64 count)
{
    /* References are counted so far; what is beyond cannot be told from as many. */
    guint references = check->references[cluster];

    if (count > 0 || references > 0)
        check->report->image_end_offset = (cluster + 1) * check->image->cluster_size;
    if (count < references)
        check_find(check,
                   &check->report->corruptions,
                   "ERROR cluster %" G_GUINT64_FORMAT " refcount=%" G_GUINT64_FORMAT
                   " reference=%u",
                   cluster,
                   count,
                   references);
    else if (count > references && references < G_MAXUINT16)
        check_find(check,
                   &check->report->leaks,
                   "Leaked cluster %" G_GUINT64_FORMAT " refcount=%" G_GUINT64_FORMAT
                   " reference=%u",
                   cluster,
                   count,
                   references);
}

static void
compare_counts(Check *check)
{
    guint64 per_block = qcow2_get_counts_per_block(check->image);

    for (guint64 cluster = 0; cluster < check->n_clusters; cluster++) {
        guint64 count = 0;
        int status = qcow2_trim_counts_locked(check->image);

        if (status == 0)
            status = qcow2_get_refcount_locked(check->image, cluster, &count);
        if (status == 0) {
            compare_count(check, cluster, count);
            continue;
        }

        /* A block that cannot be read fails for each of its clusters; one will do. */
        check_find(check,
                   &check->report->check_errors,
                   "ERROR: the refcounts from cluster %" G_GUINT64_FORMAT " on cannot be read",
                   cluster);
        cluster |= per_block - 1;
    }
}

static gboolean
prepare(Check *check, GError **error)
{
    Qcow2Image *image = check->image;
    guint64 file_length = 0;
    int status = image->is_writable ? qcow2_flush_locked(image) : 0;

    if (status == 0)
        status = io_file_get_length(image->io, &file_length);
    if (status < 0) {
        block_set_error(error, status, "cannot check", image->io->path);
        return FALSE;
    }

    check->n_clusters = file_length / image->cluster_size +
                        (file_length % image->cluster_size != 0);
    if (check->n_clusters <= MAX_CLUSTERS)
        check->references = g_try_new0(guint16, check->n_clusters + 1);
    if (check->references == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "cannot check '%s': '%" G_GUINT64_FORMAT "' clusters are too many",
                    image->io->path,
                    check->n_clusters);
        return FALSE;
    }

    check->budget = file_length * BUDGET_PER_BYTE;
    return TRUE;
}

void
check_clear(Check *check)
{
    g_clear_pointer(&check->references, g_free);
}

gboolean
check_count_references(Check *check, GError **error)
{
    Qcow2Image *image = check->image;
    const Qcow2Header *header = image->header;
    Qcow2Report *report = check->report;

    if ((header->autoclear & QCOW2_AUTOCLEAR_BITMAPS) != 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_UNSUPPORTED,
                    "cannot check '%s': dirty bitmaps are not supported yet",
                    image->io->path);
        return FALSE;
    }
    if (!prepare(check, error))
        return FALSE;

    report->findings = g_ptr_array_new_with_free_func(g_free);
    report->total_clusters = header->size / image->cluster_size +
                             (header->size % image->cluster_size != 0);
    check_refer(check, 0, image->cluster_size, "header");
    check_refer(check,
                header->refcount_offset,
                (guint64)header->refcount_clusters * image->cluster_size,
                "refcount table");
    check_refcount_blocks(check);
    check_active_mapping(check);
    check_snapshots(check);
    return TRUE;
}

gboolean
qcow2_check(Qcow2Image *image, Qcow2Report *report, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);
    g_auto(Check) check = {.image = image, .report = report};

    if (!check_count_references(&check, error))
        return FALSE;

    compare_counts(&check);
    return TRUE;
}

void
qcow2_report_clear(Qcow2Report *report)
{
    g_clear_pointer(&report->findings, g_ptr_array_unref);
}
