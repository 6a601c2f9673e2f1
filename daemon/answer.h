/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Answers */

#include <gio/gio.h>

/* FALSE where @flags has bits outside @known; the caller was told. */
gboolean answer_check_flags(GDBusMethodInvocation *invocation, guint flags, guint known);
/* Bytes per second of a bandwidth in MiB/s, or of one in bytes; FALSE: the caller was told. */
gboolean answer_check_bandwidth(GDBusMethodInvocation *invocation,
                                guint64 bandwidth,
                                gboolean is_bytes,
                                guint64 *ret_bps);
