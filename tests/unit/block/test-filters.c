/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Filter tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/graph.h"
#include "qemu-shim/io/file.h"
#include "tests/unit/block/images.h"

#define CLUSTER 4096

static BlockNode *
add(BlockGraph *graph, const char *text, GError **error)
{
    g_autoptr(GVariant) options = images_parse("%s", text);

    return block_graph_add(graph, options, error);
}

static BlockNode *
must_add(BlockGraph *graph, const char *text)
{
    g_autoptr(GError) error = NULL;
    BlockNode *node = add(graph, text, &error);

    if (node == NULL)
        fail_msg("%s", error->message);
    return node;
}

static void
add_image(BlockGraph *graph, const char *name)
{
    g_autoptr(GVariant) options = images_options(name, name);
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = block_graph_add(graph, options, &error);

    if (node == NULL)
        fail_msg("%s", error->message);
}

static void
write_image(const char *name, guint64 offset, const char *text)
{
    g_autoptr(BlockGraph) graph = block_graph_new();

    add_image(graph, name);
    assert_int_equal(block_node_write(block_graph_find(graph, name), offset, text, strlen(text)),
                     0);
    assert_int_equal(block_node_flush(block_graph_find(graph, name)), 0);
}

static void
assert_status(BlockGraph *graph, const char *name, guint64 offset, BlockStatus wanted)
{
    BlockStatus what;
    guint64 length;

    assert_int_equal(
        block_node_get_status(block_graph_find(graph, name), offset, 1, &what, &length), 0);
    assert_int_equal(what, wanted);
}

static void
make_chain(void)
{
    images_create("base", NULL, NULL);
    write_image("base", 0, "base");
    images_create("middle", "base", "qcow2");
    write_image("middle", 4 * CLUSTER, "middle");
    images_create("top", "middle", "qcow2");
    write_image("top", 8 * CLUSTER, "top");
}

static void
test_what_is_read_from_below_is_copied(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    char buffer[6];

    make_chain();
    add_image(graph, "top");
    node = must_add(graph, "{'driver': <'copy-on-read'>, 'node-name': <'c'>, 'file': <'top'>}");
    assert_int_equal(block_node_read(node, 4 * CLUSTER, buffer, 6), 0);
    assert_memory_equal(buffer, "middle", 6);

    assert_status(graph, "top", 5 * CLUSTER - 1, BLOCK_STATUS_DATA);
    assert_status(graph, "top", 0, BLOCK_STATUS_UNALLOCATED);
    assert_status(graph, "top", 5 * CLUSTER, BLOCK_STATUS_UNALLOCATED);
    /* Zeros are copied as zeros. */
    assert_int_equal(block_node_read(node, 12 * CLUSTER, buffer, 6), 0);
    assert_status(graph, "top", 12 * CLUSTER, BLOCK_STATUS_ZERO);
}

static void
test_below_the_bottom_nothing_is_copied(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GVariant) options = NULL;
    g_autoptr(GError) error = NULL;
    char buffer[6];

    make_chain();
    add_image(graph, "top");
    assert_null(add(graph,
                    "{'driver': <'copy-on-read'>, 'node-name': <'c'>, 'file': <'top'>, 'bottom': "
                    "<'none'>}",
                    &error));
    images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, "Bottom node 'none' not found");
    options = images_parse(
        "{'driver': <'copy-on-read'>, 'node-name': <'c'>, 'file': <'top'>, 'bottom': <'%s'>}",
        block_node_get_name(block_node_get_backing(block_graph_find(graph, "top"))));
    node = block_graph_add(graph, options, NULL);
    assert_non_null(node);
    assert_int_equal(block_node_read(node, 0, buffer, 4), 0);
    assert_memory_equal(buffer, "base", 4);
    assert_status(graph, "top", 0, BLOCK_STATUS_UNALLOCATED);
    assert_int_equal(block_node_read(node, 4 * CLUSTER, buffer, 6), 0);
    assert_memory_equal(buffer, "middle", 6);
    assert_status(graph, "top", 4 * CLUSTER, BLOCK_STATUS_DATA);
}

static void
test_a_filter_for_reading_copies_nothing(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    char buffer[4];

    make_chain();
    add_image(graph, "top");
    node = must_add(graph,
                    "{'driver': <'copy-on-read'>, 'node-name': <'c'>, 'read-only': <true>, "
                    "'file': <'top'>}");
    assert_int_equal(block_node_read(node, 0, buffer, 4), 0);
    assert_memory_equal(buffer, "base", 4);
    assert_status(graph, "top", 0, BLOCK_STATUS_UNALLOCATED);
    assert_int_equal(block_node_write(node, 0, "x", 1), -EROFS);
}

static void
test_a_window_on_a_chain_reads_through_it(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    char buffer[7];

    make_chain();
    add_image(graph, "top");
    node = must_add(graph,
                    "{'driver': <'raw'>, 'node-name': <'w'>, 'file': <'top'>, 'offset': <int64 "
                    "16384>, 'size': <int64 20480>}");
    assert_int_equal(block_node_get_length(node), 20480);
    assert_int_equal(block_node_read(node, 0, buffer, 6), 0);
    assert_memory_equal(buffer, "middle", 6);
    assert_int_equal(block_node_write(node, 100, "written", 7), 0);
    assert_int_equal(block_node_write(node, 20480, "x", 1), -EINVAL);
    assert_int_equal(block_node_resize(node, 4096), -ENOTSUP);
    assert_int_equal(block_node_read(block_graph_find(graph, "top"), 16484, buffer, 7), 0);
    assert_memory_equal(buffer, "written", 7);
}

static void
test_two_cannot_write_one_node_through_filters(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) first = NULL;
    g_autoptr(GError) error = NULL;

    block_node_unref(must_add(graph, "{'driver': <'null-co'>, 'node-name': <'n'>}"));
    block_node_unref(
        must_add(graph, "{'driver': <'copy-on-read'>, 'node-name': <'a'>, 'file': <'n'>}"));
    block_node_unref(
        must_add(graph, "{'driver': <'copy-on-read'>, 'node-name': <'b'>, 'file': <'n'>}"));
    first = must_add(graph, "{'driver': <'raw'>, 'node-name': <'r'>, 'file': <'a'>}");
    assert_null(add(graph, "{'driver': <'raw'>, 'node-name': <'s'>, 'file': <'b'>}", &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "is already used by r");
}

static void
test_what_cannot_compress_is_told(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;

    block_node_unref(must_add(graph, "{'driver': <'null-co'>, 'node-name': <'n'>}"));
    assert_null(add(graph, "{'driver': <'compress'>, 'node-name': <'c'>, 'file': <'n'>}", &error));
    images_assert_error(error,
                        VBLK_ERROR_OPERATION_UNSUPPORTED,
                        "Compression is not supported for underlying format: null-co");
}

static void
test_what_is_written_through_is_packed(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autofree char *path = images_path("base");
    char buffer[4];
    guint64 offset, length, before = 0, after = 0;
    IoFile *file = NULL;

    images_create("base", NULL, NULL);
    add_image(graph, "base");
    node = must_add(graph, "{'driver': <'compress'>, 'node-name': <'c'>, 'file': <'base'>}");
    assert_int_equal(block_node_write(node, CLUSTER - 2, "abcd", 4), 0);
    assert_int_equal(block_node_read(node, CLUSTER - 2, buffer, 4), 0);
    assert_memory_equal(buffer, "abcd", 4);
    /* All that follow find room in the cluster that the first of them took. */
    assert_int_equal(io_file_open(path, IO_OPEN_READ_ONLY, &file), 0);
    assert_int_equal(io_file_get_length(file, &before), 0);
    for (offset = 2 * CLUSTER; offset < 12 * CLUSTER; offset += CLUSTER)
        assert_int_equal(block_node_write(node, offset, "text", 4), 0);
    assert_int_equal(block_node_flush(node), 0);
    assert_int_equal(io_file_get_length(file, &after), 0);
    io_file_close(file);
    assert_true(after <= before + 3 * CLUSTER);

    /* Written over and over, and by others than the filter. */
    assert_int_equal(block_node_write(node, 3 * CLUSTER, "next", 4), 0);
    assert_int_equal(block_node_write(block_graph_find(graph, "base"), 4 * CLUSTER + 1, "plain", 5),
                     0);
    assert_int_equal(block_node_read(node, 3 * CLUSTER, buffer, 4), 0);
    assert_memory_equal(buffer, "next", 4);
    assert_int_equal(block_node_read(node, 4 * CLUSTER, buffer, 4), 0);
    assert_memory_equal(buffer, "tpla", 4);
    assert_int_equal(block_node_read(node, 5 * CLUSTER, buffer, 4), 0);
    assert_memory_equal(buffer, "text", 4);
    length = block_node_get_length(node);
    assert_int_equal(block_node_write(node, length - 4, "last", 4), 0);
    assert_int_equal(block_node_read(node, length - 4, buffer, 4), 0);
    assert_memory_equal(buffer, "last", 4);
}

static void
test_zeros_are_found_where_that_is_asked(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autofree char *path = images_path("base");
    g_autoptr(GVariant) options = images_parse(
        "{'driver': <'qcow2'>, 'node-name': <'q'>, 'detect-zeroes': <'on'>, 'file': <{'driver': "
        "<'file'>, 'filename': <'%s'>}>}",
        path);
    char zeros[CLUSTER] = {0};

    images_create("base", NULL, NULL);
    node = block_graph_add(graph, options, NULL);
    assert_non_null(node);
    assert_int_equal(block_node_write(node, 0, "data", 4), 0);
    assert_status(graph, "q", 0, BLOCK_STATUS_DATA);
    assert_int_equal(block_node_write(node, 0, zeros, CLUSTER), 0);
    assert_status(graph, "q", 0, BLOCK_STATUS_ZERO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_what_is_read_from_below_is_copied, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_below_the_bottom_nothing_is_copied, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_filter_for_reading_copies_nothing, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_window_on_a_chain_reads_through_it, images_set_up, images_tear_down),
        cmocka_unit_test(test_two_cannot_write_one_node_through_filters),
        cmocka_unit_test(test_what_cannot_compress_is_told),
        cmocka_unit_test_setup_teardown(
            test_zeros_are_found_where_that_is_asked, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_what_is_written_through_is_packed, images_set_up, images_tear_down),
    };

    return cmocka_run_group_tests_name("block filters", tests, NULL, NULL);
}
