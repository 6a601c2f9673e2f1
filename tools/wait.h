/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Waiting */

#include "tools/command.h"

typedef enum {
    WAIT_COMPLETED,
    WAIT_FAILED,
    WAIT_ABORTED, /* by anybody, or because the time was over */
    WAIT_ERROR,   /* the connection was lost; @error is set, and the job runs on */
} WaitResult;

/*
 * While one is there Ctrl-C does not end vblk, but aborts the job that is waited for, or will be:
 * made before the job is started, so that none is left running by a key that came too early.
 */
typedef struct Interrupt Interrupt;

Interrupt *interrupt_new(void);
void interrupt_free(Interrupt *interrupt);

typedef struct {
    Interrupt *interrupt; /* NULL: Ctrl-C ends vblk */
    const char *label;    /* of the progress; NULL: show none */
    guint64 timeout_s;    /* abort the job after this; 0: never */
    gboolean is_async;    /* do not wait for the end of an aborted job */
} WaitOptions;

/* Waits for the end of @job. */
WaitResult
wait_for_job(Context *context, VblkBlockJob *job, const WaitOptions *options, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Interrupt, interrupt_free)
