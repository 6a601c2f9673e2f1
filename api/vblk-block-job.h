/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public jobs */

#include <gio/gio.h>

#include "api/vblk-enums.h"

G_BEGIN_DECLS

/**
 * VblkBlockJob:
 *
 * Work on a disk's chain. While the job is live the object follows it: #VblkBlockJob::changed tells
 * of progress and state, #VblkBlockJob::ended of the end. The job does not stop when the
 * object goes, nor when the program does.
 *
 * Since: 0.1
 */
#define VBLK_TYPE_BLOCK_JOB (vblk_block_job_get_type())
G_DECLARE_FINAL_TYPE(VblkBlockJob, vblk_block_job, VBLK, BLOCK_JOB, GObject)

/* Unique among all jobs the daemon ever had. */
const char *vblk_block_job_get_id(VblkBlockJob *job);
const char *vblk_block_job_get_domain_name(VblkBlockJob *job);
const char *vblk_block_job_get_disk(VblkBlockJob *job); /* target */
VblkBlockJobType vblk_block_job_get_job_type(VblkBlockJob *job);
const char *vblk_block_job_get_operation(VblkBlockJob *job); /* "pull", "active-commit" */
/* new, running, paused, ready, finishing, cancelling, completed, failed or cancelled. */
const char *vblk_block_job_get_state(VblkBlockJob *job);
/* Whether it has completed, failed or was cancelled. */
gboolean vblk_block_job_is_ended(VblkBlockJob *job);
/* Path of the layer that stays below; NULL: none. */
const char *vblk_block_job_get_base(VblkBlockJob *job);
/* How much is done of how much; the latter is 0 while it is not known. */
guint64 vblk_block_job_get_current(VblkBlockJob *job);
guint64 vblk_block_job_get_end(VblkBlockJob *job);
double vblk_block_job_get_progress(VblkBlockJob *job); /* 0 to 1 */
/* Bytes per second: over the last seconds, and allowed (0: no limit). */
guint64 vblk_block_job_get_rate(VblkBlockJob *job);
guint64 vblk_block_job_get_bandwidth(VblkBlockJob *job);
/* Microseconds since 1970 UTC; 0: not yet, or no guess. */
gint64 vblk_block_job_get_start_time(VblkBlockJob *job);
gint64 vblk_block_job_get_end_time(VblkBlockJob *job);
gint64 vblk_block_job_get_expected_end_time(VblkBlockJob *job);
/* Why it failed; NULL if it did not. */
const char *vblk_block_job_get_error(VblkBlockJob *job);

/**
 * vblk_block_job_cancel_async:
 * @job: a job
 * @waits: whether to wait until it has ended
 *
 * Stops the job; the disk keeps its chain. A job that has ended is %VBLK_ERROR_OPERATION_INVALID.
 *
 * Since: 0.1
 */
void vblk_block_job_cancel_async(VblkBlockJob *job,
                                 gboolean waits,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
gboolean vblk_block_job_cancel_finish(VblkBlockJob *job, GAsyncResult *result, GError **error);
gboolean vblk_block_job_cancel_sync(VblkBlockJob *job,
                                    gboolean waits,
                                    GCancellable *cancellable,
                                    GError **error);

/**
 * vblk_block_job_pause_async:
 * @job: a job
 *
 * Holds the job until vblk_block_job_resume_async().
 *
 * Since: 0.1
 */
void vblk_block_job_pause_async(VblkBlockJob *job,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean vblk_block_job_pause_finish(VblkBlockJob *job, GAsyncResult *result, GError **error);
gboolean vblk_block_job_pause_sync(VblkBlockJob *job, GCancellable *cancellable, GError **error);

/**
 * vblk_block_job_resume_async:
 * @job: a paused job
 *
 * Since: 0.1
 */
void vblk_block_job_resume_async(VblkBlockJob *job,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
gboolean vblk_block_job_resume_finish(VblkBlockJob *job, GAsyncResult *result, GError **error);
gboolean vblk_block_job_resume_sync(VblkBlockJob *job, GCancellable *cancellable, GError **error);

/**
 * vblk_block_job_set_speed_async:
 * @job: a job
 * @bandwidth_bps: bytes per second; 0: no limit
 *
 * Since: 0.1
 */
void vblk_block_job_set_speed_async(VblkBlockJob *job,
                                    guint64 bandwidth_bps,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
gboolean vblk_block_job_set_speed_finish(VblkBlockJob *job, GAsyncResult *result, GError **error);
gboolean vblk_block_job_set_speed_sync(VblkBlockJob *job,
                                       guint64 bandwidth_bps,
                                       GCancellable *cancellable,
                                       GError **error);

G_END_DECLS
