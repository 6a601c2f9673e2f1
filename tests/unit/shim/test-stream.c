/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stream job tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/job/stream.h"
#include "tests/unit/qcow2/memory-image.h"
#include "tests/unit/qcow2/recorder.h"

/* An empty overlay over a raw image full of 'r', both in memory; the base fails where it is told.
 */
#define CLUSTER 4096u
#define SIZE    (64u * CLUSTER)

typedef struct {
    JobList *list;
    BlockGraph *graph;
    Recorder *top_io;
    Recorder *base_io;
    BlockNode *top;
    Job *job; /* borrowed; NULL once gone */
    GString *log;
    guint n_errors;
} Fixture;

static Fixture *fixture;

static void
on_completed(Job *job, gpointer user_data)
{
    g_string_append_printf(fixture->log, "completed(%s)", job->error != NULL ? job->error : "");
}

static void
on_error(Job *job, const char *operation, const char *action, gpointer user_data)
{
    fixture->n_errors++;
    if (fixture->n_errors == 1)
        g_string_append_printf(fixture->log, "%s-%s ", operation, action);
}

static void
on_idle(gpointer user_data)
{
    fixture->job = NULL;
}

static void
ignore(Job *job, gpointer user_data)
{
}

static void
make_chain(void)
{
    Qcow2CreateOptions options = {
        .version = 3,
        .cluster_size = CLUSTER,
        .size = SIZE,
        .backing_name = "/base",
        .backing_format = "raw",
    };
    g_autoptr(GBytes) bytes = g_bytes_new_take(g_strnfill(SIZE, 'r'), SIZE);
    g_autoptr(BlockNode) base = NULL;
    g_autoptr(IoFile) empty = NULL;
    g_autoptr(GBytes) top_bytes = NULL;

    fixture->base_io = recorder_new(bytes);
    fixture->base_io->error = -EIO;
    base = memory_image_open_raw(&fixture->base_io->file, TRUE);
    empty = memory_image_create(&options);
    top_bytes = memory_image_get_bytes(empty);
    fixture->top_io = recorder_new(top_bytes);
    fixture->top = memory_image_open(&fixture->top_io->file, FALSE, base, NULL);
    assert_non_null(fixture->top);
}

static int
setup(void **state)
{
    static const JobEvents events = {
        .on_status = ignore,
        .on_pending = ignore,
        .on_completed = on_completed,
        .on_cancelled = ignore,
        .on_error = on_error,
        .on_idle = on_idle,
    };

    fixture = g_new0(Fixture, 1);
    fixture->list = job_list_new(&events, NULL);
    fixture->graph = block_graph_new();
    fixture->log = g_string_new(NULL);
    make_chain();
    return 0;
}

static int
teardown(void **state)
{
    job_list_free(fixture->list);
    block_graph_free(fixture->graph);
    block_node_unref(fixture->top);
    recorder_free(fixture->top_io);
    recorder_free(fixture->base_io);
    g_string_free(fixture->log, TRUE);
    g_free(fixture);
    return 0;
}

static void
start(JobOnError on_error_policy)
{
    JobOptions job_options = {
        .id = "job", .auto_finalize = TRUE, .auto_dismiss = TRUE, .on_error = on_error_policy};
    StreamOptions options = {.top = fixture->top};
    g_autoptr(GError) error = NULL;

    fixture->job = stream_start(fixture->list, fixture->graph, &job_options, &options, &error);
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
assert_unchanged(void)
{
    g_autofree char *expected = g_strnfill(SIZE, 'r');

    fixture->base_io->n_failing_reads = 0;
    memory_image_assert_reads(fixture->top, expected, SIZE);
    assert_int_equal(memory_image_check(&fixture->top_io->file), 0);
}

static void
test_all_of_the_base_is_in_the_top_afterwards(void **state)
{
    start(JOB_ON_ERROR_REPORT);
    wait_for_end();
    assert_string_equal(fixture->log->str, "completed()");
    assert_null(block_node_get_backing(fixture->top));
    assert_unchanged();
}

static void
test_blocks_are_shared_where_the_files_can(void **state)
{
    fixture->top_io->can_clone = TRUE;
    start(JOB_ON_ERROR_REPORT);
    wait_for_end();
    assert_string_equal(fixture->log->str, "completed()");
    assert_int_equal(fixture->top_io->n_cloned, SIZE);
    assert_int_equal(fixture->base_io->n_reads, 1); /* by the stand-in for sharing */
    assert_unchanged();
}

static void
test_sharing_that_fails_is_an_error_like_any_other(void **state)
{
    fixture->top_io->can_clone = TRUE;
    fixture->base_io->n_failing_reads = 1;
    start(JOB_ON_ERROR_REPORT);
    wait_for_end();
    assert_string_equal(fixture->log->str, "write-report completed(Input/output error)");
    assert_unchanged();
}

static void
test_report_ends_the_job_at_the_first_error(void **state)
{
    fixture->base_io->n_failing_reads = G_MAXUINT64;
    start(JOB_ON_ERROR_REPORT);
    wait_for_end();
    assert_string_equal(fixture->log->str, "read-report completed(Input/output error)");
    assert_int_equal(fixture->n_errors, 1);
    assert_non_null(block_node_get_backing(fixture->top));
    assert_unchanged();
}

static void
test_ignore_goes_on_and_keeps_the_backing_file(void **state)
{
    fixture->base_io->n_failing_reads = 1;
    start(JOB_ON_ERROR_IGNORE);
    wait_for_end();
    assert_string_equal(fixture->log->str, "read-ignore completed(Input/output error)");
    assert_int_equal(fixture->n_errors, 1);
    assert_non_null(block_node_get_backing(fixture->top));
    assert_unchanged();
}

static void
test_stop_waits_and_tries_again_what_failed(void **state)
{
    fixture->base_io->n_failing_reads = 1;
    start(JOB_ON_ERROR_STOP);
    while (fixture->n_errors == 0)
        g_main_context_iteration(NULL, TRUE);
    assert_true(job_resume(fixture->job, NULL));
    wait_for_end();
    assert_string_equal(fixture->log->str, "read-stop completed()");
    assert_null(block_node_get_backing(fixture->top));
    assert_unchanged();
}

static void
test_a_read_only_top_is_refused(void **state)
{
    JobOptions job_options = {.id = "job"};
    StreamOptions options = {.top = block_node_get_backing(fixture->top)};
    g_autoptr(GError) error = NULL;

    assert_null(stream_start(fixture->list, fixture->graph, &job_options, &options, &error));
    assert_string_equal(error->message, "Block node is read-only");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_all_of_the_base_is_in_the_top_afterwards, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_blocks_are_shared_where_the_files_can, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_sharing_that_fails_is_an_error_like_any_other, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_report_ends_the_job_at_the_first_error, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_ignore_goes_on_and_keeps_the_backing_file, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_stop_waits_and_tries_again_what_failed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_read_only_top_is_refused, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
