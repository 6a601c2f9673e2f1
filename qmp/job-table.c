/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job life cycle */

#include "qmp/job-table.h"

/*
 * Rows: from; columns: to, in the order of JobStatus.
 *
 *   undefined -> created -> running <-> paused
 *                           running  -> ready <-> standby
 *                           running, ready -> waiting -> pending -> concluded -> null
 *   whatever has not concluded may go to aborting, which ends in concluded; a job that never ran
 *   goes from created by way of aborting, or at once to null
 */
static const gboolean transitions[N_JOB_STATUSES][N_JOB_STATUSES] = {
    /* clang-format off */
    /*                 U  C  R  P  Y  S  W  D  X  E  N */
    /* undefined */  { 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
    /* created */    { 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1 },
    /* running */    { 0, 0, 0, 1, 1, 0, 1, 0, 1, 0, 0 },
    /* paused */     { 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 },
    /* ready */      { 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0 },
    /* standby */    { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 },
    /* waiting */    { 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0 },
    /* pending */    { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0 },
    /* aborting */   { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0 },
    /* concluded */  { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 },
    /* null */       { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 },
    /* clang-format on */
};

static const gboolean verbs[N_JOB_VERBS][N_JOB_STATUSES] = {
    /* clang-format off */
    /*                 U  C  R  P  Y  S  W  D  X  E  N */
    /* cancel */     { 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0 },
    /* pause */      { 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0 },
    /* resume */     { 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0 },
    /* set-speed */  { 0, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0 },
    /* complete */   { 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0 },
    /* finalize */   { 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0 },
    /* dismiss */    { 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 },
    /* clang-format on */
};

static const char *const status_names[N_JOB_STATUSES] = {
    "undefined",
    "created",
    "running",
    "paused",
    "ready",
    "standby",
    "waiting",
    "pending",
    "aborting",
    "concluded",
    "null",
};

static const char *const verb_names[N_JOB_VERBS] = {
    "cancel",
    "pause",
    "resume",
    "set-speed",
    "complete",
    "finalize",
    "dismiss",
};

gboolean
job_table_allows_transition(JobStatus from, JobStatus to)
{
    return transitions[from][to];
}

gboolean
job_table_allows_verb(JobVerb verb, JobStatus status)
{
    return verbs[verb][status];
}

const char *
job_status_name(JobStatus status)
{
    return status_names[status];
}

const char *
job_verb_name(JobVerb verb)
{
    return verb_names[verb];
}

gboolean
job_status_parse(const char *name, JobStatus *ret)
{
    for (guint i = 0; i < N_JOB_STATUSES; i++) {
        if (g_strcmp0(status_names[i], name) == 0) {
            *ret = (JobStatus)i;
            return TRUE;
        }
    }

    return FALSE;
}
