/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Libvirt's units */

#include "driver/job.h"

/* Pure: what libvirt's clients say and expect, in its words. */

/* Bits of @flags that are not in @allowed are an error that names them and @method. */
gboolean units_check_flags(const char *method, guint flags, guint allowed, GError **error);

/* To bytes per second; what a signed 64-bit number of them cannot hold is refused. */
gboolean
units_parse_bandwidth(guint64 bandwidth, gboolean is_bytes, guint64 *ret_bps, GError **error);
/* From bytes per second. A limit is never rounded to 0, which would mean none. */
guint64 units_format_bandwidth(guint64 bandwidth_bps, gboolean is_bytes);

/*
 * libvirt's promise: (0, 1) while nothing is known, equal numbers only when the job is ready, and
 * then never (0, 0).
 */
void units_format_progress(const Job *job, guint64 *ret_cur, guint64 *ret_end);
