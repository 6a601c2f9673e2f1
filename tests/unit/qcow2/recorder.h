/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* I/O recorder */

#include "qemu-shim/io/file.h"

typedef enum {
    RECORD_WRITE,
    RECORD_TRUNCATE,
    RECORD_FLUSH,
} RecordKind;

typedef struct {
    RecordKind kind;
    guint64 offset; /* of a truncation, the new length */
    GBytes *bytes;  /* of a write */
} Record;

/* A file in memory that keeps what was done to it, and fails where it is told to. */
typedef struct {
    IoFile file;
    IoFile *memory;
    GMutex lock;          /* several threads may write */
    GArray *records;      /* of Record */
    guint64 n_operations; /* reads are not among them */
    guint64 n_reads;
    guint64 n_failing_reads;   /* of the reads that come, the first ones */
    guint64 fail_at;           /* the operation that fails, counted from 1; 0: none */
    gboolean is_failing_on;    /* and all after it */
    gboolean is_failing_flush; /* the next one, once */
    gboolean can_clone;        /* else cloning is refused */
    guint64 n_cloned;          /* bytes */
    int error;
} Recorder;

Recorder *recorder_new(GBytes *bytes);
void recorder_free(Recorder *recorder);

/* Does what @record did to @memory. */
void recorder_apply(const Record *record, IoFile *memory);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recorder, recorder_free)
