/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Places */

#include <glib.h>

/* Where the daemon keeps and finds things; absolute. */
typedef struct {
    char *socket;      /* of our clients */
    char *runtime_dir; /* for the sockets of monitors: SOCKET.d */
    char *state_dir;
    char *shim; /* the qemu-shim program */
    gboolean is_default_socket;
} Paths;

/*
 * System: /run/virtblock and /var/lib/virtblock. Session: XDG_RUNTIME_DIR/virtblock, or
 * /tmp/virtblock-UID where there is none, and XDG_STATE_HOME/virtblock. @socket and @state_dir say
 * otherwise where they are not NULL.
 */
Paths *paths_new(gboolean is_session, const char *socket, const char *state_dir, GError **error);
void paths_free(Paths *paths);

/* Makes the folders. Those that are there must be ours, and others may not write in them. */
gboolean paths_make(const Paths *paths, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Paths, paths_free)
