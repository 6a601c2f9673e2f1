/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "driver/job.h"

#define SECOND G_USEC_PER_SEC
#define MIB    (G_GUINT64_CONSTANT(1) << 20)

static Job *
job_in_state(JobState state)
{
    Job *job = job_new(JOB_TYPE_PULL, "pull-vda-1");

    job->state = state;

    return job;
}

/* Said a second time, in words: the list of what may follow each state. */
static const struct {
    JobState from;
    const char *to;
} following[N_JOB_STATES] = {
    {JOB_STATE_NEW, "running paused ready finishing cancelling completed failed cancelled"},
    {JOB_STATE_RUNNING, "paused ready finishing cancelling completed failed cancelled"},
    {JOB_STATE_PAUSED, "running ready finishing cancelling completed failed cancelled"},
    {JOB_STATE_READY, "paused finishing cancelling completed failed cancelled"},
    {JOB_STATE_FINISHING, "cancelling completed failed cancelled"},
    {JOB_STATE_CANCELLING, "completed failed cancelled"},
    {JOB_STATE_COMPLETED, ""},
    {JOB_STATE_FAILED, ""},
    {JOB_STATE_CANCELLED, ""},
};

static gboolean
may_follow(JobState from, JobState to)
{
    g_auto(GStrv) names = g_strsplit(following[from].to, " ", -1);

    assert_int_equal(following[from].from, from);

    return g_strv_contains((const char *const *)names, job_state_name(to));
}

static void
every_pair_of_states_is_allowed_or_refused_as_told(void **state)
{
    for (guint from = 0; from < N_JOB_STATES; from++) {
        for (guint to = 0; to < N_JOB_STATES; to++) {
            g_autoptr(Job) job = job_in_state((JobState)from);
            g_autoptr(GError) error = NULL;
            gboolean is_allowed = job_transition(job, (JobState)to, 5, &error);

            assert_int_equal(is_allowed, may_follow((JobState)from, (JobState)to));
            assert_int_equal(job->state, is_allowed ? to : from);
            assert_true(is_allowed == (error == NULL));
        }
    }
}

static void
a_refusal_names_the_job_and_both_states(void **state)
{
    g_autoptr(Job) job = job_in_state(JOB_STATE_COMPLETED);
    g_autoptr(GError) error = NULL;

    assert_false(job_transition(job, JOB_STATE_RUNNING, 5, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID));
    assert_string_equal(error->message, "job 'pull-vda-1' cannot go from 'completed' to 'running'");
}

static void
every_end_is_reached_from_every_live_state(void **state)
{
    for (guint from = 0; from < N_JOB_STATES; from++) {
        g_autoptr(Job) job = job_in_state((JobState)from);

        if (!job_is_ended(job))
            for (guint to = JOB_STATE_COMPLETED; to < N_JOB_STATES; to++)
                assert_true(may_follow((JobState)from, (JobState)to));
    }
}

static void
times_are_kept_once(void **state)
{
    g_autoptr(Job) job = job_new(JOB_TYPE_PULL, "pull-vda-1");

    assert_true(job_transition(job, JOB_STATE_RUNNING, 100, NULL));
    assert_true(job_transition(job, JOB_STATE_FINISHING, 200, NULL));
    assert_int_equal(job->start_time_us, 100);
    assert_int_equal(job->end_time_us, 0);
    assert_true(job_transition(job, JOB_STATE_COMPLETED, 300, NULL));
    assert_int_equal(job->start_time_us, 100);
    assert_int_equal(job->end_time_us, 300);
}

/* What a user sees when a peer says @status while the job was in a state. */
static JobState
expected_state(JobState before, JobStatus status)
{
    static const JobState seen[N_JOB_STATUSES] = {
        [JOB_STATUS_UNDEFINED] = JOB_STATE_NEW,
        [JOB_STATUS_CREATED] = JOB_STATE_NEW,
        [JOB_STATUS_RUNNING] = JOB_STATE_RUNNING,
        [JOB_STATUS_PAUSED] = JOB_STATE_PAUSED,
        [JOB_STATUS_READY] = JOB_STATE_READY,
        [JOB_STATUS_STANDBY] = JOB_STATE_PAUSED,
        [JOB_STATUS_WAITING] = JOB_STATE_FINISHING,
        [JOB_STATUS_PENDING] = JOB_STATE_FINISHING,
        [JOB_STATUS_ABORTING] = JOB_STATE_FINISHING,
        [JOB_STATUS_CONCLUDED] = JOB_STATE_FINISHING,
        [JOB_STATUS_NULL] = JOB_STATE_FINISHING,
    };

    if (before == JOB_STATE_READY && status == JOB_STATUS_RUNNING)
        return JOB_STATE_READY;
    if (before >= JOB_STATE_FINISHING || seen[status] == JOB_STATE_NEW)
        return before;

    return seen[status];
}

static void
every_status_is_taken_in_every_state(void **state)
{
    for (guint before = 0; before < N_JOB_STATES; before++) {
        for (guint last = 0; last < N_JOB_STATUSES; last++) {
            for (guint status = 0; status < N_JOB_STATUSES; status++) {
                g_autoptr(Job) job = job_in_state((JobState)before);
                job->status = (JobStatus)last;
                gboolean is_changed = job_take_status(job, (JobStatus)status, 5);

                assert_int_equal(job->status, status);
                assert_int_equal(job->state, expected_state((JobState)before, (JobStatus)status));
                assert_int_equal(is_changed, job->state != before);
            }
        }
    }
}

static void
no_status_ends_a_job(void **state)
{
    for (guint status = 0; status < N_JOB_STATUSES; status++) {
        g_autoptr(Job) job = job_in_state(JOB_STATE_RUNNING);

        (void)job_take_status(job, (JobStatus)status, 5);
        assert_false(job_is_ended(job));
    }
}

static void
a_steady_copy_shows_its_rate_and_its_end(void **state)
{
    g_autoptr(Job) job = job_in_state(JOB_STATE_RUNNING);

    assert_true(job_take_progress(job, 0, 100 * MIB, SECOND));
    assert_int_equal(job->rate_bps, 0);
    assert_int_equal(job_expected_end_us(job, SECOND), 0);

    for (gint64 i = 1; i <= 20; i++) {
        assert_true(job_take_progress(job, (guint64)i * MIB, 100 * MIB, (i + 1) * SECOND));
        assert_int_equal(job->rate_bps, MIB);
        assert_int_equal(job_expected_end_us(job, (i + 1) * SECOND), 101 * SECOND);
    }
    assert_true(job_progress(job) > 0.19 && job_progress(job) < 0.21);
}

static void
a_rate_follows_within_seconds(void **state)
{
    g_autoptr(Job) job = job_in_state(JOB_STATE_RUNNING);
    gint64 now_us = SECOND;
    guint64 current = 0;

    job_take_progress(job, current, 1000 * MIB, now_us);
    for (guint i = 0; i < 40; i++) {
        now_us += SECOND / 2;
        current += 8 * MIB;
        job_take_progress(job, current, 1000 * MIB, now_us);
    }
    assert_int_equal(job->rate_bps, 16 * MIB);

    for (guint i = 0; i < 40; i++) {
        now_us += SECOND / 2;
        current += MIB;
        job_take_progress(job, current, 1000 * MIB, now_us);
    }
    assert_true(job->rate_bps > 2 * MIB);
    assert_true(job->rate_bps < 3 * MIB);
}

static void
reports_in_quick_succession_do_not_make_a_rate(void **state)
{
    g_autoptr(Job) job = job_in_state(JOB_STATE_RUNNING);

    job_take_progress(job, 0, 1000 * MIB, SECOND);
    assert_true(job_take_progress(job, 2 * MIB, 1000 * MIB, SECOND + 100));
    assert_int_equal(job->rate_bps, 0);
    assert_int_equal(job->current, 2 * MIB);
    assert_true(job_take_progress(job, 8 * MIB, 1000 * MIB, 2 * SECOND));
    assert_int_equal(job->rate_bps, 8 * MIB);
    assert_false(job_take_progress(job, 8 * MIB, 1000 * MIB, 2 * SECOND + 1));
    assert_int_equal(job->rate_bps, 8 * MIB);
}

static void
a_stalled_job_loses_its_rate_but_no_past_end_is_told(void **state)
{
    g_autoptr(Job) job = job_in_state(JOB_STATE_RUNNING);

    job_take_progress(job, 0, 10 * MIB, SECOND);
    job_take_progress(job, MIB, 10 * MIB, 2 * SECOND);
    assert_int_equal(job_expected_end_us(job, 500 * SECOND), 500 * SECOND);
    for (gint64 i = 3; i < 200; i++)
        job_take_progress(job, MIB, 10 * MIB, i * SECOND);
    assert_int_equal(job->rate_bps, 0);
    assert_int_equal(job_expected_end_us(job, 200 * SECOND), 0);
    assert_false(job_take_progress(job, MIB, 10 * MIB, 201 * SECOND));
}

static void
a_pause_does_not_count_in_the_rate(void **state)
{
    g_autoptr(Job) job = job_in_state(JOB_STATE_RUNNING);

    job_take_progress(job, 0, 100 * MIB, SECOND);
    job_take_progress(job, MIB, 100 * MIB, 2 * SECOND);
    assert_true(job_take_status(job, JOB_STATUS_PAUSED, 3 * SECOND));
    assert_int_equal(job->rate_bps, 0);
    assert_int_equal(job_expected_end_us(job, 3 * SECOND), 0);
    job_take_progress(job, 2 * MIB, 100 * MIB, 4 * SECOND);
    assert_true(job_take_status(job, JOB_STATUS_RUNNING, 1000 * SECOND));
    job_take_progress(job, 2 * MIB, 100 * MIB, 1000 * SECOND);
    job_take_progress(job, 3 * MIB, 100 * MIB, 1001 * SECOND);
    assert_int_equal(job->rate_bps, MIB);
}

static void
strange_samples_do_no_harm(void **state)
{
    static const struct {
        guint64 current, end;
        gint64 now_us;
    } samples[] = {
        {0, 0, 10},
        {5, 0, 10},
        {G_MAXUINT64, G_MAXUINT64, 11},
        {0, G_MAXUINT64, 12},
        {G_MAXUINT64, 1, 13},
        {1, G_MAXUINT64, 5},
        {2, G_MAXUINT64, 2 * SECOND},
        {3, 10, G_MAXINT64 / 2},
    };
    g_autoptr(Job) job = job_in_state(JOB_STATE_RUNNING);

    for (guint i = 0; i < G_N_ELEMENTS(samples); i++) {
        (void)job_take_progress(job, samples[i].current, samples[i].end, samples[i].now_us);
        assert_int_equal(job->current, samples[i].current);
        assert_int_equal(job->end, samples[i].end);
        assert_true(job_progress(job) >= 0 && job_progress(job) <= 1);
        assert_true(job_expected_end_us(job, samples[i].now_us) >= 0);
    }
}

static void
progress_of_nothing_is_none_until_completed(void **state)
{
    g_autoptr(Job) job = job_in_state(JOB_STATE_FINISHING);

    assert_true(job_progress(job) < 0.001);
    assert_true(job_transition(job, JOB_STATE_COMPLETED, 5, NULL));
    assert_true(job_progress(job) > 0.999);
}

static void
names_are_read_back(void **state)
{
    JobState found_state = N_JOB_STATES;
    JobType found_type = JOB_TYPE_UNKNOWN;

    for (guint i = 0; i < N_JOB_STATES; i++) {
        assert_true(job_state_parse(job_state_name((JobState)i), &found_state));
        assert_int_equal(found_state, i);
    }
    for (guint i = 0; i <= JOB_TYPE_BACKUP; i++) {
        assert_true(job_type_parse(job_type_name((JobType)i), &found_type));
        assert_int_equal(found_type, i);
    }
    assert_string_equal(job_type_name(JOB_TYPE_ACTIVE_COMMIT), "active-commit");
    assert_false(job_state_parse("", &found_state));
    assert_false(job_state_parse(NULL, &found_state));
    assert_false(job_type_parse("Pull", &found_type));
    assert_int_equal(found_state, JOB_STATE_CANCELLED);
}

static void
a_copy_holds_every_field(void **state)
{
    g_autoptr(Job) job = job_new(JOB_TYPE_COMMIT, "id");
    job->domain_uuid = g_strdup("uuid");
    job->domain_name = g_strdup("name");
    job->target = g_strdup("vda");
    job->state = JOB_STATE_FAILED;
    job->status = JOB_STATUS_CONCLUDED;
    job->source_path = g_strdup("/top");
    job->base_path = g_strdup("/base");
    job->bandwidth_bps = 1;
    job->current = 2;
    job->end = 3;
    job->rate_bps = 4;
    job->start_time_us = 5;
    job->sample_time_us = 6;
    job->end_time_us = 7;
    job->message = g_strdup("why");

    g_autoptr(Job) copy = job_copy(job);

    assert_string_equal(copy->id, "id");
    assert_string_equal(copy->domain_uuid, "uuid");
    assert_string_equal(copy->domain_name, "name");
    assert_string_equal(copy->target, "vda");
    assert_int_equal(copy->type, JOB_TYPE_COMMIT);
    assert_int_equal(copy->state, JOB_STATE_FAILED);
    assert_int_equal(copy->status, JOB_STATUS_CONCLUDED);
    assert_string_equal(copy->source_path, "/top");
    assert_string_equal(copy->base_path, "/base");
    assert_int_equal(copy->bandwidth_bps, 1);
    assert_int_equal(copy->current, 2);
    assert_int_equal(copy->end, 3);
    assert_int_equal(copy->rate_bps, 4);
    assert_int_equal(copy->start_time_us, 5);
    assert_int_equal(copy->sample_time_us, 6);
    assert_int_equal(copy->end_time_us, 7);
    assert_string_equal(copy->message, "why");
    assert_ptr_not_equal(copy->message, job->message);
    job_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_of_states_is_allowed_or_refused_as_told),
        cmocka_unit_test(a_refusal_names_the_job_and_both_states),
        cmocka_unit_test(every_end_is_reached_from_every_live_state),
        cmocka_unit_test(times_are_kept_once),
        cmocka_unit_test(every_status_is_taken_in_every_state),
        cmocka_unit_test(no_status_ends_a_job),
        cmocka_unit_test(a_steady_copy_shows_its_rate_and_its_end),
        cmocka_unit_test(a_rate_follows_within_seconds),
        cmocka_unit_test(reports_in_quick_succession_do_not_make_a_rate),
        cmocka_unit_test(a_stalled_job_loses_its_rate_but_no_past_end_is_told),
        cmocka_unit_test(a_pause_does_not_count_in_the_rate),
        cmocka_unit_test(strange_samples_do_no_harm),
        cmocka_unit_test(progress_of_nothing_is_none_until_completed),
        cmocka_unit_test(names_are_read_back),
        cmocka_unit_test(a_copy_holds_every_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
