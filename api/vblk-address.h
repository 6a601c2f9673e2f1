/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Connection URI */

#include <glib.h>

/* Where a daemon listens, and whether we may start it. */
typedef struct {
    char *uri;         /* as resolved, never NULL */
    char *socket_path; /* absolute */
    gboolean is_session;
} VblkAddress;

/* @uri as vblk_connection_open_async() takes it, NULL for the default. */
VblkAddress *vblk_address_parse(const char *uri, GError **error);
void vblk_address_free(VblkAddress *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VblkAddress, vblk_address_free)
