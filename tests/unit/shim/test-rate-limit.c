/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rate limit tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qemu-shim/job/rate-limit.h"

#define SECOND  ((gint64)G_USEC_PER_SEC)
#define CLUSTER (64u * 1024)
#define MOST    (4u * 1024 * 1024)

/* A job that waits as it is told and whose disk needs @io_us for each chunk. */
static guint64
run_for(RateLimit *limit, gint64 *now_us, gint64 span_us, gint64 io_us)
{
    gint64 end_us = *now_us + span_us;
    guint64 moved = 0;

    for (;;) {
        guint64 chunk = rate_limit_chunk(limit, MOST, CLUSTER);

        *now_us += rate_limit_delay_us(limit, *now_us);
        if (*now_us + io_us > end_us)
            break;
        *now_us += io_us;
        rate_limit_account(limit, chunk, *now_us);
        moved += chunk;
    }

    *now_us = end_us;
    return moved;
}

static void
assert_within_a_tenth(guint64 value, guint64 wanted)
{
    assert_in_range(value, wanted - wanted / 10, wanted + wanted / 10);
}

static void
test_the_limit_holds_over_ten_seconds_at_any_speed(void **state)
{
    for (guint64 speed = CLUSTER; speed < G_GUINT64_CONSTANT(1) << 33; speed += speed / 3) {
        RateLimit limit = {0};
        gint64 now_us = 77;

        rate_limit_set_speed(&limit, speed, now_us);
        /* One chunk more than the share of the span, where a chunk is much. */
        assert_in_range(run_for(&limit, &now_us, 10 * SECOND, 0),
                        speed * 10 - speed,
                        speed * 10 + MAX(speed, CLUSTER));
    }
}

static void
test_time_that_the_disk_needs_is_not_lost(void **state)
{
    RateLimit limit = {0};
    gint64 now_us = 0;

    /* 40 MB/s in chunks of 2 MB: twenty a second, of which the disk takes four fifths. */
    rate_limit_set_speed(&limit, 40000000, now_us);
    assert_within_a_tenth(run_for(&limit, &now_us, 10 * SECOND, 40000), 400000000);
}

static void
test_a_new_speed_counts_at_once(void **state)
{
    static const guint64 speeds[] = {10000000, 200000000, 1000000, 50000000};
    RateLimit limit = {0};
    gint64 now_us = 0;

    for (guint i = 0; i < G_N_ELEMENTS(speeds); i++) {
        rate_limit_set_speed(&limit, speeds[i], now_us);
        assert_within_a_tenth(run_for(&limit, &now_us, 10 * SECOND, 0), speeds[i] * 10);
    }
}

static void
test_what_is_owed_is_paid_at_the_new_speed(void **state)
{
    RateLimit limit = {0};

    rate_limit_set_speed(&limit, 1, 0);
    rate_limit_account(&limit, 1000000, 0);
    assert_true(rate_limit_delay_us(&limit, 0) > 900000 * SECOND);

    rate_limit_set_speed(&limit, 1000000, 0);
    assert_in_range(rate_limit_delay_us(&limit, 0), SECOND - SECOND / 10, SECOND);
    rate_limit_set_speed(&limit, 0, 0);
    assert_int_equal(rate_limit_delay_us(&limit, 0), 0);
}

static void
test_a_slower_job_does_not_pay_at_length_for_what_it_moved_fast(void **state)
{
    RateLimit limit = {0};

    rate_limit_set_speed(&limit, 50000000, 0);
    rate_limit_account(&limit, 2500000, 0);
    assert_int_equal(rate_limit_delay_us(&limit, 0), SECOND / 20);
    rate_limit_set_speed(&limit, 1000, 0);
    assert_int_equal(rate_limit_delay_us(&limit, 0), SECOND / 20);
}

static void
test_a_pause_saves_up_no_more_than_the_slack(void **state)
{
    RateLimit limit = {0};

    rate_limit_set_speed(&limit, 1000000, 0);
    rate_limit_account(&limit, 500000, 100 * SECOND);
    assert_int_equal(rate_limit_delay_us(&limit, 100 * SECOND), SECOND / 2 - RATE_LIMIT_SLACK_US);
}

static void
test_without_a_limit_nothing_waits(void **state)
{
    RateLimit limit = {0};

    rate_limit_account(&limit, G_MAXUINT64, 5);
    assert_int_equal(rate_limit_delay_us(&limit, 5), 0);
    assert_int_equal(rate_limit_chunk(&limit, MOST, CLUSTER), MOST);
}

static void
test_chunks_are_whole_units_and_no_more_than_asked(void **state)
{
    RateLimit limit = {0};

    for (guint64 speed = 1; speed < G_MAXINT64 / 3; speed *= 3) {
        guint64 chunk;

        rate_limit_set_speed(&limit, speed, 0);
        chunk = rate_limit_chunk(&limit, MOST, CLUSTER);
        assert_int_equal(chunk % CLUSTER, 0);
        assert_in_range(chunk, CLUSTER, MOST);
        assert_int_equal(rate_limit_chunk(&limit, 1000, CLUSTER), 1000);
    }
}

static void
test_the_largest_numbers_do_not_overflow(void **state)
{
    RateLimit limit = {0};

    rate_limit_set_speed(&limit, 1, G_MAXINT64 / 8);
    for (guint i = 0; i < 10; i++)
        rate_limit_account(&limit, G_MAXUINT64, G_MAXINT64 / 8);
    assert_true(rate_limit_delay_us(&limit, G_MAXINT64 / 8) > 0);

    rate_limit_set_speed(&limit, G_MAXUINT64, G_MAXINT64 / 8);
    assert_true(rate_limit_delay_us(&limit, G_MAXINT64 / 8) >= 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_limit_holds_over_ten_seconds_at_any_speed),
        cmocka_unit_test(test_time_that_the_disk_needs_is_not_lost),
        cmocka_unit_test(test_a_new_speed_counts_at_once),
        cmocka_unit_test(test_what_is_owed_is_paid_at_the_new_speed),
        cmocka_unit_test(test_a_slower_job_does_not_pay_at_length_for_what_it_moved_fast),
        cmocka_unit_test(test_a_pause_saves_up_no_more_than_the_slack),
        cmocka_unit_test(test_without_a_limit_nothing_waits),
        cmocka_unit_test(test_chunks_are_whole_units_and_no_more_than_asked),
        cmocka_unit_test(test_the_largest_numbers_do_not_overflow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
