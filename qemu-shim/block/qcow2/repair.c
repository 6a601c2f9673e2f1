/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image repair */

#include "qemu-shim/block/qcow2/repair.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/qcow2/check-state.h"

/*
 * While the bit is set nobody trusts the counts, so they may be written in any order; it is cleared
 * when all of them are durable and a whole check has found them right.
 */

static gboolean
refuse(const Qcow2Image *image, const char *finding, GError **error)
{
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_IMAGE_INVALID,
                "'%s' cannot be repaired, more than its counts is wrong: %s",
                image->io->path,
                finding);
    return FALSE;
}

static gboolean
is_sound(const Qcow2Image *image, const Qcow2Report *report, GError **error)
{
    return (report->corruptions == 0 && report->check_errors == 0) ||
           refuse(image, g_ptr_array_index(report->findings, 0), error);
}

static int
correct_count(Check *check, guint64 cluster, Qcow2Repair what)
{
    guint64 references = check->references[cluster];
    guint64 count = 0;
    int status = qcow2_trim_counts_locked(check->image);

    if (status == 0)
        status = qcow2_get_refcount_locked(check->image, cluster, &count);
    /* As many as can be counted may be more. */
    if (status < 0 || references == G_MAXUINT16)
        return status;
    if (count > references || (count < references && what == QCOW2_REPAIR_ALL))
        status = qcow2_set_refcount_locked(check->image, cluster, references);
    return status;
}

/* Blocks that are made for this stand past the end, where they count themselves. */
static int
correct_counts(Check *check, Qcow2Repair what)
{
    int status = 0;

    for (guint64 cluster = 0; status == 0 && cluster < check->n_clusters; cluster++)
        status = correct_count(check, cluster, what);
    return status == 0 ? qcow2_flush_locked(check->image) : status;
}

static int
clear_bit(Qcow2Image *image)
{
    guint8 bytes[8];
    int status;

    image->header->incompatible &= ~QCOW2_INCOMPATIBLE_DIRTY;
    qcow2_put64(bytes, image->header->incompatible);
    status = io_file_write(image->io, QCOW2_AT_INCOMPATIBLE, bytes, sizeof(bytes));
    return status == 0 ? io_file_flush(image->io) : status;
}

static gboolean
fail(const Qcow2Image *image, int status, GError **error)
{
    block_set_error(error, status, "cannot repair the counts of", image->io->path);
    return FALSE;
}

gboolean
qcow2_repair(Qcow2Image *image, Qcow2Repair what, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);
    g_auto(Qcow2Report) report = {0};
    g_auto(Check) check = {.image = image, .report = &report, .is_counting = TRUE};
    int status;

    if (!check_count_references(&check, error) || !is_sound(image, &report, error))
        return FALSE;
    status = correct_counts(&check, what);
    return status == 0 || fail(image, status, error);
}

gboolean
qcow2_repair_dirty(Qcow2Image *image, GError **error)
{
    g_auto(Qcow2Report) report = {0};
    int status;

    if (!qcow2_repair(image, QCOW2_REPAIR_ALL, error) || !qcow2_check(image, &report, error) ||
        !is_sound(image, &report, error))
        return FALSE;

    status = clear_bit(image);
    return status == 0 || fail(image, status, error);
}
