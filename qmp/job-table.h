/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Job life cycle */

#include <glib.h>

/*
 * The protocol's job states and verbs as two tables, the only place that knows what may follow
 * what. The shim keeps its jobs by them; the driver checks by them what a peer reports.
 */
typedef enum {
    JOB_STATUS_UNDEFINED,
    JOB_STATUS_CREATED,
    JOB_STATUS_RUNNING,
    JOB_STATUS_PAUSED,
    JOB_STATUS_READY,
    JOB_STATUS_STANDBY,
    JOB_STATUS_WAITING,
    JOB_STATUS_PENDING,
    JOB_STATUS_ABORTING,
    JOB_STATUS_CONCLUDED,
    JOB_STATUS_NULL,
    N_JOB_STATUSES,
} JobStatus;

typedef enum {
    JOB_VERB_CANCEL,
    JOB_VERB_PAUSE,
    JOB_VERB_RESUME,
    JOB_VERB_SET_SPEED,
    JOB_VERB_COMPLETE,
    JOB_VERB_FINALIZE,
    JOB_VERB_DISMISS,
    N_JOB_VERBS,
} JobVerb;

gboolean job_table_allows_transition(JobStatus from, JobStatus to);
gboolean job_table_allows_verb(JobVerb verb, JobStatus status);

/* Words of the protocol: "running", "set-speed". Parsing sets *ret only on success. */
const char *job_status_name(JobStatus status);
const char *job_verb_name(JobVerb verb);
gboolean job_status_parse(const char *name, JobStatus *ret);
