/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Libvirt's units */

#include "daemon/units.h"

#include "api/vblk-error.h"

#define MIB_SHIFT 20

gboolean
units_check_flags(const char *method, guint flags, guint allowed, GError **error)
{
    guint unknown = flags & ~allowed;

    if (unknown == 0)
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "unsupported flags (0x%x) in function %s",
                unknown,
                method);
    return FALSE;
}

gboolean
units_parse_bandwidth(guint64 bandwidth, gboolean is_bytes, guint64 *ret_bps, GError **error)
{
    guint shift = is_bytes ? 0 : MIB_SHIFT;
    guint64 limit = (guint64)G_MAXINT64 >> shift;

    if (bandwidth > limit) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "numerical overflow: bandwidth must be less than %" G_GUINT64_FORMAT,
                    limit);
        return FALSE;
    }

    *ret_bps = bandwidth << shift;
    return TRUE;
}

guint64
units_format_bandwidth(guint64 bandwidth_bps, gboolean is_bytes)
{
    guint64 whole = bandwidth_bps >> MIB_SHIFT;

    if (is_bytes)
        return bandwidth_bps;

    return whole << MIB_SHIFT == bandwidth_bps ? whole : whole + 1;
}

void
units_format_progress(const Job *job, guint64 *ret_cur, guint64 *ret_end)
{
    gboolean is_ready = job->state == JOB_STATE_READY;

    if (job->end == 0) {
        *ret_cur = is_ready ? 1 : 0;
        *ret_end = 1;
        return;
    }

    *ret_end = job->end;
    *ret_cur = MIN(job->current, job->end);
    if (!is_ready && *ret_cur == job->end)
        *ret_cur = job->end - 1;
}
