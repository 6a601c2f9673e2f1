/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block node tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/node.h"
#include "qemu-shim/block/watcher.h"

/*
 * A layer of one byte for each block of 4: '.' is unallocated, '0' zeros, a letter is that letter.
 * So a chain is a few words, and what it reads as is seen at once.
 */
#define BLOCK 4

static guint reads; /* calls of the driver */

static void
toy_close(BlockNode *node)
{
    g_free(node->state);
}

static int
toy_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    const char *blocks = node->state;

    reads++;
    for (gsize i = 0; i < length; i++) {
        char block = blocks[(offset + i) / BLOCK];

        assert_true(g_ascii_isalpha(block));
        ((char *)buffer)[i] = block;
    }

    return 0;
}

static int
toy_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return 0;
}

static BlockStatus
status_of(char block)
{
    if (block == '.')
        return BLOCK_STATUS_UNALLOCATED;
    return block == '0' ? BLOCK_STATUS_ZERO : BLOCK_STATUS_DATA;
}

static int
toy_get_status(BlockNode *node,
               guint64 offset,
               guint64 length,
               BlockStatus *ret_status,
               guint64 *ret_length)
{
    const char *blocks = node->state;
    guint64 end = offset;

    *ret_status = status_of(blocks[offset / BLOCK]);
    while (end < offset + length && status_of(blocks[end / BLOCK]) == *ret_status)
        end++;
    *ret_length = end - offset;
    return 0;
}

static int
toy_flush(BlockNode *node)
{
    return 0;
}

static const BlockDriver toy_driver = {
    .name = "toy",
    .is_format = TRUE,
    .has_backing = TRUE,
    .close = toy_close,
    .read = toy_read,
    .write = toy_write,
    .populate = toy_write,
    .flush = toy_flush,
    .get_status = toy_get_status,
};

/* Takes @backing. */
static BlockNode *
toy_new(const char *blocks, BlockNode *backing)
{
    BlockNode *node = block_node_new(&toy_driver, blocks, NULL);

    node->state = g_strdup(blocks);
    node->length = strlen(blocks) * BLOCK;
    node->name = g_strdup(blocks);
    block_node_set_backing(node, backing);
    block_node_unref(backing);
    return node;
}

/* What @node reads as from @offset, a character for each byte, '0' for zero. */
static void
assert_reads(BlockNode *node, guint64 offset, const char *expected)
{
    gsize length = strlen(expected);
    g_autofree char *buffer = g_strnfill(length, '?');

    assert_int_equal(block_node_read(node, offset, buffer, length), 0);
    for (gsize i = 0; i < length; i++)
        buffer[i] = buffer[i] == 0 ? '0' : buffer[i];
    assert_string_equal(buffer, expected);
}

static void
test_a_read_is_composed_of_all_layers(void **state)
{
    g_autoptr(BlockNode) top = toy_new("a..0.", toy_new(".b.b.", toy_new("ccccc", NULL)));

    assert_reads(top, 0, "aaaabbbbcccc0000cccc");
    assert_reads(top, 3, "abbbbc");
    assert_reads(top, 19, "c");
}

static void
test_past_the_end_of_a_short_layer_there_are_zeros(void **state)
{
    g_autoptr(BlockNode) top = toy_new(".....", toy_new("..", toy_new("ccccc", NULL)));
    g_autoptr(BlockNode) alone = toy_new("a..", NULL);
    char buffer[8];

    assert_reads(top, 0, "cccccccc000000000000");
    assert_reads(alone, 0, "aaaa00000000");
    memset(buffer, 'x', sizeof(buffer));
    assert_int_equal(block_node_read_backing(alone, 1000, buffer, sizeof(buffer)), 0);
    assert_memory_equal(buffer, "\0\0\0\0\0\0\0\0", 8);
}

static void
test_neighbours_are_one_read(void **state)
{
    g_autoptr(BlockNode) top = toy_new("....", toy_new("abcd", NULL));

    reads = 0;
    assert_reads(top, 0, "aaaabbbbccccdddd");
    assert_int_equal(reads, 1);
}

static void
test_the_status_above_a_base_says_what_must_be_copied(void **state)
{
    g_autoptr(BlockNode) top = toy_new("....0.", toy_new("b...", toy_new("cccccc", NULL)));
    BlockNode *middle = block_node_get_backing(top);
    BlockNode *base = block_node_get_backing(middle);
    static const struct {
        guint64 offset, length;
        BlockStatus status;
        guint64 extent;
    } table[] = {
        {0, 24, BLOCK_STATUS_DATA, 4},
        {4, 20, BLOCK_STATUS_UNALLOCATED, 12},
        {16, 8, BLOCK_STATUS_ZERO, 4},
        /* The middle ends here: the base shows through for nobody. */
        {20, 4, BLOCK_STATUS_ZERO, 4},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        BlockStatus status;
        guint64 extent;

        assert_int_equal(block_node_get_status_above(
                             top, base, table[i].offset, table[i].length, &status, &extent),
                         0);
        assert_int_equal(status, table[i].status);
        assert_int_equal(extent, table[i].extent);
    }
}

static void
test_ranges_outside_are_refused(void **state)
{
    g_autoptr(BlockNode) node = toy_new("ab", NULL);
    BlockStatus status;
    guint64 length;
    char buffer[16] = {0};

    assert_int_equal(block_node_read(node, 0, buffer, 9), -EINVAL);
    assert_int_equal(block_node_read(node, 9, buffer, 0), -EINVAL);
    assert_int_equal(block_node_read(node, 8, buffer, 0), 0);
    assert_int_equal(block_node_read(node, G_MAXUINT64, buffer, 2), -EINVAL);
    assert_int_equal(block_node_write(node, 7, buffer, 2), -EINVAL);
    assert_int_equal(block_node_populate(node, G_MAXUINT64 - 1, buffer, 8), -EINVAL);
    assert_int_equal(block_node_get_status(node, 0, 9, &status, &length), -EINVAL);
    assert_int_equal(block_node_write(node, 0, buffer, 8), 0);
}

static void
test_a_read_only_node_is_not_written(void **state)
{
    g_autoptr(BlockNode) node = toy_new("ab", NULL);

    node->is_read_only = TRUE;
    assert_int_equal(block_node_write(node, 0, "xxxx", 4), -EROFS);
    assert_int_equal(block_node_write_zeroes(node, 0, 4), -EROFS);
    assert_int_equal(block_node_populate(node, 0, "xxxx", 4), -EROFS);
    assert_int_equal(block_node_populate_zeroes(node, 0, 4), -EROFS);
    assert_int_equal(block_node_change_backing_name(node, NULL, NULL), -EROFS);
    assert_int_equal(block_node_flush(node), 0);
    node->is_read_only = FALSE;
    assert_int_equal(block_node_write_zeroes(node, 0, 4), -ENOTSUP);
}

/* Readers on one thread while the chain is shortened on another must see the same bytes. */
static gpointer
read_for_ever(gpointer data)
{
    BlockNode *top = data;

    for (guint i = 0; i < 20000; i++) {
        char buffer[8];

        g_assert(block_node_read(top, 0, buffer, sizeof(buffer)) == 0);
        g_assert(memcmp(buffer, "ccccdddd", 8) == 0);
    }

    return NULL;
}

static void
test_a_backing_node_may_be_exchanged_under_a_reader(void **state)
{
    g_autoptr(BlockNode) base = toy_new("cd", NULL);
    g_autoptr(BlockNode) top = toy_new("..", toy_new("..", block_node_ref(base)));
    GThread *reader = g_thread_new("reader", read_for_ever, top);

    for (guint i = 0; i < 2000; i++) {
        g_autoptr(BlockNode) middle = toy_new("..", block_node_ref(base));

        block_node_set_backing(top, i % 2 == 0 ? base : middle);
    }

    g_thread_join(reader);
}

/* Writes down what it is told, and refuses where it is to. */
typedef struct {
    GString *log;
    int refusal;
} Watch;

static int
note_before(gpointer user_data, guint64 offset, guint64 length)
{
    Watch *watch = user_data;

    g_string_append_printf(watch->log, "[%d+%d ", (int)offset, (int)length);
    return watch->refusal;
}

static void
note_after(gpointer user_data, guint64 offset, guint64 length)
{
    Watch *watch = user_data;

    g_string_append_printf(watch->log, "%d+%d]", (int)offset, (int)length);
}

static const BlockWatcherOps watch_ops = {.before_write = note_before, .after_write = note_after};

static void
test_a_watcher_hears_of_writes_and_may_refuse_them(void **state)
{
    g_autoptr(BlockNode) node = toy_new("ab", NULL);
    g_autoptr(GString) log = g_string_new(NULL);
    Watch watch = {.log = log};
    BlockWatcher *watcher = block_node_add_watcher(node, &watch_ops, &watch);

    assert_int_equal(block_node_write(node, 1, "xxx", 3), 0);
    assert_int_equal(block_node_discard(node, 0, 8), 0);
    assert_int_equal(block_node_populate(node, 0, "xxxx", 4), 0);
    assert_int_equal(block_node_write(node, 9, "x", 1), -EINVAL);
    assert_string_equal(log->str, "[1+3 1+3][0+8 0+8]");

    watch.refusal = -ENOSPC;
    assert_int_equal(block_node_write(node, 0, "xx", 2), -ENOSPC);
    assert_string_equal(log->str, "[1+3 1+3][0+8 0+8][0+2 ");

    block_node_remove_watcher(node, watcher);
    assert_int_equal(block_node_write(node, 0, "xx", 2), 0);
    assert_string_equal(log->str, "[1+3 1+3][0+8 0+8][0+2 ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_is_composed_of_all_layers),
        cmocka_unit_test(test_past_the_end_of_a_short_layer_there_are_zeros),
        cmocka_unit_test(test_neighbours_are_one_read),
        cmocka_unit_test(test_the_status_above_a_base_says_what_must_be_copied),
        cmocka_unit_test(test_ranges_outside_are_refused),
        cmocka_unit_test(test_a_read_only_node_is_not_written),
        cmocka_unit_test(test_a_watcher_hears_of_writes_and_may_refuse_them),
        cmocka_unit_test(test_a_backing_node_may_be_exchanged_under_a_reader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
