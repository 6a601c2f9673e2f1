/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Running plans */

#include "driver/driver-private.h"
#include "driver/peer.h"

/*
 * A plan that is being carried out by a peer. Its events are hints, on which the peer is asked; its
 * answer is the truth. The outcome is stored first, then the model changes, then all are told,
 * and only then the peer may forget the job.
 */
typedef struct Run Run;

typedef struct {
    Domain *domain;
    Disk *disk;   /* of the domain; its is_busy was set by the caller and is cleared at the end */
    Job *job;     /* taken */
    Plan *plan;   /* taken */
    Chain *chain; /* taken: as it is before the job */
    Peer *peer;   /* taken; NULL with run_judge() */
} RunParts;

/* Stores the intent, then gives the first command. Ends when the peer has accepted it; the result
 * is a copy of the job. Where that fails nothing is left of it. */
void
run_start_async(Driver *driver, RunParts *parts, GAsyncReadyCallback callback, gpointer user_data);
Job *run_start_finish(GAsyncResult *result, GError **error);

/* Takes up a job that the peer still has. */
void run_resume(Driver *driver, RunParts *parts);
/* A job whose peer is gone: the image tells how it ended. @reason is for people. */
void run_judge(Driver *driver, RunParts *parts, const char *reason);

Run *run_find(Driver *driver, const char *job_id); /* borrowed; NULL: none */

/* Ends when the peer was told, or with @waits when the job has ended. */
void run_abort_async(Run *run, gboolean waits, GAsyncReadyCallback callback, gpointer user_data);
gboolean run_abort_finish(GAsyncResult *result, GError **error);

/* job-pause, job-resume, block-job-set-speed: the command goes to the peer with the job's id. */
void run_command_async(Run *run,
                       const char *command,
                       const char *id_member,
                       GVariantDict *arguments,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
gboolean run_command_finish(GAsyncResult *result, GError **error);
/* Asks the peer now; the result is a copy of the job. */
void run_query_async(Run *run, GAsyncReadyCallback callback, gpointer user_data);
Job *run_query_finish(GAsyncResult *result, GError **error);
Job *run_get_job(Run *run);

/* Leaves every job to its peer. */
void run_detach_all(Driver *driver);
