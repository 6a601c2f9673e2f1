/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Open image */

#include "qemu-shim/block/qcow2/header.h"

/* An L2 table in memory, entries in the host's order. */
typedef struct {
    guint64 *entries;
    gboolean is_dirty;
} Qcow2Table;

/* A refcount block in memory, likewise. */
typedef struct {
    guint16 *counts;
    gboolean is_dirty;
} Qcow2Counts;

/* A range of bytes whose clusters lose a reference once nothing on disk points at them. */
typedef struct {
    guint64 offset;
    guint64 length;
} Qcow2Release;

/*
 * Everything below `lock` is protected by it; data and metadata are read and written under it,
 * for as long as one call takes. What is dirty here is newer than the file until it is committed.
 */
typedef struct {
    IoFile *io; /* borrowed, outlives us */
    gboolean is_writable;

    GMutex lock;
    Qcow2Header *header;
    guint64 cluster_size;
    guint l2_bits; /* entries in an L2 table, as a power of two */
    guint64 *l1;
    gboolean is_l1_dirty;
    GHashTable *tables; /* L1 index -> Qcow2Table, owned */
    guint n_dirty_tables;

    guint64 *refcount_table;
    guint64 n_refcount_entries;
    gboolean is_refcount_table_dirty;
    gboolean is_refcount_table_moved; /* the header names the old place */
    GHashTable *counts;               /* refcount block index -> Qcow2Counts, owned */
    guint64 next_free;                /* cluster past all that are used */
    GArray *releases;                 /* of Qcow2Release */

    guint64 uncommitted; /* bytes of data written since the last commit */
    guint64 flushes;     /* done so far; tests leave one out */
    guint64 skip_flush;  /* number of the flush to leave out, counted from 1; 0: none */
    char *fault;         /* why the image is corrupt, as found while reading; NULL: not */
} Qcow2Image;

Qcow2Image *qcow2_image_open(IoFile *io, gboolean is_writable, GError **error);
/* What is not committed is lost: flush first. */
void qcow2_image_free(Qcow2Image *image);

/* Marks the image as corrupt with a reason for people; returns -EIO. */
int qcow2_image_fault(Qcow2Image *image, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The rest expects the lock to be held, where there are threads. */

/* tables.c: the entry of the guest cluster @index. */
int qcow2_get_entry_locked(Qcow2Image *image, guint64 index, guint64 *ret_entry);
int qcow2_set_entry_locked(Qcow2Image *image, guint64 index, guint64 entry);
void qcow2_drop_clean_tables_locked(Qcow2Image *image);

/* refcount.c */
int qcow2_get_refcount_locked(Qcow2Image *image, guint64 cluster, guint16 *ret_count);
/* @count contiguous clusters at the end of the file, with a reference each. */
int qcow2_allocate_locked(Qcow2Image *image, guint64 count, guint64 *ret_offset);
void qcow2_release_later_locked(Qcow2Image *image, guint64 offset, guint64 length);
int qcow2_apply_releases_locked(Qcow2Image *image);

/* commit.c: all that is dirty, in order; durable when it returns 0. */
int qcow2_commit_locked(Qcow2Image *image);
int qcow2_flush_file_locked(Qcow2Image *image);

/* An offset of data that an entry names: aligned, in the file, not over fixed metadata. */
int qcow2_check_data_offset_locked(Qcow2Image *image, guint64 offset);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qcow2Image, qcow2_image_free)
