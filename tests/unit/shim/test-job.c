/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job life cycle tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/job/job.h"

/* A job that does what the test tells it, step by step; and all that was told of it. */
typedef struct {
    JobList *list;
    GString *log;

    guint steps;   /* that the work takes */
    guint endless; /* no step is the last */
    int failures;  /* how many steps fail first */
    int failure;   /* with this */
    int conclude_status;
    guint n_concluded;
    guint n_cleaned;
} Fixture;

static Fixture *fixture;

static int
fake_run(Job *job)
{
    Fixture *work = job->state;

    for (guint i = 0; (work->endless || i < work->steps) && job_may_go_on(job); i++) {
        int status = work->failures > 0 ? work->failure : 0;

        if (work->failures > 0)
            work->failures--;
        if (status < 0 && job_handle_error(job, FALSE, &status))
            i--;
        else if (status < 0)
            return status;
        else
            job_advance(job, 10, 10);
        g_thread_yield();
    }

    return 0;
}

static int
fake_conclude(Job *job)
{
    Fixture *work = job->state;

    work->n_concluded++;
    return work->conclude_status;
}

static void
fake_clean(Job *job)
{
    Fixture *work = job->state;

    work->n_cleaned++;
}

static const JobType fake_type = {
    .name = "fake",
    .run = fake_run,
    .conclude = fake_conclude,
    .clean = fake_clean,
};

static void
on_status(Job *job, gpointer user_data)
{
    g_string_append_printf(fixture->log, "%s ", job_status_name(job->status));
}

static void
on_pending(Job *job, gpointer user_data)
{
    g_string_append(fixture->log, "PENDING ");
}

static void
on_completed(Job *job, gpointer user_data)
{
    g_string_append_printf(fixture->log, "COMPLETED(%s) ", job->error != NULL ? job->error : "");
}

static void
on_cancelled(Job *job, gpointer user_data)
{
    g_string_append(fixture->log, "CANCELLED ");
}

static void
on_error(Job *job, const char *operation, const char *action, gpointer user_data)
{
    g_string_append_printf(fixture->log, "ERROR(%s,%s) ", operation, action);
}

static void
on_idle(gpointer user_data)
{
    g_string_append(fixture->log, "idle");
}

static int
setup(void **state)
{
    static const JobEvents events = {
        .on_status = on_status,
        .on_pending = on_pending,
        .on_completed = on_completed,
        .on_cancelled = on_cancelled,
        .on_error = on_error,
        .on_idle = on_idle,
    };

    fixture = g_new0(Fixture, 1);
    fixture->list = job_list_new(&events, NULL);
    fixture->log = g_string_new(NULL);
    fixture->steps = 3;
    return 0;
}

static int
teardown(void **state)
{
    job_list_free(fixture->list);
    g_string_free(fixture->log, TRUE);
    g_free(fixture);
    return 0;
}

static Job *
start(const char *id, gboolean auto_finalize, gboolean auto_dismiss, JobOnError on_error_action)
{
    g_autoptr(GError) error = NULL;
    JobOptions options = {.id = id,
                          .auto_finalize = auto_finalize,
                          .auto_dismiss = auto_dismiss,
                          .on_error = on_error_action,
                          .length = 30};
    Job *job = job_start(fixture->list, &fake_type, &options, fixture, &error);

    assert_null(error);
    assert_non_null(job);
    return job;
}

/* Lets the main loop run until the log ends with @words. */
static void
wait_for(const char *words)
{
    while (!g_str_has_suffix(fixture->log->str, words))
        g_main_context_iteration(NULL, TRUE);
}

static void
assert_log(const char *wanted)
{
    assert_string_equal(fixture->log->str, wanted);
}

static void
assert_refused(gboolean (*verb)(Job *job, GError **error), Job *job, const char *wanted)
{
    g_autoptr(GError) error = NULL;

    assert_false(verb(job, &error));
    assert_string_equal(error->message, wanted);
}

static void
test_a_job_passes_through_every_state_by_itself(void **state)
{
    start("j", TRUE, TRUE, JOB_ON_ERROR_REPORT);
    wait_for("idle");

    assert_log("created running waiting pending COMPLETED() concluded null idle");
    assert_int_equal(fixture->n_concluded, 1);
    assert_int_equal(fixture->n_cleaned, 1);
}

static void
test_a_job_waits_for_finalize_and_dismiss_where_asked(void **state)
{
    Job *job = start("j", FALSE, FALSE, JOB_ON_ERROR_REPORT);

    wait_for("PENDING ");
    assert_int_equal(fixture->n_concluded, 0);
    assert_int_equal(job->offset, 30);
    assert_true(job_finalize(job, NULL));
    assert_int_equal(fixture->n_concluded, 1);
    assert_ptr_equal(job_list_find(fixture->list, "j"), job);
    assert_true(job_dismiss(job, NULL));

    assert_null(job_list_find(fixture->list, "j"));
    assert_log("created running waiting pending PENDING COMPLETED() concluded null idle");
}

static void
test_a_job_that_fails_says_why_and_concludes_nothing(void **state)
{
    Job *job;

    fixture->failures = 1;
    fixture->failure = -EIO;
    job = start("j", TRUE, FALSE, JOB_ON_ERROR_REPORT);
    wait_for("concluded ");

    assert_string_equal(job->error, "Input/output error");
    assert_log("created running ERROR(write,report) aborting COMPLETED(Input/output error) "
               "concluded ");
    assert_int_equal(fixture->n_concluded, 0);
    assert_int_equal(fixture->n_cleaned, 1);
    assert_true(job_dismiss(job, NULL));
}

static void
test_a_job_whose_conclusion_fails_has_failed(void **state)
{
    fixture->conclude_status = -ENOSPC;
    start("j", TRUE, TRUE, JOB_ON_ERROR_REPORT);
    wait_for("idle");

    assert_log("created running waiting pending aborting COMPLETED(No space left on device) "
               "concluded null idle");
    assert_int_equal(fixture->n_cleaned, 1);
}

static void
test_an_error_that_is_ignored_is_told_and_the_work_goes_on(void **state)
{
    fixture->failures = 1;
    fixture->failure = -EIO;
    start("j", TRUE, TRUE, JOB_ON_ERROR_IGNORE);
    wait_for("idle");

    assert_log("created running ERROR(write,ignore) waiting pending COMPLETED() concluded null "
               "idle");
}

static void
test_an_error_that_stops_is_tried_again_when_resumed(void **state)
{
    Job *job;

    fixture->failures = 1;
    fixture->failure = -EIO;
    job = start("j", TRUE, TRUE, JOB_ON_ERROR_STOP);
    wait_for("paused ");
    assert_int_equal(job->io_status, EIO);
    assert_true(job_resume(job, NULL));
    assert_int_equal(job->io_status, 0);
    wait_for("idle");

    assert_log("created running ERROR(write,stop) paused running waiting pending COMPLETED() "
               "concluded null idle");
}

static void
test_enospc_stops_only_where_space_is_missing(void **state)
{
    Job *job;

    fixture->failures = 1;
    fixture->failure = -ENOSPC;
    job = start("j", TRUE, TRUE, JOB_ON_ERROR_ENOSPC);
    wait_for("ERROR(write,stop) paused ");
    assert_true(job_cancel(job, NULL));
    wait_for("idle");

    g_string_truncate(fixture->log, 0);
    fixture->failures = 1;
    fixture->failure = -EIO;
    start("j", TRUE, TRUE, JOB_ON_ERROR_ENOSPC);
    wait_for("idle");
    assert_log("created running ERROR(write,report) aborting COMPLETED(Input/output error) "
               "concluded null idle");
}

static void
test_a_running_job_is_cancelled(void **state)
{
    Job *job;

    fixture->endless = TRUE;
    job = start("j", TRUE, FALSE, JOB_ON_ERROR_REPORT);
    assert_true(job_cancel(job, NULL));
    wait_for("concluded ");

    assert_string_equal(job->error, "Operation canceled");
    assert_log("created running aborting CANCELLED concluded ");
    assert_int_equal(fixture->n_concluded, 0);
    assert_int_equal(fixture->n_cleaned, 1);
    assert_true(job_dismiss(job, NULL));
}

static void
test_a_paused_job_is_cancelled(void **state)
{
    Job *job;

    fixture->endless = TRUE;
    job = start("j", TRUE, TRUE, JOB_ON_ERROR_REPORT);
    assert_true(job_pause(job, NULL));
    wait_for("paused ");
    assert_true(job_cancel(job, NULL));
    wait_for("idle");

    assert_log("created running paused running aborting CANCELLED concluded null idle");
}

static void
test_a_job_that_waits_for_its_share_is_cancelled_at_once(void **state)
{
    JobOptions options = {
        .id = "j", .auto_finalize = TRUE, .auto_dismiss = TRUE, .speed_bps = 1, .length = 30};
    Job *job;

    fixture->endless = TRUE;
    job = job_start(fixture->list, &fake_type, &options, fixture, NULL);
    assert_true(job_cancel(job, NULL));
    wait_for("idle");

    assert_log("created running aborting CANCELLED concluded null idle");
}

static void
test_a_pending_job_is_cancelled(void **state)
{
    Job *job = start("j", FALSE, TRUE, JOB_ON_ERROR_REPORT);

    wait_for("PENDING ");
    assert_true(job_cancel(job, NULL));

    assert_log("created running waiting pending PENDING aborting CANCELLED concluded null idle");
    assert_int_equal(fixture->n_concluded, 0);
    assert_int_equal(fixture->n_cleaned, 1);
}

static void
test_a_job_that_is_paused_does_nothing_until_it_is_resumed(void **state)
{
    guint64 offset;
    Job *job;

    fixture->endless = TRUE;
    job = start("j", TRUE, TRUE, JOB_ON_ERROR_REPORT);
    assert_refused(job_resume, job, "Can't resume a job that was not paused");
    assert_true(job_pause(job, NULL));
    wait_for("paused ");
    assert_false(job->is_busy);
    offset = job->offset;
    assert_refused(job_pause, job, "Job is already paused");
    assert_int_equal(job->offset, offset);

    assert_true(job_resume(job, NULL));
    wait_for("paused running ");
    assert_true(job_cancel(job, NULL));
    wait_for("idle");
}

static void
test_verbs_at_the_wrong_time_are_refused_by_name(void **state)
{
    Job *job = start("j", FALSE, FALSE, JOB_ON_ERROR_REPORT);

    assert_refused(
        job_dismiss, job, "Job 'j' in state 'running' cannot accept command verb 'dismiss'");
    assert_refused(
        job_complete, job, "Job 'j' in state 'running' cannot accept command verb 'complete'");
    wait_for("PENDING ");
    assert_refused(job_pause, job, "Job 'j' in state 'pending' cannot accept command verb 'pause'");
    assert_true(job_finalize(job, NULL));
    assert_refused(
        job_cancel, job, "Job 'j' in state 'concluded' cannot accept command verb 'cancel'");
    assert_refused(
        job_finalize, job, "Job 'j' in state 'concluded' cannot accept command verb 'finalize'");
    assert_true(job_dismiss(job, NULL));
}

static void
assert_id_refused(const char *id, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    JobOptions options = {.id = id};

    assert_null(job_start(fixture->list, &fake_type, &options, fixture, &error));
    assert_string_equal(error->message, wanted);
}

static void
test_an_id_is_a_name_that_is_free(void **state)
{
    Job *job = start("good-id_1.x", FALSE, FALSE, JOB_ON_ERROR_REPORT);

    assert_id_refused("", "Invalid job ID ''");
    assert_id_refused("1a", "Invalid job ID '1a'");
    assert_id_refused("a b", "Invalid job ID 'a b'");
    assert_id_refused("#a", "Invalid job ID '#a'");
    assert_id_refused("good-id_1.x", "Job ID 'good-id_1.x' already in use");
    wait_for("PENDING ");
    assert_true(job_finalize(job, NULL));
    assert_true(job_dismiss(job, NULL));
}

static void
test_the_number_of_jobs_has_a_limit(void **state)
{
    g_autofree char *wanted = g_strdup_printf("there are %d jobs already", JOB_MAX_COUNT);

    for (guint i = 0; i < JOB_MAX_COUNT; i++) {
        g_autofree char *id = g_strdup_printf("j%u", i);

        g_string_truncate(fixture->log, 0);
        start(id, TRUE, FALSE, JOB_ON_ERROR_REPORT);
        wait_for("concluded ");
    }

    assert_id_refused("more", wanted);
    job_list_cancel_all(fixture->list);
}

static void
test_all_jobs_end_when_asked_whatever_they_do(void **state)
{
    Job *paused;

    start("kept", TRUE, FALSE, JOB_ON_ERROR_REPORT);
    wait_for("concluded ");
    start("pending", FALSE, FALSE, JOB_ON_ERROR_REPORT);
    wait_for("PENDING ");
    fixture->endless = TRUE;
    paused = start("paused", TRUE, FALSE, JOB_ON_ERROR_REPORT);
    assert_true(job_pause(paused, NULL));
    wait_for("paused ");
    start("running", TRUE, FALSE, JOB_ON_ERROR_REPORT);

    job_list_cancel_all(fixture->list);
    wait_for("idle");
    assert_int_equal(fixture->n_cleaned, 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_job_passes_through_every_state_by_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_job_waits_for_finalize_and_dismiss_where_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_job_that_fails_says_why_and_concludes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_job_whose_conclusion_fails_has_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_an_error_that_is_ignored_is_told_and_the_work_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_an_error_that_stops_is_tried_again_when_resumed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_enospc_stops_only_where_space_is_missing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_running_job_is_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_paused_job_is_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_job_that_waits_for_its_share_is_cancelled_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_pending_job_is_cancelled, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_job_that_is_paused_does_nothing_until_it_is_resumed, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_verbs_at_the_wrong_time_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_id_is_a_name_that_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_number_of_jobs_has_a_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_all_jobs_end_when_asked_whatever_they_do, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
