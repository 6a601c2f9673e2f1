/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Monitor peer */

#include "driver/plan.h"
#include "qmp/client.h"

/*
 * A process with a QMP monitor that we work through: so far a qemu-shim that serves one task and
 * goes with it. It lives on when we do not; peer_attach_async() finds it again. All but launching
 * is the same for any process that speaks QMP.
 */
typedef struct {
    QmpClient *client;
    char *socket_path;
    PeerCapabilities capabilities; /* asked of it */
} Peer;

/* Starts @shim_path with its monitor at @socket_path and asks what it can do. */
void peer_launch_async(const char *shim_path,
                       const char *name,
                       const char *socket_path,
                       GAsyncReadyCallback callback,
                       gpointer user_data);
/* The same with one that runs. */
void peer_attach_async(const char *socket_path, GAsyncReadyCallback callback, gpointer user_data);
Peer *peer_finish(GAsyncResult *result, GError **error);

/* Tells it to go. Takes @peer. Ends when it has gone, and so its images are free. */
void peer_quit_async(Peer *peer, GAsyncReadyCallback callback, gpointer user_data);
void peer_quit_finish(GAsyncResult *result);
/* The same, for who need not know when. */
void peer_quit(Peer *peer);
/* Leaves it running. */
void peer_free(Peer *peer);

/*
 * A call with errors for people: those of the images it opens come as VBLK_ERROR_IMAGE_* and so on.
 * The result is the value of "return".
 */
void peer_call_async(Peer *peer,
                     const char *command,
                     GVariant *arguments,
                     GAsyncReadyCallback callback,
                     gpointer user_data);
/* The same for the command of a step, which may take long. */
void
peer_step_async(Peer *peer, const Step *step, GAsyncReadyCallback callback, gpointer user_data);
GVariant *peer_call_finish(GAsyncResult *result, GError **error);

/* Opens the layers of @chain, each by name, the lowest first; all but the active one read-only. */
void
peer_open_async(Peer *peer, const Chain *chain, GAsyncReadyCallback callback, gpointer user_data);
gboolean peer_open_finish(GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Peer, peer_free)
