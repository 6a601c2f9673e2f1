/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Throttle tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/throttle-group.h"
#include "qemu-shim/block/throttle-limits.h"
#include "tests/unit/block/images.h"

#define SECOND ((gint64)G_USEC_PER_SEC)

static ThrottleLimits
make_limits(const char *text)
{
    g_autoptr(GVariant) values = images_parse("%s", text);
    g_autoptr(BlockOptions) options = block_options_new(values, NULL);
    g_autoptr(GError) error = NULL;
    ThrottleLimits limits;

    throttle_limits_init(&limits);
    if (!throttle_limits_take(&limits, options, "", &error) ||
        !throttle_limits_check(&limits, &error))
        fail_msg("%s", error->message);
    return limits;
}

/* How many requests of @bytes pass between 0 and @until_us, by somebody who waits as he is told. */
static guint
count_passed(ThrottleLimits *limits, gboolean is_write, guint64 bytes, gint64 until_us)
{
    guint count = 0;

    for (gint64 now_us = 0; now_us < until_us; count++) {
        gint64 wait_us = throttle_limits_wait(limits, is_write, now_us);

        now_us += wait_us;
        assert_int_equal(throttle_limits_wait(limits, is_write, now_us), 0);
        throttle_limits_account(limits, is_write, bytes);
    }

    return count;
}

static void
test_requests_pass_at_the_rate(void **state)
{
    ThrottleLimits limits = make_limits("{'iops-total': <int64 100>}");
    guint count = count_passed(&limits, FALSE, 4096, 10 * SECOND);

    /* A tenth of a second's worth is let through at once. */
    assert_in_range(count, 1000, 1015);
}

static void
test_bytes_pass_at_the_rate(void **state)
{
    ThrottleLimits limits = make_limits("{'bps-write': <int64 1000000>}");

    assert_in_range(count_passed(&limits, TRUE, 50000, 10 * SECOND), 200, 205);
}

static void
test_a_limit_of_writes_leaves_reads_alone(void **state)
{
    ThrottleLimits limits = make_limits("{'bps-write': <int64 1>}");

    throttle_limits_account(&limits, TRUE, 1000000);
    assert_int_equal(throttle_limits_wait(&limits, FALSE, 0), 0);
    assert_true(throttle_limits_wait(&limits, TRUE, 0) > SECOND);
}

static void
test_a_burst_passes_and_then_the_rate(void **state)
{
    ThrottleLimits limits = make_limits("{'iops-total': <int64 10>, 'iops-total-max': <int64 100>, "
                                        "'iops-total-max-length': <int64 3>}");

    /* 300 of burst, at 100 a second with a tenth of it at once; then 10 a second. */
    assert_in_range(count_passed(&limits, FALSE, 1, 2 * SECOND), 200, 215);
    limits = make_limits("{'iops-total': <int64 10>, 'iops-total-max': <int64 100>, "
                         "'iops-total-max-length': <int64 3>}");
    assert_in_range(count_passed(&limits, FALSE, 1, 100 * SECOND), 1295, 1305);
}

static void
test_a_large_request_counts_for_several(void **state)
{
    ThrottleLimits limits = make_limits("{'iops-total': <int64 100>, 'iops-size': <int64 4096>}");

    assert_in_range(count_passed(&limits, FALSE, 40960, 10 * SECOND), 100, 104);
}

static void
test_a_wait_is_bounded_whatever_the_rate(void **state)
{
    ThrottleLimits limits = make_limits("{'bps-total': <int64 1>}");

    throttle_limits_account(&limits, TRUE, G_MAXUINT64);
    assert_in_range(throttle_limits_wait(&limits, TRUE, 0), 1, 4000 * SECOND);
}

static void
test_limits_that_do_not_fit_are_told_in_the_words_of_qemu(void **state)
{
    static const struct {
        const char *properties, *message;
    } table[] = {
        {"{'limits': <{'iops-total': <int64 100>, 'iops-read': <int64 10>}>}",
         "bps/iops/max total values and read/write values cannot be used at the same time"},
        {"{'limits': <{'bps-total': <int64 -1>}>}",
         "bps/iops/max values must be within [0, 1000000000000000]"},
        {"{'limits': <{'bps-total': <int64 9223372036854775807>}>}",
         "bps/iops/max values must be within [0, 1000000000000000]"},
        {"{'limits': <{'bps-total': <int64 10>, 'bps-total-max': <int64 5>}>}",
         "bps_max/iops_max cannot be lower than bps/iops"},
        {"{'limits': <{'bps-total-max': <int64 5>}>}",
         "bps_max/iops_max require corresponding bps/iops values"},
        {"{'limits': <{'bps-total': <int64 10>, 'bps-total-max-length': <int64 0>}>}",
         "the burst length cannot be 0"},
        {"{'x-bps-total': <int64 10>, 'x-bps-total-max-length': <int64 5>}",
         "burst length set without burst rate"},
        {"{'limits': <{'iops-size': <int64 1>}>}", "iops size requires an iops value to be set"},
        {"{'limits': <{'bps-totalx': <int64 1>}>}", "Parameter 'limits.bps-totalx' is unexpected"},
        {"{'zz': <int64 1>}", "Parameter 'zz' is unexpected"},
        {"{'limits': <int64 1>}", "Invalid parameter type for 'limits', expected: object"},
    };
    g_autoptr(BlockGraph) graph = block_graph_new();

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GVariant) properties = images_parse("%s", table[i].properties);
        g_autoptr(GError) error = NULL;

        assert_false(throttle_group_add(graph, "g", properties, &error));
        images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, table[i].message);
        assert_null(throttle_group_find(graph, "g", NULL));
    }
}

static BlockNode *
add(BlockGraph *graph, const char *text, GError **error)
{
    g_autoptr(GVariant) options = images_parse("%s", text);

    return block_graph_add(graph, options, error);
}

static void
test_a_group_in_use_stays(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GError) error = NULL;

    assert_null(add(graph,
                    "{'driver': <'throttle'>, 'node-name': <'t'>, 'throttle-group': <'g'>, "
                    "'file': <{'driver': <'null-co'>}>}",
                    &error));
    images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, "Throttle group 'g' does not exist");
    assert_true(throttle_group_add(graph, "g", NULL, NULL));
    node = add(graph,
               "{'driver': <'throttle'>, 'node-name': <'t'>, 'throttle-group': <'g'>, "
               "'file': <{'driver': <'null-co'>}>}",
               NULL);
    assert_non_null(node);
    assert_false(throttle_group_remove(graph, "g", &error));
    images_assert_error(
        error, VBLK_ERROR_OPERATION_INVALID, "object 'g' is in use, can not be deleted");

    assert_true(block_graph_remove(graph, "t", NULL));
    g_clear_pointer(&node, block_node_unref);
    assert_true(throttle_group_remove(graph, "g", NULL));
}

static void
test_a_reopen_moves_a_node_to_another_group(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GVariant) options = images_parse(
        "{'driver': <'throttle'>, 'node-name': <'t'>, 'throttle-group': <'h'>, 'file': <'n'>}");
    g_autoptr(GVariant) limits = images_parse("{'limits': <{'bps-total': <int64 1>}>}");

    assert_true(throttle_group_add(graph, "g", limits, NULL));
    assert_true(throttle_group_add(graph, "h", NULL, NULL));
    block_node_unref(add(graph, "{'driver': <'null-co'>, 'node-name': <'n'>}", NULL));
    node = add(graph,
               "{'driver': <'throttle'>, 'node-name': <'t'>, 'throttle-group': <'g'>, "
               "'file': <'n'>}",
               NULL);
    assert_non_null(node);
    assert_true(block_graph_reopen(graph, options, NULL));
    assert_true(throttle_group_remove(graph, "g", NULL));
    assert_false(throttle_group_remove(graph, "h", NULL));
}

static void
test_an_image_on_a_throttled_file_is_read_and_written(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GVariant) options = NULL;
    g_autofree char *path = images_path("image");
    char buffer[5];

    images_create("image", NULL, NULL);
    assert_true(throttle_group_add(graph, "g", NULL, NULL));
    options = images_parse("{'driver': <'qcow2'>, 'node-name': <'q'>, 'file': <{'driver': "
                           "<'throttle'>, 'throttle-group': <'g'>, 'file': <{'driver': <'file'>, "
                           "'filename': <'%s'>}>}>}",
                           path);
    node = block_graph_add(graph, options, NULL);
    assert_non_null(node);
    /* The file grows through the filter. */
    assert_int_equal(block_node_write(node, 30000, "hello", 5), 0);
    assert_int_equal(block_node_flush(node), 0);
    assert_int_equal(block_node_read(node, 30000, buffer, 5), 0);
    assert_memory_equal(buffer, "hello", 5);

    assert_true(block_graph_remove(graph, "q", NULL));
    g_clear_pointer(&node, block_node_unref);
    g_clear_pointer(&options, g_variant_unref);
    options = images_options("q", "image");
    node = block_graph_add(graph, options, NULL);
    assert_int_equal(block_node_read(node, 30000, buffer, 5), 0);
    assert_memory_equal(buffer, "hello", 5);
}

static gpointer
write_much(gpointer user_data)
{
    return GINT_TO_POINTER(block_node_write_zeroes(user_data, 0, 1 << 20) +
                           block_node_write_zeroes(user_data, 0, 1 << 20));
}

static void
test_who_waits_is_let_through_when_all_is_opened(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GVariant) limits = images_parse("{'limits': <{'bps-total': <int64 1>}>}");
    g_autoptr(BlockNode) node = NULL;
    GThread *thread;

    assert_true(throttle_group_add(graph, "g", limits, NULL));
    node = add(graph,
               "{'driver': <'throttle'>, 'node-name': <'t'>, 'throttle-group': <'g'>, "
               "'file': <{'driver': <'null-co'>}>}",
               NULL);
    /* The second of these would wait for days. */
    thread = g_thread_new("writer", write_much, node);
    throttle_group_open_all(graph);
    assert_ptr_equal(g_thread_join(thread), GINT_TO_POINTER(0));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_requests_pass_at_the_rate),
        cmocka_unit_test(test_bytes_pass_at_the_rate),
        cmocka_unit_test(test_a_limit_of_writes_leaves_reads_alone),
        cmocka_unit_test(test_a_burst_passes_and_then_the_rate),
        cmocka_unit_test(test_a_large_request_counts_for_several),
        cmocka_unit_test(test_a_wait_is_bounded_whatever_the_rate),
        cmocka_unit_test(test_limits_that_do_not_fit_are_told_in_the_words_of_qemu),
        cmocka_unit_test(test_a_group_in_use_stays),
        cmocka_unit_test(test_a_reopen_moves_a_node_to_another_group),
        cmocka_unit_test_setup_teardown(
            test_an_image_on_a_throttled_file_is_read_and_written, images_set_up, images_tear_down),
        cmocka_unit_test(test_who_waits_is_let_through_when_all_is_opened),
    };

    return cmocka_run_group_tests_name("block throttle", tests, NULL, NULL);
}
