/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rate limit tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qemu-shim/job/rate-limit.h"

#define MIB ((guint64)1024 * 1024)

/* Bytes that pass in ten seconds of a clock that does what the limit asks. */
static guint64
run_for_ten_seconds(guint64 speed_bps, guint64 unit)
{
    RateLimit limit = {0};
    gint64 now_us = 1000;
    guint64 moved = 0;

    rate_limit_set_speed(&limit, speed_bps, now_us);
    for (;;) {
        guint64 chunk = rate_limit_chunk(&limit, 4 * MIB, unit);

        now_us += rate_limit_delay_us(&limit, now_us);
        if (now_us > 1000 + 10 * G_USEC_PER_SEC)
            return moved;
        moved += chunk;
        rate_limit_account(&limit, chunk, now_us);
    }
}

static void
the_limit_holds_over_ten_seconds_at_any_speed(void **state)
{
    const guint64 speeds[] = {1 * MIB, 3 * MIB, 64 * MIB, 1000 * MIB};

    for (guint i = 0; i < G_N_ELEMENTS(speeds); i++) {
        guint64 moved = run_for_ten_seconds(speeds[i], 65536);

        assert_true(moved >= speeds[i] * 10 - speeds[i]);
        assert_true(moved <= speeds[i] * 10 + speeds[i]);
    }
}

static void
without_a_limit_nothing_waits(void **state)
{
    RateLimit limit = {0};

    rate_limit_account(&limit, G_MAXUINT64, 5);
    assert_int_equal(rate_limit_delay_us(&limit, 5), 0);
    assert_int_equal(rate_limit_chunk(&limit, 4 * MIB, 65536), 4 * MIB);
}

static void
a_new_speed_counts_at_once(void **state)
{
    RateLimit limit = {0};

    rate_limit_set_speed(&limit, 1, 0);
    rate_limit_account(&limit, MIB, 0);
    assert_true(rate_limit_delay_us(&limit, 0) > G_USEC_PER_SEC);
    rate_limit_set_speed(&limit, 0, 10);
    assert_int_equal(rate_limit_delay_us(&limit, 10), 0);
}

static void
chunks_are_whole_units_and_never_nothing(void **state)
{
    RateLimit limit = {.speed_bps = 1};

    assert_int_equal(rate_limit_chunk(&limit, 4 * MIB, 65536), 65536);
    limit.speed_bps = 10 * 100000;
    assert_int_equal(rate_limit_chunk(&limit, 4 * MIB, 65536), 65536);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_limit_holds_over_ten_seconds_at_any_speed),
        cmocka_unit_test(without_a_limit_nothing_waits),
        cmocka_unit_test(a_new_speed_counts_at_once),
        cmocka_unit_test(chunks_are_whole_units_and_never_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
