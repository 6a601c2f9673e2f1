/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Server end */

#include <gio/gio.h>

/*
 * The end of the wire that carries commands out: one QmpServer for each connected monitor. It
 * greets, negotiates, checks the frame of each message ("execute", "arguments", "id", no other
 * member) and answers in order. Only then does a command reach the handler.
 *
 * A peer that does not read is not waited for: past QMP_SERVER_MAX_BACKLOG of unsent bytes it is
 * closed.
 */
#define QMP_TYPE_SERVER (qmp_server_get_type())
G_DECLARE_FINAL_TYPE(QmpServer, qmp_server, QMP, SERVER, GObject)

#define QMP_SERVER_MAX_BACKLOG (16 * 1024 * 1024)

/*
 * Carries out @command; @arguments is an a{sv}, never NULL. Returns the value for "return" (NULL
 * stands for an empty object; a floating reference is taken) or sets @error: a QMP_ERROR gives
 * its class, any other domain is a GenericError.
 */
typedef GVariant *(*QmpServerHandler)(QmpServer *server,
                                      const char *command,
                                      GVariant *arguments,
                                      gpointer user_data,
                                      GError **error);

/*
 * @version and @package go into the greeting, @version as qmp_client_get_version() gives it.
 * @is_known tells whether a command exists (unknown ones answer CommandNotFound).
 * Emits "closed" once when the peer has gone.
 */
QmpServer *qmp_server_new(GIOStream *stream,
                          guint version,
                          const char *package,
                          gboolean (*is_known)(const char *command),
                          QmpServerHandler handler,
                          gpointer user_data);

/* Sent only after negotiation, as the protocol asks. @data is an a{sv} or NULL. */
void qmp_server_send_event(QmpServer *server, const char *name, GVariant *data, gint64 time_us);
void qmp_server_close(QmpServer *server);
