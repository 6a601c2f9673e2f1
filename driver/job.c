/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block job */

#include "driver/job.h"

#include "api/vblk-error.h"

/*
 * Rows: from; columns: to, in the order of JobState.
 *
 * What may be seen between two live states is what the peer may say when events were missed, so a
 * state may be skipped but never come again: who finishes or is being cancelled stays so until an
 * end. Every live state may go to every end: of a job whose peer has gone the image tells how it
 * ended, and a cancel may come too late. No end is left again.
 */
static const gboolean transitions[N_JOB_STATES][N_JOB_STATES] = {
    /* clang-format off */
    /*                 N  R  P  Y  F  C  c  f  x */
    /* new */        { 0, 1, 1, 1, 1, 1, 1, 1, 1 },
    /* running */    { 0, 0, 1, 1, 1, 1, 1, 1, 1 },
    /* paused */     { 0, 1, 0, 1, 1, 1, 1, 1, 1 },
    /* ready */      { 0, 0, 1, 0, 1, 1, 1, 1, 1 },
    /* finishing */  { 0, 0, 0, 0, 0, 1, 1, 1, 1 },
    /* cancelling */ { 0, 0, 0, 0, 0, 0, 1, 1, 1 },
    /* completed */  { 0, 0, 0, 0, 0, 0, 0, 0, 0 },
    /* failed */     { 0, 0, 0, 0, 0, 0, 0, 0, 0 },
    /* cancelled */  { 0, 0, 0, 0, 0, 0, 0, 0, 0 },
    /* clang-format on */
};

static const char *const type_names[] = {
    [JOB_TYPE_UNKNOWN] = "unknown",
    [JOB_TYPE_PULL] = "pull",
    [JOB_TYPE_COPY] = "copy",
    [JOB_TYPE_COMMIT] = "commit",
    [JOB_TYPE_ACTIVE_COMMIT] = "active-commit",
    [JOB_TYPE_BACKUP] = "backup",
};

static const char *const state_names[N_JOB_STATES] = {
    [JOB_STATE_NEW] = "new",
    [JOB_STATE_RUNNING] = "running",
    [JOB_STATE_PAUSED] = "paused",
    [JOB_STATE_READY] = "ready",
    [JOB_STATE_FINISHING] = "finishing",
    [JOB_STATE_CANCELLING] = "cancelling",
    [JOB_STATE_COMPLETED] = "completed",
    [JOB_STATE_FAILED] = "failed",
    [JOB_STATE_CANCELLED] = "cancelled",
};

/* A sample weighs half where it covers this long, so the rate follows the last few seconds. */
#define RATE_WINDOW_US (3 * G_USEC_PER_SEC)

/* Two reports in quick succession tell nothing of a rate: events come in bursts. */
#define MIN_SAMPLE_US (G_USEC_PER_SEC / 4)

/* A guess beyond this helps nobody, and must not overflow. */
#define LONGEST_GUESS_US (G_GINT64_CONSTANT(3650) * 24 * 3600 * G_USEC_PER_SEC)

Job *
job_new(JobType type, const char *id)
{
    Job *job = g_new0(Job, 1);

    job->type = type;
    job->id = g_strdup(id);

    return job;
}

Job *
job_copy(const Job *job)
{
    Job *copy = g_new(Job, 1);

    *copy = *job;
    copy->id = g_strdup(job->id);
    copy->domain_uuid = g_strdup(job->domain_uuid);
    copy->domain_name = g_strdup(job->domain_name);
    copy->target = g_strdup(job->target);
    copy->source_path = g_strdup(job->source_path);
    copy->base_path = g_strdup(job->base_path);
    copy->message = g_strdup(job->message);

    return copy;
}

void
job_free(Job *job)
{
    if (!job)
        return;

    g_free(job->id);
    g_free(job->domain_uuid);
    g_free(job->domain_name);
    g_free(job->target);
    g_free(job->source_path);
    g_free(job->base_path);
    g_free(job->message);
    g_free(job);
}

gboolean
job_is_ended(const Job *job)
{
    return job->state >= JOB_STATE_COMPLETED;
}

/* Data moves; only then has a rate a meaning. */
static gboolean
is_moving(const Job *job)
{
    return job->state == JOB_STATE_RUNNING || job->state == JOB_STATE_READY;
}

double
job_progress(const Job *job)
{
    if (job->state == JOB_STATE_COMPLETED)
        return 1.0;

    if (job->end == 0)
        return 0.0;

    return MIN((double)job->current / (double)job->end, 1.0);
}

gint64
job_expected_end_us(const Job *job, gint64 now_us)
{
    if (!is_moving(job) || job->rate_bps == 0 || job->current >= job->end)
        return 0;

    double left_us = (double)(job->end - job->current) / (double)job->rate_bps *
                     (double)G_USEC_PER_SEC;
    if (left_us > (double)LONGEST_GUESS_US)
        return 0;

    return MAX(job->sample_time_us + (gint64)left_us, now_us);
}

static void
forget_rate(Job *job)
{
    job->rate_bps = 0;
    job->sample_time_us = 0;
}

gboolean
job_transition(Job *job, JobState to, gint64 now_us, GError **error)
{
    g_assert(to < N_JOB_STATES);

    if (!transitions[job->state][to]) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "job '%s' cannot go from '%s' to '%s'",
                    job->id,
                    job_state_name(job->state),
                    job_state_name(to));
        return FALSE;
    }

    g_debug(
        "job '%s' goes from '%s' to '%s'", job->id, job_state_name(job->state), job_state_name(to));
    job->state = to;

    if (job_is_ended(job))
        job->end_time_us = now_us;
    else if (job->start_time_us == 0)
        job->start_time_us = now_us;
    if (!is_moving(job))
        forget_rate(job);

    return TRUE;
}

/* What a user sees of @status; JOB_STATE_NEW where it tells nothing. "concluded" is no end yet:
 * what it means is known when the outcome was stored. */
static JobState
state_of_status(JobStatus status)
{
    switch (status) {
    case JOB_STATUS_UNDEFINED:
    case JOB_STATUS_CREATED:
    case N_JOB_STATUSES:
        return JOB_STATE_NEW;
    case JOB_STATUS_RUNNING:
        return JOB_STATE_RUNNING;
    case JOB_STATUS_PAUSED:
    case JOB_STATUS_STANDBY:
        return JOB_STATE_PAUSED;
    case JOB_STATUS_READY:
        return JOB_STATE_READY;
    case JOB_STATUS_WAITING:
    case JOB_STATUS_PENDING:
    case JOB_STATUS_ABORTING:
    case JOB_STATUS_CONCLUDED:
    case JOB_STATUS_NULL:
        return JOB_STATE_FINISHING;
    }

    return JOB_STATE_NEW;
}

gboolean
job_take_status(Job *job, JobStatus status, gint64 now_us)
{
    g_assert(status < N_JOB_STATUSES);

    /* The first report is a beginning, not a step: it may come from a peer met again. */
    if (job->status != JOB_STATUS_UNDEFINED && job->status != status &&
        !job_table_allows_transition(job->status, status)) {
        g_debug("job '%s': peer went from '%s' to '%s', taking it",
                job->id,
                job_status_name(job->status),
                job_status_name(status));
    }
    job->status = status;

    JobState to = state_of_status(status);

    /* A status that says less than what is known already, as "running" while cancelling, stays
     * the peer's own affair. */
    return transitions[job->state][to] && job_transition(job, to, now_us, NULL);
}

static guint64
smoothed_rate(const Job *job, guint64 current, gint64 elapsed_us)
{
    guint64 moved = current > job->sample_current ? current - job->sample_current : 0;
    double sample = (double)moved * (double)G_USEC_PER_SEC / (double)elapsed_us;
    double weight = (double)elapsed_us / (double)(elapsed_us + RATE_WINDOW_US);
    double rate = sample;

    if (job->rate_bps > 0)
        rate = (double)job->rate_bps + weight * (sample - (double)job->rate_bps);

    return rate < (double)G_MAXINT64 ? (guint64)rate : (guint64)G_MAXINT64;
}

gboolean
job_take_progress(Job *job, guint64 current, guint64 end, gint64 now_us)
{
    gboolean is_changed = current != job->current || end != job->end;

    if (!is_moving(job)) {
        forget_rate(job);
    } else if (job->sample_time_us == 0 || now_us < job->sample_time_us) {
        /* The first sample, or the clock was set back: nothing to measure from. */
        job->sample_time_us = now_us;
        job->sample_current = current;
    } else if (now_us - job->sample_time_us >= MIN_SAMPLE_US) {
        guint64 rate = smoothed_rate(job, current, now_us - job->sample_time_us);

        is_changed = is_changed || rate != job->rate_bps;
        job->rate_bps = rate;
        job->sample_time_us = now_us;
        job->sample_current = current;
    }

    job->current = current;
    job->end = end;

    return is_changed;
}

const char *
job_type_name(JobType type)
{
    g_assert(type < G_N_ELEMENTS(type_names));

    return type_names[type];
}

const char *
job_state_name(JobState state)
{
    g_assert(state < N_JOB_STATES);

    return state_names[state];
}

gboolean
job_state_parse(const char *name, JobState *ret)
{
    for (guint i = 0; i < N_JOB_STATES; i++) {
        if (g_strcmp0(state_names[i], name) == 0) {
            *ret = (JobState)i;
            return TRUE;
        }
    }

    return FALSE;
}

gboolean
job_type_parse(const char *name, JobType *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(type_names); i++) {
        if (g_strcmp0(type_names[i], name) == 0) {
            *ret = (JobType)i;
            return TRUE;
        }
    }

    return FALSE;
}
