/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private socket */

#include <gio/gio.h>

/*
 * Listens on a unix socket for D-Bus clients without a bus. Who is at the other end is asked of the
 * kernel before GDBus reads a byte, as GDBus takes any amount of data before a client has
 * authenticated. The socket is for us alone, and so should its folder be.
 *
 * Signals:
 *   client-added (GDBusConnection *)   authenticated; its messages wait until it is started
 *   client-gone  (GDBusConnection *)
 */
#define LISTENER_TYPE (listener_get_type())
G_DECLARE_FINAL_TYPE(Listener, listener, VB, LISTENER, GObject)

#define LISTENER_MAX_CLIENTS         200
#define LISTENER_LOGIN_TIMEOUT_MS    10000
#define LISTENER_MAX_SOCKET_PATH_LEN 107

/* Somebody listens at @socket_path. */
gboolean listener_is_answered(const char *socket_path);

Listener *listener_new(const char *socket_path);

/* A socket on which nobody answers is replaced; anything else at its place is an error. */
gboolean listener_start(Listener *listener, GError **error);

/* Those that log in counted. */
guint listener_count_clients(Listener *listener);

/*
 * Stops listening. FALSE where a client has come in between: then it listens on. No client that has
 * found the socket is left without an answer.
 */
gboolean listener_retire(Listener *listener);

/* Stops listening and closes all clients. */
void listener_close(Listener *listener);
