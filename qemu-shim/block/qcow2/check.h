/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image check */

#include "qemu-shim/block/qcow2/image.h"

/* What qemu-img check counts. */
typedef struct {
    guint64 corruptions;
    guint64 leaks;
    guint64 check_errors; /* what could not be looked at */
    guint64 total_clusters;
    guint64 allocated_clusters;
    guint64 fragmented_clusters;
    guint64 compressed_clusters;
    guint64 image_end_offset;
    GPtrArray *findings; /* of char *, owned; the first hundred */
} Qcow2Report;

/*
 * Repairs nothing. FALSE where the check itself is not possible. For an image that is open alone;
 * what is not committed yet is committed first.
 */
gboolean qcow2_check(Qcow2Image *image, Qcow2Report *report, GError **error);
void qcow2_report_clear(Qcow2Report *report);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Qcow2Report, qcow2_report_clear)
