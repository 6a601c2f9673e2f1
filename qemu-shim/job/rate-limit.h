/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rate limit */

#include <glib.h>

/*
 * A bucket without a bottom: each amount moves the time of the next one by what it takes at the
 * allowed speed. There is no burst, so the limit holds over any span. Times are passed in, in
 * microseconds of any clock that does not go back.
 */
typedef struct {
    guint64 speed_bps; /* 0: no limit */
    gint64 next_us;
} RateLimit;

void rate_limit_set_speed(RateLimit *limit, guint64 speed_bps, gint64 now_us);
/* Accounts for @bytes that were moved. */
void rate_limit_account(RateLimit *limit, guint64 bytes, gint64 now_us);
/* How long to wait before more is moved; 0: not at all. */
gint64 rate_limit_delay_us(const RateLimit *limit, gint64 now_us);
/* The largest amount that keeps pauses short; @most without a limit. A multiple of @unit. */
guint64 rate_limit_chunk(const RateLimit *limit, guint64 most, guint64 unit);
