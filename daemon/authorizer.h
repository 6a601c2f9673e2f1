/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Authorisation */

#include <gio/gio.h>

/*
 * Who may call: root and the user the daemon runs as, for every method alike. On the private socket
 * that was checked before the first byte; on a message bus the bus is asked for the caller. Any
 * doubt about who calls is a refusal.
 */
void authorizer_watch(GDBusInterfaceSkeleton *skeleton);
gboolean authorizer_allows_uid(guint32 uid);
