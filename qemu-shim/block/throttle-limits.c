/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Throttle limits */

#include "qemu-shim/block/throttle-limits.h"

#include "api/vblk-error.h"

#define MAX_RATE ((gint64)1000000000000000)

/* Who waits asks again after that. */
#define MAX_WAIT_S 3600.0

/* Without a burst a bucket holds a tenth of a second. */
#define SHARE_WITHOUT_BURST 10.0

static const char *const bucket_names[THROTTLE_BUCKETS] =
    {"bps-total", "bps-read", "bps-write", "iops-total", "iops-read", "iops-write"};

void
throttle_limits_init(ThrottleLimits *limits)
{
    *limits = (ThrottleLimits){.request_bytes = 0};
    for (guint i = 0; i < THROTTLE_BUCKETS; i++)
        limits->limits[i].burst_length_s = 1;
}

static gboolean
take_number(BlockOptions *options,
            const char *prefix,
            const char *name,
            const char *suffix,
            gint64 *ret_value,
            GError **error)
{
    g_autofree char *key = g_strconcat(prefix, name, suffix, NULL);

    return block_options_take_integer(options, key, G_MININT64, G_MAXINT64, ret_value, error);
}

gboolean
throttle_limits_take(ThrottleLimits *limits,
                     BlockOptions *options,
                     const char *prefix,
                     GError **error)
{
    for (guint i = 0; i < THROTTLE_BUCKETS; i++) {
        ThrottleLimit *limit = &limits->limits[i];

        if (!take_number(options, prefix, bucket_names[i], "", &limit->rate, error) ||
            !take_number(options, prefix, bucket_names[i], "-max", &limit->burst_rate, error) ||
            !take_number(
                options, prefix, bucket_names[i], "-max-length", &limit->burst_length_s, error))
            return FALSE;
    }

    return take_number(options, prefix, "iops-size", "", &limits->request_bytes, error);
}

static gboolean
is_mixed(const ThrottleLimit *total, const ThrottleLimit *read, const ThrottleLimit *write)
{
    return (total->rate != 0 && (read->rate != 0 || write->rate != 0)) ||
           (total->burst_rate != 0 && (read->burst_rate != 0 || write->burst_rate != 0));
}

static const char *
find_misfit(const ThrottleLimit *limit)
{
    if (limit->rate < 0 || limit->burst_rate < 0 || limit->rate > MAX_RATE ||
        limit->burst_rate > MAX_RATE)
        return "bps/iops/max values must be within [0, 1000000000000000]";
    if (limit->burst_length_s <= 0)
        return "the burst length cannot be 0";
    if (limit->burst_length_s > 1 && limit->burst_rate == 0)
        return "burst length set without burst rate";
    if (limit->burst_rate > 0 && limit->burst_length_s > MAX_RATE / limit->burst_rate)
        return "burst length too high for this burst rate";
    if (limit->burst_rate > 0 && limit->rate == 0)
        return "bps_max/iops_max require corresponding bps/iops values";
    if (limit->burst_rate > 0 && limit->burst_rate < limit->rate)
        return "bps_max/iops_max cannot be lower than bps/iops";
    return NULL;
}

gboolean
throttle_limits_check(const ThrottleLimits *limits, GError **error)
{
    const ThrottleLimit *bps = &limits->limits[THROTTLE_BPS_TOTAL];
    const ThrottleLimit *iops = &limits->limits[THROTTLE_IOPS_TOTAL];
    const char *misfit = NULL;

    if (is_mixed(bps, bps + 1, bps + 2) || is_mixed(iops, iops + 1, iops + 2))
        misfit = "bps/iops/max total values and read/write values cannot be used at the same time";
    else if (limits->request_bytes != 0 && iops[0].rate == 0 && iops[1].rate == 0 &&
             iops[2].rate == 0)
        misfit = "iops size requires an iops value to be set";
    else if (limits->request_bytes < 0)
        misfit = "iops size must not be negative";
    for (guint i = 0; misfit == NULL && i < THROTTLE_BUCKETS; i++)
        misfit = find_misfit(&limits->limits[i]);

    if (misfit != NULL)
        g_set_error_literal(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, misfit);
    return misfit == NULL;
}

static void
insert(GVariantDict *dict, const char *name, const char *suffix, gint64 value)
{
    g_autofree char *key = g_strconcat(name, suffix, NULL);

    g_variant_dict_insert(dict, key, "x", value);
}

GVariant *
throttle_limits_describe(const ThrottleLimits *limits)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    for (guint i = 0; i < THROTTLE_BUCKETS; i++) {
        const ThrottleLimit *limit = &limits->limits[i];

        insert(&dict, bucket_names[i], "", limit->rate);
        insert(&dict, bucket_names[i], "-max", limit->burst_rate);
        insert(&dict, bucket_names[i], "-max-length", limit->burst_length_s);
    }

    insert(&dict, "iops-size", "", limits->request_bytes);
    return g_variant_dict_end(&dict);
}

static gboolean
counts_for(ThrottleBucket bucket, gboolean is_write)
{
    switch (bucket) {
    case THROTTLE_BPS_TOTAL:
    case THROTTLE_IOPS_TOTAL:
        return TRUE;
    case THROTTLE_BPS_READ:
    case THROTTLE_IOPS_READ:
        return !is_write;
    case THROTTLE_BPS_WRITE:
    case THROTTLE_IOPS_WRITE:
        return is_write;
    case THROTTLE_BUCKETS:
        break;
    }

    g_assert_not_reached();
}

static void
leak(ThrottleLimits *limits, gint64 now_us)
{
    double passed_s = (double)MAX(0, now_us - limits->last_us) / G_USEC_PER_SEC;

    for (guint i = 0; i < THROTTLE_BUCKETS; i++) {
        ThrottleLimit *limit = &limits->limits[i];

        limit->level = MAX(0, limit->level - (double)limit->rate * passed_s);
        limit->burst_level = MAX(0, limit->burst_level - (double)limit->burst_rate * passed_s);
    }
    limits->last_us = now_us;
}

/* Seconds until no more than @room is left of @level. */
static double
get_time(double level, double room, gint64 rate)
{
    return level > room ? (level - room) / (double)rate : 0;
}

static double
get_wait(const ThrottleLimit *limit)
{
    double burst = (double)limit->burst_rate * (double)limit->burst_length_s;
    double wait;

    if (limit->rate == 0)
        return 0;
    if (limit->burst_rate == 0)
        return get_time(limit->level, (double)limit->rate / SHARE_WITHOUT_BURST, limit->rate);

    wait = get_time(limit->level, burst, limit->rate);
    if (limit->burst_length_s == 1)
        return wait;
    return MAX(wait,
               get_time(limit->burst_level,
                        (double)limit->burst_rate / SHARE_WITHOUT_BURST,
                        limit->burst_rate));
}

gint64
throttle_limits_wait(ThrottleLimits *limits, gboolean is_write, gint64 now_us)
{
    double wait = 0;

    leak(limits, now_us);
    for (guint i = 0; i < THROTTLE_BUCKETS; i++) {
        if (counts_for((ThrottleBucket)i, is_write))
            wait = MAX(wait, get_wait(&limits->limits[i]));
    }

    /* Rounded up: who asks again then is let through. */
    return wait > 0 ? (gint64)(MIN(wait, MAX_WAIT_S) * G_USEC_PER_SEC) + 1 : 0;
}

void
throttle_limits_account(ThrottleLimits *limits, gboolean is_write, guint64 bytes)
{
    double requests = 1;

    if (limits->request_bytes > 0 && bytes > (guint64)limits->request_bytes)
        requests = (double)bytes / (double)limits->request_bytes;

    for (guint i = 0; i < THROTTLE_BUCKETS; i++) {
        double units = i < THROTTLE_IOPS_TOTAL ? (double)bytes : requests;

        if (!counts_for((ThrottleBucket)i, is_write))
            continue;
        limits->limits[i].level += units;
        limits->limits[i].burst_level += units;
    }
}
