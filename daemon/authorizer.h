/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Authorizer */

#include <gio/gio.h>

/*
 * Who may call what: one table, and what is not in it is denied. Clients of the private socket were
 * looked at when they connected; callers on a message bus are asked for, each time, from the bus
 * itself, and any failure to learn who they are is a denial. They must be the daemon's own user or
 * root.
 */
gboolean authorizer_knows(const char *interface, const char *method);

gboolean authorizer_is_trusted_user(guint32 uid);

void authorizer_check_async(GDBusMethodInvocation *invocation,
                            GAsyncReadyCallback callback,
                            gpointer user_data);
gboolean authorizer_check_finish(GAsyncResult *result, GError **error);
