/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Throttle limits */

#include "qemu-shim/block/options.h"

/*
 * How much may pass, as six leaky buckets. What passes fills those it counts for; each leaks its
 * rate. A bucket may hold a tenth of a second of its rate, or a burst: its burst rate for as many
 * seconds as the burst may last. While one holds more than that, nothing that counts for it passes;
 * so a request is let through whole, and it is those after it that wait.
 *
 * A value: the time is passed in.
 */
typedef enum {
    THROTTLE_BPS_TOTAL,
    THROTTLE_BPS_READ,
    THROTTLE_BPS_WRITE,
    THROTTLE_IOPS_TOTAL,
    THROTTLE_IOPS_READ,
    THROTTLE_IOPS_WRITE,
    THROTTLE_BUCKETS,
} ThrottleBucket;

typedef struct {
    gint64 rate; /* a second; 0: no limit */
    gint64 burst_rate;
    gint64 burst_length_s;
    double level;
    double burst_level; /* leaks the burst rate; where bursts last longer than a second */
} ThrottleLimit;

typedef struct {
    ThrottleLimit limits[THROTTLE_BUCKETS];
    gint64 request_bytes; /* larger requests count for several; 0: each counts as one */
    gint64 last_us;
} ThrottleLimits;

void throttle_limits_init(ThrottleLimits *limits);
/* Takes what ThrottleLimits of QMP has; @prefix goes before each name. What is not there stays. */
gboolean throttle_limits_take(ThrottleLimits *limits,
                              BlockOptions *options,
                              const char *prefix,
                              GError **error);
/* In QEMU's words, what does not fit together. */
gboolean throttle_limits_check(const ThrottleLimits *limits, GError **error);
/* ThrottleLimits of QMP, all of it; floating. */
GVariant *throttle_limits_describe(const ThrottleLimits *limits);

/* Microseconds until a request may pass; 0: now. */
gint64 throttle_limits_wait(ThrottleLimits *limits, gboolean is_write, gint64 now_us);
void throttle_limits_account(ThrottleLimits *limits, gboolean is_write, guint64 bytes);
