/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sparse number tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/block/qcow2/image.h"
#include "tests/unit/qcow2/memory-image.h"

#define TIB (G_GUINT64_CONSTANT(1) << 40)

static Qcow2Numbers *
load(IoFile *io, guint64 n_numbers)
{
    Qcow2Numbers *numbers = NULL;

    assert_int_equal(qcow2_numbers_load(io, 0, n_numbers, &numbers), 0);
    return numbers;
}

static void
all_that_is_in_the_file_is_read_at_every_length(void **state)
{
    static const guint64 lengths[] = {0, 1, 511, 512, 513, 8191, 8192, 8193, 20000};
    IoFile *io = io_file_new_memory(NULL, 0);

    assert_int_equal(io_file_truncate(io, 20000 * 8), 0);
    for (guint64 i = 0; i < 20000; i += 97)
        memory_image_put64(io, i * 8, i << 32 | 1);

    for (guint n = 0; n < G_N_ELEMENTS(lengths); n++) {
        g_autoptr(Qcow2Numbers) numbers = load(io, lengths[n]);

        for (guint64 i = 0; i < lengths[n]; i++)
            assert_true(qcow2_numbers_get(numbers, i) == (i % 97 == 0 ? i << 32 | 1 : 0));
    }
    io_file_close(io);
}

static void
numbers_are_found_in_order_and_none_is_left_out(void **state)
{
    static const guint64 places[] = {0, 1, 511, 512, 8192, 19999};
    IoFile *io = io_file_new_memory(NULL, 0);
    guint64 found = 0;

    assert_int_equal(io_file_truncate(io, 20000 * 8), 0);
    for (guint n = 0; n < G_N_ELEMENTS(places); n++)
        memory_image_put64(io, places[n] * 8, 5);

    g_autoptr(Qcow2Numbers) numbers = load(io, 20000);
    for (guint n = 0; n < G_N_ELEMENTS(places); n++) {
        found = qcow2_numbers_find(numbers, found);
        assert_int_equal(found++, places[n]);
    }
    assert_int_equal(qcow2_numbers_find(numbers, found), 20000);
    assert_int_equal(qcow2_numbers_find(numbers, 8191), 8192);
    assert_int_equal(qcow2_numbers_count_pages(numbers), 4);
    io_file_close(io);
}

static void
only_a_number_that_is_set_takes_memory(void **state)
{
    IoFile *io = io_file_new_memory(NULL, 0);
    g_autoptr(Qcow2Numbers) numbers = load(io, 4 * 1024 * 1024);

    assert_int_equal(qcow2_numbers_count_pages(numbers), 0);
    qcow2_numbers_set(numbers, 1000, 0);
    assert_int_equal(qcow2_numbers_count_pages(numbers), 0);
    qcow2_numbers_set(numbers, 1000, 7);
    qcow2_numbers_set(numbers, 1001, 8);
    assert_int_equal(qcow2_numbers_count_pages(numbers), 1);
    assert_int_equal(qcow2_numbers_get(numbers, 1000), 7);
    assert_int_equal(qcow2_numbers_get(numbers, 1001), 8);
    assert_int_equal(qcow2_numbers_get(numbers, 1002), 0);
    io_file_close(io);
}

static void
a_table_that_grows_keeps_what_it_has_and_the_rest_is_zero(void **state)
{
    IoFile *io = io_file_new_memory(NULL, 0);
    g_autoptr(Qcow2Numbers) numbers = load(io, 64);

    qcow2_numbers_set(numbers, 63, 9);
    assert_int_equal(qcow2_numbers_extend(numbers, 5000), 0);
    assert_int_equal(qcow2_numbers_get(numbers, 63), 9);
    assert_int_equal(qcow2_numbers_find(numbers, 64), 5000);
    qcow2_numbers_set(numbers, 4999, 4);
    assert_int_equal(qcow2_numbers_find(numbers, 64), 4999);
    io_file_close(io);
}

/* As in a chain whose layers are all one table of garbage. */
static void
tables_have_a_limit_together_and_what_is_closed_makes_room(void **state)
{
    const guint64 n_numbers = QCOW2_NUMBERS_LIMIT / 3 / 8;
    g_autofree guint8 *garbage = g_malloc(n_numbers * 8);
    Qcow2Numbers *tables[3] = {NULL};
    Qcow2Numbers *more = NULL;
    IoFile *io;

    memset(garbage, 0xff, n_numbers * 8);
    io = io_file_new_memory(garbage, n_numbers * 8);
    for (guint round = 0; round < 2; round++) {
        for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
            tables[i] = load(io, n_numbers);
        assert_int_equal(qcow2_numbers_load(io, 0, n_numbers, &more), -EDQUOT);
        assert_null(more);
        for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
            qcow2_numbers_free(tables[i]);
    }
    io_file_close(io);
}

/* The L1 table would be 320 KiB, in each of up to 200 layers. */
static void
a_disk_of_20_tib_holds_what_was_written_and_no_more(void **state)
{
    const Qcow2CreateOptions options = {.version = 3, .cluster_size = 65536, .size = 20 * TIB};
    IoFile *io = memory_image_create(&options);
    g_autoptr(GError) error = NULL;
    g_autoptr(Qcow2Image) image = qcow2_image_open(io, FALSE, &error);
    const char data[512] = "at the very end";
    char buffer[512] = "";
    BlockNode *node;

    assert_non_null(image);
    assert_int_equal(image->l1->n_numbers, 40960);
    assert_int_equal(qcow2_numbers_count_pages(image->l1), 0);
    g_clear_pointer(&image, qcow2_image_free);

    node = memory_image_open(io, FALSE, NULL, &error);
    assert_non_null(node);
    assert_int_equal(block_node_write(node, 20 * TIB - 512, data, sizeof(data)), 0);
    assert_int_equal(block_node_flush(node), 0);
    block_node_unref(node);
    assert_int_equal(memory_image_check(io), 0);

    image = qcow2_image_open(io, FALSE, &error);
    assert_non_null(image);
    assert_int_equal(qcow2_numbers_count_pages(image->l1), 1);
    node = memory_image_open(io, TRUE, NULL, &error);
    assert_non_null(node);
    assert_int_equal(block_node_read(node, 20 * TIB - 512, buffer, sizeof(buffer)), 0);
    assert_memory_equal(buffer, data, sizeof(data));
    block_node_unref(node);
    io_file_close(io);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_in_the_file_is_read_at_every_length),
        cmocka_unit_test(numbers_are_found_in_order_and_none_is_left_out),
        cmocka_unit_test(only_a_number_that_is_set_takes_memory),
        cmocka_unit_test(a_table_that_grows_keeps_what_it_has_and_the_rest_is_zero),
        cmocka_unit_test(tables_have_a_limit_together_and_what_is_closed_makes_room),
        cmocka_unit_test(a_disk_of_20_tib_holds_what_was_written_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
