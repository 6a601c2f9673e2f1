/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packed count tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/block/qcow2/counts.h"

#define BLOCK_BYTES 512

static guint64
greatest(guint order)
{
    return order == 6 ? G_MAXUINT64 : (G_GUINT64_CONSTANT(1) << (1u << order)) - 1;
}

/* Each number may have any value, and keeps it whatever its neighbours become. */
static void
numbers_do_not_touch_each_other(void **state)
{
    for (guint order = 0; order <= QCOW2_MAX_REFCOUNT_ORDER; order++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(order);
        guint n_counts = BLOCK_BYTES * 8 >> order;
        g_autofree guint64 *model = g_new0(guint64, n_counts);
        guint8 block[BLOCK_BYTES] = {0};

        for (guint i = 0; i < 5000; i++) {
            guint index = (guint)g_rand_int_range(rand, 0, (gint32)n_counts);
            guint64 count = ((guint64)g_rand_int(rand) << 32 | g_rand_int(rand)) & greatest(order);

            qcow2_counts_set(block, order, index, count);
            model[index] = count;
            if (i % 100 == 0)
                for (guint n = 0; n < n_counts; n++)
                    assert_true(qcow2_counts_get(block, order, n) == model[n]);
        }
    }
}

static void
small_ones_fill_a_byte_from_below_and_large_ones_are_big_endian(void **state)
{
    guint8 block[16] = {0};

    qcow2_counts_set(block, 0, 9, 1);
    assert_int_equal(block[1], 0x02);
    qcow2_counts_set(block, 1, 1, 3);
    assert_int_equal(block[0], 0x0c);
    qcow2_counts_set(block, 2, 5, 0xa);
    assert_int_equal(block[2], 0xa0);
    qcow2_counts_set(block, 3, 3, 0x7f);
    assert_int_equal(block[3], 0x7f);
    qcow2_counts_set(block, 4, 2, 0x1234);
    assert_memory_equal(block + 4, "\x12\x34", 2);
    qcow2_counts_set(block, 5, 2, 0x12345678);
    assert_memory_equal(block + 8, "\x12\x34\x56\x78", 4);
    qcow2_counts_set(block, 6, 1, G_GUINT64_CONSTANT(0xfedcba9876543210));
    assert_memory_equal(block + 8, "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_do_not_touch_each_other),
        cmocka_unit_test(small_ones_fill_a_byte_from_below_and_large_ones_are_big_endian),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
