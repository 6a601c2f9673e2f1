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

typedef struct {
    const char *label; /* of the progress; NULL: show none */
    guint64 timeout_s; /* abort the job after this; 0: never */
    gboolean is_async; /* do not wait for the end of an aborted job */
} WaitOptions;

/* Waits for the end of @job. Ctrl-C aborts it. */
WaitResult
wait_for_job(Context *context, VblkBlockJob *job, const WaitOptions *options, GError **error);
