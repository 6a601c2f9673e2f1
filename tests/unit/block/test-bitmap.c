/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dirty bitmap tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/block/bitmap.h"

#define GRAIN  512u
#define LENGTH (200u * GRAIN + 7)

/* All dirty ranges, in grains: "1-3 7-8 ". */
static char *
list_ranges(BlockBitmap *bitmap, guint64 most)
{
    GString *text = g_string_new(NULL);
    guint64 offset = 0;
    guint64 length = 0;
    guint64 grain = block_bitmap_get_granularity(bitmap);

    while (block_bitmap_find(bitmap, offset + length, most, &offset, &length))
        g_string_append_printf(
            text, "%d-%d ", (int)(offset / grain), (int)((offset + length + grain - 1) / grain));
    return g_string_free(text, FALSE);
}

static void
assert_ranges(BlockBitmap *bitmap, const char *expected)
{
    g_autofree char *ranges = list_ranges(bitmap, G_MAXUINT64);

    assert_string_equal(ranges, expected);
}

static void
test_setting_takes_in_what_is_touched(void **state)
{
    g_autoptr(BlockBitmap) bitmap = block_bitmap_new(LENGTH, GRAIN);

    assert_ranges(bitmap, "");
    block_bitmap_set(bitmap, GRAIN + 1, 1);
    block_bitmap_set(bitmap, 3 * GRAIN - 1, 2);
    block_bitmap_set(bitmap, 60 * GRAIN, 70 * GRAIN);
    block_bitmap_set(bitmap, LENGTH - 1, 1);
    block_bitmap_set(bitmap, LENGTH, 5 * GRAIN);
    block_bitmap_set(bitmap, 5 * GRAIN, 0);
    assert_ranges(bitmap, "1-4 60-130 200-201 ");
    assert_int_equal(block_bitmap_count(bitmap), (3 + 70 + 1) * GRAIN);
    assert_true(block_bitmap_get(bitmap, LENGTH - 1));
    assert_false(block_bitmap_get(bitmap, LENGTH));
    assert_false(block_bitmap_get(bitmap, GRAIN - 1));
}

static void
test_clearing_leaves_what_is_only_touched(void **state)
{
    g_autoptr(BlockBitmap) bitmap = block_bitmap_new(LENGTH, GRAIN);

    block_bitmap_set(bitmap, 0, G_MAXUINT64);
    assert_int_equal(block_bitmap_count(bitmap), 201 * GRAIN);
    block_bitmap_clear(bitmap, 1, 3 * GRAIN - 1);
    assert_ranges(bitmap, "0-1 3-201 ");
    block_bitmap_clear(bitmap, 199 * GRAIN + 1, GRAIN + 6);
    assert_ranges(bitmap, "0-1 3-200 ");
    block_bitmap_clear(bitmap, 10 * GRAIN, GRAIN - 1);
    assert_ranges(bitmap, "0-1 3-200 ");
    block_bitmap_clear(bitmap, 0, G_MAXUINT64);
    assert_ranges(bitmap, "");
    assert_int_equal(block_bitmap_count(bitmap), 0);
}

static void
test_what_is_taken_is_clean(void **state)
{
    g_autoptr(BlockBitmap) bitmap = block_bitmap_new(LENGTH, GRAIN);
    g_autofree char *pieces = NULL;
    guint64 offset, length;

    block_bitmap_set(bitmap, 62 * GRAIN, 5 * GRAIN);
    pieces = list_ranges(bitmap, 2 * GRAIN + 1);
    assert_string_equal(pieces, "62-64 64-66 66-67 ");
    assert_true(block_bitmap_take(bitmap, 0, 2 * GRAIN, &offset, &length));
    assert_int_equal(offset, 62 * GRAIN);
    assert_int_equal(length, 2 * GRAIN);
    assert_true(block_bitmap_take(bitmap, 66 * GRAIN + 3, 1, &offset, &length));
    assert_int_equal(offset, 66 * GRAIN);
    assert_ranges(bitmap, "64-66 ");

    block_bitmap_set(bitmap, LENGTH - 1, 1);
    assert_true(block_bitmap_take(bitmap, 70 * GRAIN, GRAIN, &offset, &length));
    assert_int_equal(length, 7);
    assert_false(block_bitmap_take(bitmap, 66 * GRAIN, GRAIN, &offset, &length));
}

static void
test_a_merge_minds_the_granularity(void **state)
{
    g_autoptr(BlockBitmap) coarse = block_bitmap_new(LENGTH, 4 * GRAIN);
    g_autoptr(BlockBitmap) fine = block_bitmap_new(LENGTH, GRAIN);

    block_bitmap_set(fine, 5 * GRAIN, 4 * GRAIN);
    block_bitmap_merge(coarse, fine);
    assert_ranges(coarse, "1-3 ");
    block_bitmap_merge(fine, coarse);
    assert_ranges(fine, "4-12 ");
}

static void
test_a_bitmap_that_would_be_too_large_is_refused(void **state)
{
    assert_null(block_bitmap_new(G_MAXINT64, GRAIN));
    assert_null(block_bitmap_new(BLOCK_BITMAP_MAX_BYTES * G_GUINT64_CONSTANT(8) * GRAIN, GRAIN));
}

/* Against an array of bytes, so that no two of the words' edges agree by chance. */
static void
test_random_changes_agree_with_an_array(void **state)
{
    g_autoptr(BlockBitmap) bitmap = block_bitmap_new(LENGTH, GRAIN);
    g_autoptr(GRand) rand = g_rand_new_with_seed(20261121);
    guint8 dirty[201] = {0};

    for (guint i = 0; i < 5000; i++) {
        guint first = (guint)g_rand_int_range(rand, 0, 201);
        guint count = (guint)g_rand_int_range(rand, 0, 202 - (gint32)first);
        gboolean is_set = g_rand_boolean(rand);
        guint n_dirty = 0;

        memset(dirty + first, is_set, count);
        if (is_set)
            block_bitmap_set(bitmap, (guint64)first * GRAIN, (guint64)count * GRAIN);
        else
            block_bitmap_clear(bitmap, (guint64)first * GRAIN, (guint64)count * GRAIN);
        for (guint grain = 0; grain < 201; grain++) {
            assert_int_equal(block_bitmap_get(bitmap, (guint64)grain * GRAIN), dirty[grain]);
            n_dirty += dirty[grain];
        }
        assert_int_equal(block_bitmap_count(bitmap), n_dirty * GRAIN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setting_takes_in_what_is_touched),
        cmocka_unit_test(test_clearing_leaves_what_is_only_touched),
        cmocka_unit_test(test_what_is_taken_is_clean),
        cmocka_unit_test(test_a_merge_minds_the_granularity),
        cmocka_unit_test(test_a_bitmap_that_would_be_too_large_is_refused),
        cmocka_unit_test(test_random_changes_agree_with_an_array),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
