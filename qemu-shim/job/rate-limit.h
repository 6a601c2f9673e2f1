/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Rate limit */

#include <glib.h>

/*
 * Each amount moves the time of the next one by what it takes at the allowed speed. Time that was
 * lost, by slow I/O or a late wake-up, is made good for up to RATE_LIMIT_SLACK_US; so the limit is
 * reached where the disk can, and over any span no more is moved than the limit allows in the span
 * and the slack, and one chunk. Times are passed in, in microseconds of any clock that does not go
 * back.
 */
#define RATE_LIMIT_SLACK_US (G_USEC_PER_SEC / 10)

typedef struct {
    guint64 speed_bps; /* 0: no limit */
    gint64 next_us;
} RateLimit;

/* Counts at once: what was moved and is not paid for yet delays no longer than before. */
void rate_limit_set_speed(RateLimit *limit, guint64 speed_bps, gint64 now_us);
/* Accounts for @bytes that were moved. */
void rate_limit_account(RateLimit *limit, guint64 bytes, gint64 now_us);
/* How long to wait before more is moved; 0: not at all. */
gint64 rate_limit_delay_us(const RateLimit *limit, gint64 now_us);
/* The largest amount that keeps pauses short; @most without a limit. A multiple of @unit, unless
 * @most is less. */
guint64 rate_limit_chunk(const RateLimit *limit, guint64 most, guint64 unit);
