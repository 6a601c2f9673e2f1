/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block job */

#include "qmp/job-table.h"

/* libvirt's numbers first; they go over the wire. */
typedef enum {
    JOB_TYPE_UNKNOWN,
    JOB_TYPE_PULL,
    JOB_TYPE_COPY,
    JOB_TYPE_COMMIT,
    JOB_TYPE_ACTIVE_COMMIT,
    JOB_TYPE_BACKUP,
} JobType;

/* How a job ended, as libvirt's block-job events number it. */
typedef enum {
    JOB_OUTCOME_COMPLETED,
    JOB_OUTCOME_FAILED,
    JOB_OUTCOME_CANCELLED,
    JOB_OUTCOME_READY,
} JobOutcome;

/* What a user sees; the peer's own status is finer. The last three are ends. */
typedef enum {
    JOB_STATE_NEW, /* intended: stored, the command may or may not have left */
    JOB_STATE_RUNNING,
    JOB_STATE_PAUSED,
    JOB_STATE_READY,
    JOB_STATE_FINISHING, /* all copied; being made durable and recorded */
    JOB_STATE_CANCELLING,
    JOB_STATE_COMPLETED,
    JOB_STATE_FAILED,
    JOB_STATE_CANCELLED,
    N_JOB_STATES,
} JobState;

/* A value; times are passed in, in microseconds since 1970 (0: not yet). */
typedef struct {
    char *id; /* unique for ever in this store, as "pull-vda-17" */
    char *domain_uuid;
    char *domain_name;
    char *target; /* the disk */
    JobType type;
    JobState state;    /* written by job_transition() alone */
    JobStatus status;  /* what the peer said last */
    char *source_path; /* active layer when it began */
    char *base_path;   /* layer that stays below; NULL: none */
    guint64 bandwidth_bps;
    guint64 current;
    guint64 end;
    guint64 rate_bps;
    gint64 start_time_us;
    gint64 sample_time_us; /* of the last progress that the rate was taken from */
    guint64 sample_current;
    gint64 end_time_us;
    char *message; /* why it failed; NULL if it did not */
} Job;

Job *job_new(JobType type, const char *id);
Job *job_copy(const Job *job);
void job_free(Job *job);

gboolean job_is_ended(const Job *job);
double job_progress(const Job *job);                       /* 0 to 1 */
gint64 job_expected_end_us(const Job *job, gint64 now_us); /* 0: no guess */

/* The only writer of state; FALSE with an error naming job and both states where it may not be. */
gboolean job_transition(Job *job, JobState to, gint64 now_us, GError **error);

/* What the peer reports. TRUE where it changes what a user sees. A status that may not follow is
 * taken all the same (the query is the truth) with a debug line. */
gboolean job_take_status(Job *job, JobStatus status, gint64 now_us);
gboolean job_take_progress(Job *job, guint64 current, guint64 end, gint64 now_us);

const char *job_type_name(JobType type);    /* "pull", "active-commit" */
const char *job_state_name(JobState state); /* "running" */
gboolean job_state_parse(const char *name, JobState *ret);
gboolean job_type_parse(const char *name, JobType *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_free)
