/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Answers */

#include "daemon/answer.h"

#include "api/vblk-error.h"

#define MEBI_SHIFT 20

gboolean
answer_check_flags(GDBusMethodInvocation *invocation, guint flags, guint known)
{
    if ((flags & ~known) == 0)
        return TRUE;

    g_dbus_method_invocation_return_error(invocation,
                                          VBLK_ERROR,
                                          VBLK_ERROR_INVALID_ARGUMENT,
                                          "unsupported flags (0x%x) in function %s",
                                          flags & ~known,
                                          g_dbus_method_invocation_get_method_name(invocation));
    return FALSE;
}

gboolean
answer_check_bandwidth(GDBusMethodInvocation *invocation,
                       guint64 bandwidth,
                       gboolean is_bytes,
                       guint64 *ret_bps)
{
    guint64 most = is_bytes ? (guint64)G_MAXINT64 : (guint64)G_MAXINT64 >> MEBI_SHIFT;

    if (bandwidth <= most) {
        *ret_bps = is_bytes ? bandwidth : bandwidth << MEBI_SHIFT;
        return TRUE;
    }

    g_dbus_method_invocation_return_error(invocation,
                                          VBLK_ERROR,
                                          VBLK_ERROR_INVALID_ARGUMENT,
                                          "numerical overflow: bandwidth must be less than "
                                          "%" G_GUINT64_FORMAT,
                                          most);
    return FALSE;
}
