/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Writing */

#include "qemu-shim/block/qcow2/mapping.h"

/* What a cluster that is written in part holds around the part: reads through the chain, locked. */
typedef int (*Qcow2ReadAround)(gpointer user_data, guint64 offset, void *buffer, gsize length);

/* These take the lock. */
int qcow2_write(Qcow2Image *image,
                guint64 offset,
                const void *buffer,
                gsize length,
                Qcow2ReadAround read_around,
                gpointer user_data);
int qcow2_write_zeroes(Qcow2Image *image,
                       guint64 offset,
                       guint64 length,
                       gboolean has_backing,
                       Qcow2ReadAround read_around,
                       gpointer user_data);

/*
 * Whole clusters (the last one may be cut by the end of the disk); those that are allocated stay as
 * they are. @buffer NULL: zeros.
 */
int qcow2_populate(Qcow2Image *image,
                   guint64 offset,
                   const void *buffer,
                   guint64 length,
                   gboolean has_backing);

/* The same by sharing blocks of @from; -EOPNOTSUPP where the two files cannot. */
int qcow2_populate_clone(Qcow2Image *image,
                         guint64 offset,
                         guint64 length,
                         IoFile *from,
                         guint64 from_offset);

/* A cluster, which may be cut by the end of the disk; packed, where that makes it smaller. */
int qcow2_write_compressed(Qcow2Image *image, guint64 offset, const void *buffer, gsize length);

/* Cluster @index of the guest is what @entry says; what it was loses a reference. */
int qcow2_link_locked(Qcow2Image *image, guint64 index, guint64 entry);
/* Counts data as written and commits the batch when it is full. */
int qcow2_end_write_locked(Qcow2Image *image, guint64 written);
