/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copying pieces */

#include "qemu-shim/job/job.h"

/*
 * Several pieces of a job are in flight at once, so that reading, unpacking and writing overlap.
 * The job's thread finds them one after another and pays for them; the threads of the process,
 * which all jobs share, carry them out, each with a buffer of its own. So memory has a bound that
 * does not depend on the number of jobs.
 *
 * Pieces in flight must not overlap. None is in flight while the job is paused, nor after
 * copy_run() has returned.
 */
#define COPY_MAX_PIECE (2u * 1024 * 1024)

typedef struct {
    guint64 offset;
    guint64 length;
    guint64 cost; /* bytes that count against the speed limit */
    guint kind;   /* the job's own */
} CopyPiece;

typedef enum {
    COPY_NEXT_PIECE,   /* is to be copied */
    COPY_NEXT_NOTHING, /* that much is done without copying */
    COPY_NEXT_END,
} CopyNext;

typedef struct {
    /*
     * On the job's thread: what comes next; of a piece at most job_chunk() of COPY_MAX_PIECE bytes
     * that cost. A negative errno: looking at the piece failed, which is handled as a failed read.
     */
    int (*find_next)(Job *job, CopyPiece *piece, CopyNext *ret_next);
    /* On any thread: 0 or a negative errno, and whether reading was what failed. */
    int (*copy)(Job *job, const CopyPiece *piece, void *buffer, gboolean *ret_is_read);
    /* On the job's thread: one that failed is to be tried no more; NULL: need not know. */
    void (*skip)(Job *job, const CopyPiece *piece, int status);
} CopyOps;

/* 0 at the end, -ECANCELED, or the error with which on-error ends the job. */
int copy_run(Job *job, const CopyOps *ops);
