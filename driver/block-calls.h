/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block calls */

#include "driver/driver.h"

/*
 * libvirt's block calls on a domain. @disk is a target, "vda[N]" or a path of the chain; the job
 * works on the disk it belongs to.
 */

/* @base: NULL: pull all. The result is a copy of the job as it stood when the peer accepted it. */
void driver_block_rebase_async(Driver *driver,
                               Domain *domain,
                               const char *disk,
                               const char *base,
                               guint64 bandwidth_bps,
                               gboolean keeps_relative,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
Job *driver_block_rebase_finish(Driver *driver, GAsyncResult *result, GError **error);

typedef enum {
    BLOCK_JOB_ABORT,       /* ends when the job has ended */
    BLOCK_JOB_ABORT_ASYNC, /* ends when the peer was told */
    BLOCK_JOB_PAUSE,
    BLOCK_JOB_RESUME,
} BlockJobVerb;

void driver_block_job_verb_async(Driver *driver,
                                 Domain *domain,
                                 const char *disk,
                                 BlockJobVerb verb,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
gboolean driver_block_job_verb_finish(Driver *driver, GAsyncResult *result, GError **error);

void driver_block_job_set_speed_async(Driver *driver,
                                      Domain *domain,
                                      const char *disk,
                                      guint64 bandwidth_bps,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
gboolean driver_block_job_set_speed_finish(Driver *driver, GAsyncResult *result, GError **error);

/* Asks the peer. The result is a copy, or NULL without an error where no job runs on the disk. */
void driver_block_job_query_async(Driver *driver,
                                  Domain *domain,
                                  const char *disk,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
Job *driver_block_job_query_finish(Driver *driver, GAsyncResult *result, GError **error);
