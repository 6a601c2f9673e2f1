/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guest mapping */

#include "qemu-shim/block/node.h"
#include "qemu-shim/block/qcow2/image.h"

/* What a run of guest clusters is. */
typedef enum {
    QCOW2_UNALLOCATED,
    QCOW2_PLAIN_ZERO,     /* zeros without a cluster */
    QCOW2_ALLOCATED_ZERO, /* zeros, with a cluster kept for them */
    QCOW2_NORMAL,
    QCOW2_DEFLATED,
} Qcow2Kind;

Qcow2Kind qcow2_entry_kind(guint64 entry);
/* Of a deflated entry: where its bytes are. */
void qcow2_entry_deflated_range(const Qcow2Image *image,
                                guint64 entry,
                                guint64 *ret_offset,
                                guint64 *ret_length);

int qcow2_get_status_locked(Qcow2Image *image,
                            guint64 offset,
                            guint64 length,
                            BlockStatus *ret_status,
                            guint64 *ret_length);
/* Of a range that get_status has called data. */
int qcow2_read_locked(Qcow2Image *image, guint64 offset, void *buffer, gsize length);
