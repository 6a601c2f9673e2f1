/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Piecewise copying tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/job/copy.h"

/* A disk of numbered pieces; the copying of each is counted, held up or failed as the test says. */
#define N_PIECES 100
#define PIECE    1000u

typedef struct {
    JobList *list;
    Job *job; /* borrowed; NULL once it is gone */
    GString *log;
    guint next;
    int outcome;
    guint n_skipped;

    GMutex lock; /* protects what follows */
    GCond wake;
    guint copied[N_PIECES];
    guint failures[N_PIECES]; /* that are still to come */
    gboolean is_gate_shut;    /* copying waits */
    guint n_copying;
    guint most_copying;
} Fixture;

static Fixture *fixture;

static int
find_next(Job *job, CopyPiece *piece, CopyNext *ret_next)
{
    piece->offset = fixture->next * PIECE;
    piece->length = PIECE;
    piece->cost = PIECE;
    *ret_next = fixture->next == N_PIECES ? COPY_NEXT_END : COPY_NEXT_PIECE;
    if (fixture->next % 10 == 9)
        *ret_next = COPY_NEXT_NOTHING;
    fixture->next++;
    return 0;
}

static int
copy_piece(Job *job, const CopyPiece *piece, void *buffer, gboolean *ret_is_read)
{
    guint number = (guint)(piece->offset / PIECE);
    int status = 0;

    memset(buffer, 'x', COPY_MAX_PIECE); /* each has all of it */
    g_mutex_lock(&fixture->lock);
    fixture->n_copying++;
    fixture->most_copying = MAX(fixture->most_copying, fixture->n_copying);
    g_cond_broadcast(&fixture->wake);
    while (fixture->is_gate_shut)
        g_cond_wait(&fixture->wake, &fixture->lock);
    fixture->n_copying--;
    fixture->copied[number]++;
    if (fixture->failures[number] > 0) {
        fixture->failures[number]--;
        status = -EIO;
    }
    g_mutex_unlock(&fixture->lock);

    *ret_is_read = number % 2 == 0;
    return status;
}

static void
skip_piece(Job *job, const CopyPiece *piece, int status)
{
    fixture->n_skipped++;
    assert_int_equal(status, -EIO);
}

static int
run(Job *job)
{
    static const CopyOps ops = {.find_next = find_next, .copy = copy_piece, .skip = skip_piece};

    fixture->outcome = copy_run(job, &ops);
    return fixture->outcome;
}

static void
on_status(Job *job, gpointer user_data)
{
    if (job->status != JOB_STATUS_PAUSED)
        return;

    g_mutex_lock(&fixture->lock);
    assert_int_equal(fixture->n_copying, 0);
    g_mutex_unlock(&fixture->lock);
}

static void
on_error(Job *job, const char *operation, const char *action, gpointer user_data)
{
    g_string_append_printf(fixture->log, "%s-%s ", operation, action);
    if (g_str_equal(action, "stop"))
        assert_true(job_resume(job, NULL));
}

static void
ignore(Job *job, gpointer user_data)
{
}

static int
conclude(Job *job)
{
    return 0;
}

static void
clean(Job *job)
{
}

static void
on_idle(gpointer user_data)
{
    fixture->job = NULL;
}

static int
setup(void **state)
{
    static const JobEvents events = {
        .on_status = on_status,
        .on_pending = ignore,
        .on_completed = ignore,
        .on_cancelled = ignore,
        .on_error = on_error,
        .on_idle = on_idle,
    };

    fixture = g_new0(Fixture, 1);
    fixture->list = job_list_new(&events, NULL);
    fixture->log = g_string_new(NULL);
    g_mutex_init(&fixture->lock);
    g_cond_init(&fixture->wake);
    return 0;
}

static int
teardown(void **state)
{
    job_list_free(fixture->list);
    g_string_free(fixture->log, TRUE);
    g_mutex_clear(&fixture->lock);
    g_cond_clear(&fixture->wake);
    g_free(fixture);
    return 0;
}

static void
start(JobOnError on_error_policy)
{
    static const JobType type = {.name = "fake", .run = run, .conclude = conclude, .clean = clean};
    JobOptions options = {.id = "job",
                          .auto_finalize = TRUE,
                          .auto_dismiss = TRUE,
                          .on_error = on_error_policy,
                          .length = N_PIECES * PIECE};
    g_autoptr(GError) error = NULL;

    fixture->job = job_start(fixture->list, &type, &options, NULL, &error);
    if (fixture->job == NULL)
        fail_msg("%s", error->message);
}

static void
wait_for_end(void)
{
    while (fixture->job != NULL)
        g_main_context_iteration(NULL, TRUE);
}

static void
shut_gate(gboolean is_shut)
{
    g_mutex_lock(&fixture->lock);
    fixture->is_gate_shut = is_shut;
    g_cond_broadcast(&fixture->wake);
    g_mutex_unlock(&fixture->lock);
}

/* Until as many are being copied at once. */
static void
wait_for_copying(guint count)
{
    g_mutex_lock(&fixture->lock);
    while (fixture->n_copying < count)
        g_cond_wait(&fixture->wake, &fixture->lock);
    g_mutex_unlock(&fixture->lock);
}

static void
test_every_piece_is_copied_once(void **state)
{
    start(JOB_ON_ERROR_REPORT);
    wait_for_end();
    assert_int_equal(fixture->outcome, 0);
    for (guint i = 0; i < N_PIECES; i++)
        assert_int_equal(fixture->copied[i], i % 10 == 9 ? 0 : 1);
}

static void
test_several_pieces_are_in_flight_at_once(void **state)
{
    shut_gate(TRUE);
    start(JOB_ON_ERROR_REPORT);
    wait_for_copying(4);
    shut_gate(FALSE);
    wait_for_end();
    assert_int_equal(fixture->most_copying, 4);
}

static void
test_nothing_is_in_flight_while_the_job_is_paused(void **state)
{
    shut_gate(TRUE);
    start(JOB_ON_ERROR_REPORT);
    wait_for_copying(2);
    assert_true(job_pause(fixture->job, NULL));
    shut_gate(FALSE);
    while (fixture->job->status != JOB_STATUS_PAUSED)
        g_main_context_iteration(NULL, TRUE);
    assert_true(job_resume(fixture->job, NULL));
    wait_for_end();
    assert_int_equal(fixture->outcome, 0);
}

static void
test_a_cancelled_job_waits_for_what_is_in_flight(void **state)
{
    guint n_copied = 0;

    shut_gate(TRUE);
    start(JOB_ON_ERROR_REPORT);
    wait_for_copying(4);
    assert_true(job_cancel(fixture->job, NULL));
    shut_gate(FALSE);
    wait_for_end();
    assert_int_equal(fixture->outcome, -ECANCELED);
    assert_int_equal(fixture->n_copying, 0);
    for (guint i = 0; i < N_PIECES; i++)
        n_copied += fixture->copied[i];
    assert_int_equal(n_copied, 4);
}

static void
test_report_ends_at_the_first_piece_that_failed(void **state)
{
    fixture->failures[20] = 1;
    fixture->failures[21] = 1;
    start(JOB_ON_ERROR_REPORT);
    wait_for_end();
    assert_int_equal(fixture->outcome, -EIO);
    assert_string_equal(fixture->log->str, "read-report ");
    assert_int_equal(fixture->n_skipped, 1);
}

static void
test_ignore_skips_what_fails_again(void **state)
{
    fixture->failures[20] = G_MAXUINT;
    fixture->failures[93] = G_MAXUINT;
    start(JOB_ON_ERROR_IGNORE);
    wait_for_end();
    assert_int_equal(fixture->outcome, 0);
    assert_string_equal(fixture->log->str, "read-ignore write-ignore ");
    assert_int_equal(fixture->n_skipped, 2);
    assert_int_equal(fixture->copied[98], 1);
}

static void
test_stop_tries_again_once_resumed(void **state)
{
    fixture->failures[98] = 3;
    start(JOB_ON_ERROR_STOP);
    wait_for_end();
    assert_int_equal(fixture->outcome, 0);
    assert_string_equal(fixture->log->str, "read-stop read-stop read-stop ");
    assert_int_equal(fixture->copied[98], 4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_piece_is_copied_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_pieces_are_in_flight_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_nothing_is_in_flight_while_the_job_is_paused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_cancelled_job_waits_for_what_is_in_flight, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_report_ends_at_the_first_piece_that_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ignore_skips_what_fails_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_tries_again_once_resumed, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
