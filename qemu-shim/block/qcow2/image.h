/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Open image */

#include "qemu-shim/block/qcow2/header.h"
#include "qemu-shim/block/qcow2/numbers.h"

/* An L2 table in memory, entries in the host's order. */
typedef struct {
    guint64 *entries;
    gboolean is_dirty;
    gboolean is_linked;  /* the L1 entry is in the file */
    gboolean has_faults; /* an entry is corrupt: each is judged at use, none is written */
} Qcow2Table;

/* A refcount block in memory, as it is in the file: see counts.h. */
typedef struct {
    guint8 *block;
    gboolean is_dirty;
} Qcow2Counts;

/* A range of bytes of the file. */
typedef struct {
    guint64 offset;
    guint64 length;
} Qcow2Range;

/*
 * Everything below `lock` is protected by it. Metadata is read, written and flushed under it; data
 * is not, but for a cluster that is written in part in a new place. That is safe because no cluster
 * is ever used again by this process (refcount.c): one that was mapped stays what it was, and one
 * that is being filled is not pointed at before its data is written. Guest writes that overlap in
 * time and place are in the order of their last step, as on a disk.
 *
 * What is dirty here is newer than the file until it is committed. Lock order: an image's, then its
 * node's, then those of the layers below.
 */
typedef struct {
    IoFile *io; /* borrowed, outlives us */
    gboolean is_writable;
    gboolean is_reader; /* joined as one that is only read (tables.c) */

    GMutex lock;
    Qcow2Header *header;
    guint64 cluster_size;
    guint l2_bits; /* entries in an L2 table, as a power of two */

    /* As the file was opened (layout.c): what entries that we did not write may point at. */
    guint64 end;         /* of its last cluster */
    Qcow2Range fixed[3]; /* header, L1 table, refcount table */
    guint64 *metadata;   /* offsets of L2 tables and refcount blocks, ascending */
    gsize n_metadata;

    Qcow2Numbers *l1;   /* an entry with reserved bits is corrupt, or marked so */
    guint8 *is_written; /* a bit for each L1 entry: its table is our own work */
    guint dirty_l1_begin, dirty_l1_end;
    GHashTable *tables; /* L1 index -> Qcow2Table, owned */
    guint n_dirty_tables;

    Qcow2Numbers *refcount_table;
    guint64 n_refcount_entries;
    gboolean is_refcount_table_dirty;
    gboolean is_refcount_table_moved; /* the header names the old place */
    GHashTable *counts;               /* refcount block index -> Qcow2Counts, owned */
    guint64 pack_end;                 /* past the last packed cluster; 0: none yet (pack.c) */
    guint64 next_free;                /* cluster past all that are used */
    GArray *releases; /* of Qcow2Range: each cluster loses a reference once nothing points there */

    gboolean is_barrier_due; /* a dirty table points at what was not flushed yet */
    guint64 batch_limit;     /* bytes of data that may wait for their metadata */
    guint64 uncommitted;     /* such bytes since the last commit */
    guint64 flushes;         /* done so far; tests leave one out */
    guint64 skip_flush;      /* number of the flush to leave out, counted from 1; 0: none */
    int flush_error;         /* of a flush that failed: final */
    char *fault;             /* why the image is corrupt, as first found while reading; NULL: not */
} Qcow2Image;

Qcow2Image *qcow2_image_open(IoFile *io, gboolean is_writable, GError **error);
/* What is not committed is lost: flush first. */
void qcow2_image_free(Qcow2Image *image);

/* Marks the image as corrupt with a reason for people; returns -EIO. */
int qcow2_image_fault(Qcow2Image *image, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The rest expects the lock to be held, where there are threads. */

/* tables.c: an open image has its part of what tables in memory may take. */
void qcow2_tables_join(Qcow2Image *image);
void qcow2_tables_leave(Qcow2Image *image);

/* The entry of the guest cluster @index; what it points at is as layout.c asks. */
int qcow2_get_entry_locked(Qcow2Image *image, guint64 index, guint64 *ret_entry);
int qcow2_set_entry_locked(Qcow2Image *image, guint64 index, guint64 entry);
void qcow2_drop_clean_tables_locked(Qcow2Image *image);

/* refcount.c */
int qcow2_get_refcount_locked(Qcow2Image *image, guint64 cluster, guint64 *ret_count);
guint64 qcow2_get_counts_per_block(const Qcow2Image *image);
int qcow2_set_refcount_locked(Qcow2Image *image, guint64 cluster, guint64 count);
/* On a device: finds the last cluster that is counted, behind which there is room. */
int qcow2_find_end_locked(Qcow2Image *image);
/* @count contiguous clusters at the end of the file, with a reference each. */
/* One more user of the cluster at @offset; -EOVERFLOW: it has as many as can be counted. */
int qcow2_add_reference_locked(Qcow2Image *image, guint64 offset);
int qcow2_allocate_locked(Qcow2Image *image, guint64 count, guint64 *ret_offset);
void qcow2_release_later_locked(Qcow2Image *image, guint64 offset, guint64 length);
int qcow2_apply_releases_locked(Qcow2Image *image);

/* Keeps what is cached of counts small; to be called where none of them is at hand. */
int qcow2_trim_counts_locked(Qcow2Image *image);

/* commit.c: all that is dirty, in order; the second makes it durable. */
int qcow2_commit_locked(Qcow2Image *image);
int qcow2_flush_locked(Qcow2Image *image);
int qcow2_flush_file_locked(Qcow2Image *image);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qcow2Image, qcow2_image_free)
