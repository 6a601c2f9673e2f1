/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Progress display */

#include "api/virtblock.h"

/*
 * Follows a job on standard error: a bar with rate and time left on a terminal, else a line for
 * each ten per cent.
 */
typedef struct Progress Progress;

Progress *progress_new(const char *label);
void progress_show(Progress *progress, VblkBlockJob *job);
/* Leaves the line of the bar; the last state stays to be seen. */
void progress_end(Progress *progress, VblkBlockJob *job);
void progress_free(Progress *progress);

/* "1:02:03", "2:03"; @seconds below 0: unknown. */
char *format_duration(gint64 seconds);
/* "1.500 MiB/s" as it is now, or was from begin to end; "-": nothing moves. */
char *format_job_rate(VblkBlockJob *job);
/* Seconds that are left by the job's own guess; -1: unknown. */
gint64 job_seconds_left(VblkBlockJob *job);
/* Of a job's type: "Block Pull". */
const char *job_type_label(VblkBlockJobType type);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Progress, progress_free)
