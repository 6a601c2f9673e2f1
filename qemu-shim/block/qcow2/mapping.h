/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guest mapping */

#include "qemu-shim/block/node.h"
#include "qemu-shim/block/qcow2/image.h"

/* What a guest cluster is. */
typedef enum {
    QCOW2_UNALLOCATED,
    QCOW2_PLAIN_ZERO,     /* zeros without a cluster */
    QCOW2_ALLOCATED_ZERO, /* zeros, with a cluster kept for them */
    QCOW2_NORMAL,
    QCOW2_IS_COMPRESSED,
} Qcow2Kind;

Qcow2Kind qcow2_entry_kind(guint64 entry);
/* Of a compressed entry: where its bytes are. */
void qcow2_entry_compressed_range(const Qcow2Image *image,
                                  guint64 entry,
                                  guint64 *ret_offset,
                                  guint64 *ret_length);

int qcow2_get_status_locked(Qcow2Image *image,
                            guint64 offset,
                            guint64 length,
                            BlockStatus *ret_status,
                            guint64 *ret_length);
/*
 * How many bytes from @offset, within the cluster of @entry and those after it, lie side by side in
 * the file as data, @length at most.
 */
int qcow2_find_run_locked(Qcow2Image *image,
                          guint64 offset,
                          guint64 entry,
                          gsize length,
                          gsize *ret_length);

/* Where data from @offset on lies as it is, and for how long; -ENOTSUP: packed, or no data. */
int qcow2_find_place_locked(Qcow2Image *image,
                            guint64 offset,
                            guint64 length,
                            guint64 *ret_host,
                            guint64 *ret_length);

/* Of a range that get_status has called data; the first takes the lock. */
int qcow2_read(Qcow2Image *image, guint64 offset, void *buffer, gsize length);
int qcow2_read_locked(Qcow2Image *image, guint64 offset, void *buffer, gsize length);
