/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where we stand */

#include <glib.h>

/* The socket, the state and the programs of this daemon. */
typedef struct {
    gboolean is_session;
    char *socket_path;
    char *state_dir;
    char *runtime_dir; /* of monitors' sockets */
    char *shim_path;
} Place;

/* @socket_path and @state_dir as given on the command line, or NULL. */
Place *place_find(gboolean is_session, const char *socket_path, const char *state_dir);
void place_free(Place *place);

/* Makes the state and runtime folders, for us alone. */
gboolean place_prepare(const Place *place, GError **error);
/* A lock that the process holds until it ends; FALSE where another daemon has it. */
gboolean place_lock(const Place *place, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Place, place_free)
