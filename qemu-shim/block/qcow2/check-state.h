/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Check state */

#include "qemu-shim/block/qcow2/check.h"

/* What the parts of a check share: for check*.c only. */
typedef struct {
    Qcow2Image *image;
    Qcow2Report *report;
    guint16 *references; /* as found, for each cluster of the file; saturated */
    guint64 n_clusters;
    guint64 budget;       /* bytes of tables that may still be read */
    gboolean is_counting; /* the counts on disk are known to be wrong: look at nothing of them */
} Check;

void check_clear(Check *check);

/* All references; what is wrong with them is in the report. FALSE: the check is not possible. */
gboolean check_count_references(Check *check, GError **error);

/* Counts one and keeps the text, which a newline does not end. */
void check_find(Check *check, guint64 *counter, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* A reference to each cluster of the range. */
void check_refer(Check *check, guint64 offset, guint64 length, const char *what);
/* Numbers of 8 bytes in the host's order; NULL where that fails, which is counted. */
guint64 *check_read_numbers(Check *check, guint64 offset, gsize n_numbers);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Check, check_clear)

/* check-mapping.c: all that the tables point at. */
void check_active_mapping(Check *check);
void check_snapshots(Check *check);
