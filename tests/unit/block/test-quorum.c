/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Quorum tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/graph.h"
#include "qemu-shim/block/quorum-driver.h"
#include "tests/unit/block/images.h"

#define LENGTH 4096

static void
collect(const char *event, GVariant *data, gpointer user_data)
{
    GString *text = user_data;
    const char *node = "", *type = "";
    gint64 sector = -1, count = -1;

    g_variant_lookup(data, "node-name", "&s", &node);
    g_variant_lookup(data, "reference", "&s", &node);
    g_variant_lookup(data, "type", "&s", &type);
    g_variant_lookup(data, "sector-num", "x", &sector);
    g_variant_lookup(data, "sectors-count", "x", &count);
    g_string_append_printf(text,
                           "%s %s %s %" G_GINT64_FORMAT " %" G_GINT64_FORMAT ";",
                           event,
                           node,
                           type,
                           sector,
                           count);
}

static void
fill(const char *name, char byte)
{
    char content[LENGTH + 1] = {0};

    memset(content, byte, LENGTH);
    images_write(name, content);
}

/* Three files a, b and c under a quorum k; @more are its options beyond. */
static BlockNode *
open_three(BlockGraph *graph, const char *c_options, const char *more, GString *events)
{
    g_autofree char *a = images_path("a");
    g_autofree char *b = images_path("b");
    g_autofree char *c = images_path("c");
    g_autoptr(GVariant)
        options = images_parse("{'driver': <'quorum'>, 'node-name': <'k'>, %s, 'children': <["
                               "<{'driver': <'file'>, 'node-name': <'a'>, 'filename': <'%s'>}>, "
                               "<{'driver': <'file'>, 'node-name': <'b'>, 'filename': <'%s'>}>, "
                               "<{'driver': <'blkdebug'>, 'node-name': <'c'>%s, "
                               "'image': <{'driver': <'file'>, 'filename': <'%s'>}>}>]>}",
                               more,
                               a,
                               b,
                               c_options,
                               c);
    g_autoptr(GError) error = NULL;
    BlockNode *node;

    block_graph_set_reporter(graph, &(BlockReporter){collect, events});
    node = block_graph_add(graph, options, &error);
    if (node == NULL)
        fail_msg("%s", error->message);
    return node;
}

static void
test_the_majority_is_read_and_the_rest_told(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GString) events = g_string_new(NULL);
    g_autoptr(BlockNode) node = NULL;
    char byte = 0;

    fill("a", 'x');
    fill("b", 'x');
    fill("c", 'y');
    node = open_three(graph, "", "'vote-threshold': <int64 2>", events);
    assert_int_equal(block_node_get_length(node), LENGTH);
    assert_int_equal(block_node_read(node, 513, &byte, 1), 0);
    assert_int_equal(byte, 'x');
    assert_string_equal(events->str, "QUORUM_REPORT_BAD c read 1 1;");
    /* It is told each time: nothing was written back. */
    assert_int_equal(block_node_read(block_graph_find(graph, "c"), 513, &byte, 1), 0);
    assert_int_equal(byte, 'y');
}

static void
test_what_was_voted_down_is_written_back(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GString) events = g_string_new(NULL);
    g_autoptr(BlockNode) node = NULL;
    char byte = 0;

    fill("a", 'x');
    fill("b", 'x');
    fill("c", 'y');
    node = open_three(
        graph, "", "'vote-threshold': <int64 2>, 'rewrite-corrupted': <true>", events);
    assert_int_equal(block_node_read(node, 0, &byte, 1), 0);
    assert_int_equal(block_node_read(block_graph_find(graph, "c"), 0, &byte, 1), 0);
    assert_int_equal(byte, 'x');
}

static void
test_without_a_majority_reading_fails(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GString) events = g_string_new(NULL);
    g_autoptr(BlockNode) node = NULL;
    char byte = 0;

    fill("a", 'x');
    fill("b", 'y');
    fill("c", 'z');
    node = open_three(graph, "", "'vote-threshold': <int64 2>", events);
    assert_int_equal(block_node_read(node, 0, &byte, 1), -EIO);
    assert_string_equal(events->str, "QUORUM_FAILURE k  0 1;");
}

static void
test_the_first_that_answers_is_read(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GString) events = g_string_new(NULL);
    g_autoptr(BlockNode) node = NULL;
    char byte = 0;

    fill("a", 'x');
    fill("b", 'y');
    fill("c", 'z');
    node = open_three(graph, "", "'vote-threshold': <int64 1>, 'read-pattern': <'fifo'>", events);
    assert_int_equal(block_node_read(node, 0, &byte, 1), 0);
    assert_int_equal(byte, 'x');
    assert_string_equal(events->str, "");
}

static void
test_writing_needs_the_threshold(void **state)
{
    static const char fails[] = ", 'inject-error': <[<{'event': <'none'>, 'errno': <int64 28>}>]>";
    g_autoptr(GString) events = g_string_new(NULL);
    char byte = 0;

    fill("a", 'x');
    fill("b", 'x');
    fill("c", 'x');
    {
        g_autoptr(BlockGraph) graph = block_graph_new();
        g_autoptr(BlockNode) node = open_three(graph, fails, "'vote-threshold': <int64 2>", events);

        assert_int_equal(block_node_write(node, 1024, "new", 3), 0);
        assert_string_equal(events->str, "QUORUM_REPORT_BAD c write 2 1;");
        assert_int_equal(block_node_read(block_graph_find(graph, "b"), 1024, &byte, 1), 0);
        assert_int_equal(byte, 'n');
    }
    g_string_truncate(events, 0);
    {
        g_autoptr(BlockGraph) graph = block_graph_new();
        g_autoptr(BlockNode) node = open_three(graph, fails, "'vote-threshold': <int64 3>", events);

        assert_int_equal(block_node_write(node, 0, "new", 3), -ENOSPC);
        assert_string_equal(events->str, "QUORUM_FAILURE k  0 1;");
    }
}

static void
test_a_child_is_replaced(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GString) events = g_string_new(NULL);
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(BlockNode) other = NULL;
    g_autoptr(BlockNode) longer = NULL;
    g_autoptr(GVariant) options = images_parse("{'driver': <'null-co'>, 'node-name': <'n'>, "
                                               "'size': <int64 %d>, 'read-zeroes': <true>}",
                                               LENGTH);
    g_autoptr(GVariant)
        longer_options = images_parse("{'driver': <'null-co'>, 'node-name': <'l'>}");
    BlockNode *a;

    fill("a", 'x');
    fill("b", 'x');
    fill("c", 'x');
    node = open_three(graph, "", "'vote-threshold': <int64 3>", events);
    other = block_graph_add(graph, options, NULL);
    longer = block_graph_add(graph, longer_options, NULL);
    a = block_graph_find(graph, "a");
    assert_false(quorum_node_replace_child(node, other, other));
    assert_false(quorum_node_replace_child(node, a, longer));
    assert_false(quorum_node_replace_child(a, a, other));
    assert_true(quorum_node_replace_child(node, a, other));
    assert_null(block_graph_find(graph, "a"));
    assert_int_equal(block_node_read(node, 0, &(char){0}, 1), -EIO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_the_majority_is_read_and_the_rest_told, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_what_was_voted_down_is_written_back, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_without_a_majority_reading_fails, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_the_first_that_answers_is_read, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_writing_needs_the_threshold, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(test_a_child_is_replaced, images_set_up, images_tear_down),
    };

    return cmocka_run_group_tests_name("block quorum", tests, NULL, NULL);
}
