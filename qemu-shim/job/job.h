/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Jobs */

#include "qemu-shim/job/rate-limit.h"
#include "qmp/job-table.h"

/*
 * A job runs on a thread of its own; its status changes on the main thread alone, by the table of
 * qmp/job-table.h. The thread tells the main thread of what happens by messages; the main thread
 * tells the job through the fields under the lock and wakes it.
 */
typedef struct Job Job;

#define JOB_MAX_COUNT 1024

typedef struct {
    const char *name; /* "stream" */
    /* On the job's thread: the work. 0 or a negative errno; returns soon once cancelled. */
    int (*run)(Job *job);
    /* On the main thread, when a job that is ready is told to complete; NULL: never ready. */
    void (*complete)(Job *job);
    /* On the main thread, when the job is finalized and did not fail: what makes it count. */
    int (*conclude)(Job *job);
    /* On the main thread, when it has ended in whatever way. */
    void (*clean)(Job *job);
} JobType;

/* What happens to jobs, on the main thread. */
typedef struct {
    void (*on_status)(Job *job, gpointer user_data);
    void (*on_pending)(Job *job, gpointer user_data);   /* waits for finalize */
    void (*on_completed)(Job *job, gpointer user_data); /* well or with an error */
    void (*on_cancelled)(Job *job, gpointer user_data);
    void (*on_error)(Job *job, const char *operation, const char *action, gpointer user_data);
    void (*on_idle)(gpointer user_data); /* no job is left */
} JobEvents;

typedef enum {
    JOB_ON_ERROR_REPORT,
    JOB_ON_ERROR_IGNORE,
    JOB_ON_ERROR_STOP,
    JOB_ON_ERROR_ENOSPC, /* stop where space is what is missing, else report */
} JobOnError;

struct Job {
    char *id;
    const JobType *type;
    gpointer state; /* the type's */
    gboolean auto_finalize;
    gboolean auto_dismiss;
    JobOnError on_error;
    struct JobList *list; /* borrowed, outlives us */
    gatomicrefcount references;

    /* Main thread only. */
    JobStatus status;
    GThread *thread;
    char *error; /* why it failed; NULL: it did not */

    GMutex lock; /* protects what follows */
    GCond wake;
    gboolean is_cancelled;
    gboolean is_paused; /* by the user, or by an error until the user resumes it */
    gboolean is_busy;   /* the thread is at work, not waiting */
    int io_status;      /* 0: ok; else the errno that stopped it */
    RateLimit limit;
    guint64 offset;
    guint64 length;
};

typedef struct JobList JobList;

JobList *job_list_new(const JobEvents *events, gpointer user_data);
/* All jobs must have ended. */
void job_list_free(JobList *list);
GPtrArray *job_list_get(JobList *list);            /* of Job, borrowed, newest first */
Job *job_list_find(JobList *list, const char *id); /* borrowed; NULL: none */
void job_list_cancel_all(JobList *list);

typedef struct {
    const char *id;
    gboolean auto_finalize;
    gboolean auto_dismiss;
    JobOnError on_error;
    guint64 speed_bps;
    guint64 length;
} JobOptions;

/* Created and running when this returns; refused where the id is taken or no name. */
Job *job_start(JobList *list,
               const JobType *type,
               const JobOptions *options,
               gpointer state,
               GError **error);

/* The verbs; errors are in QEMU's words. */
gboolean job_check_verb(Job *job, JobVerb verb, GError **error);
gboolean job_cancel(Job *job, GError **error);
gboolean job_pause(Job *job, GError **error);
gboolean job_resume(Job *job, GError **error);
gboolean job_set_speed(Job *job, guint64 speed_bps, GError **error);
gboolean job_complete(Job *job, GError **error);
gboolean job_finalize(Job *job, GError **error);
gboolean job_dismiss(Job *job, GError **error);

/* For the job's thread: waits while paused or over the limit; FALSE once cancelled. */
gboolean job_may_go_on(Job *job);
/* Whether job_may_go_on() would wait for a user, or say no. */
gboolean job_is_held(Job *job);
guint64 job_chunk(Job *job, guint64 most, guint64 unit);
/* @copied of @done bytes count against the limit. */
void job_advance(Job *job, guint64 done, guint64 copied);
/* What on-error says of a failed read or write: TRUE: try again; FALSE: *status is what to do with:
 * 0 to go on with the rest, else the end of the job. */
gboolean job_handle_error(Job *job, gboolean is_read, int *status);
