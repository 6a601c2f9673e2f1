/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rate limit */

#include "qemu-shim/job/rate-limit.h"

#define CHUNKS_PER_SECOND 20

/* Far enough for any amount, near enough not to overflow when added up. */
#define MAX_SPAN_US ((double)G_MAXINT64 / 4)

static gint64
get_span_us(double bytes, guint64 speed_bps)
{
    return (gint64)MIN(bytes * G_USEC_PER_SEC / (double)speed_bps, MAX_SPAN_US);
}

void
rate_limit_set_speed(RateLimit *limit, guint64 speed_bps, gint64 now_us)
{
    gint64 delay_us = rate_limit_delay_us(limit, now_us);
    double unpaid_bytes = (double)delay_us / G_USEC_PER_SEC * (double)limit->speed_bps;

    /* A slower job pays by the clock what it moved fast, a faster one by the byte. */
    if (speed_bps != 0)
        delay_us = MIN(delay_us, get_span_us(unpaid_bytes, speed_bps));
    limit->speed_bps = speed_bps;
    limit->next_us = now_us + delay_us;
}

void
rate_limit_account(RateLimit *limit, guint64 bytes, gint64 now_us)
{
    gint64 from_us = MAX(limit->next_us, now_us - RATE_LIMIT_SLACK_US);

    if (limit->speed_bps == 0 || bytes == 0)
        return;

    limit->next_us = MIN(from_us, G_MAXINT64 / 2) + get_span_us((double)bytes, limit->speed_bps);
}

gint64
rate_limit_delay_us(const RateLimit *limit, gint64 now_us)
{
    return limit->speed_bps == 0 ? 0 : MAX(limit->next_us - now_us, 0);
}

guint64
rate_limit_chunk(const RateLimit *limit, guint64 most, guint64 unit)
{
    guint64 wanted = limit->speed_bps == 0 ? most : MIN(most, limit->speed_bps / CHUNKS_PER_SECOND);

    return MIN(MAX(wanted / unit, 1) * unit, most);
}
