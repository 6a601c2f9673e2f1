/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Rate limit */

#include "qemu-shim/job/rate-limit.h"

#define CHUNKS_PER_SECOND 10

void
rate_limit_set_speed(RateLimit *limit, guint64 speed_bps, gint64 now_us)
{
    limit->speed_bps = speed_bps;
    limit->next_us = now_us;
}

void
rate_limit_account(RateLimit *limit, guint64 bytes, gint64 now_us)
{
    double span_us;

    if (limit->speed_bps == 0)
        return;

    span_us = (double)bytes * G_USEC_PER_SEC / (double)limit->speed_bps;
    limit->next_us = MAX(limit->next_us, now_us) + (gint64)MIN(span_us, 1e15);
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

    return MAX(wanted / unit, 1) * unit;
}
