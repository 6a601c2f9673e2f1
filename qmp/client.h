/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Client end */

#include <gio/gio.h>

/*
 * The end of the wire that gives commands. Answers are matched by id, whatever their order. The
 * peer is not trusted: sizes, depth, commands without an answer and time to answer are limited, and
 * a peer that breaks the protocol, also by an answer to nothing that was asked, is closed. So is
 * one that does not read. After "closed" every call fails. A client holds a reference to itself
 * until it is closed.
 *
 * Signals:
 *   event (name s, data GVariant a{sv}, time_us gint64)
 *   closed (GError *reason)                 once; also when qmp_client_close() was called
 */
#define QMP_TYPE_CLIENT (qmp_client_get_type())
G_DECLARE_FINAL_TYPE(QmpClient, qmp_client, QMP, CLIENT, GObject)

#define QMP_CLIENT_GREETING_TIMEOUT_MS 5000
#define QMP_CLIENT_CALL_TIMEOUT_MS     30000

/* Connects, waits for the greeting and negotiates. The error says what the peer did instead. */
void qmp_client_connect_async(const char *socket_path,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data);
QmpClient *qmp_client_connect_finish(GAsyncResult *result, GError **error);

/* The same on a stream that is connected already. */
void qmp_client_new_async(GIOStream *stream,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
QmpClient *qmp_client_new_finish(GAsyncResult *result, GError **error);

/* From the greeting: major * 1000000 + minor * 1000 + micro. */
guint qmp_client_get_version(QmpClient *client);
const char *qmp_client_get_package(QmpClient *client);
gboolean qmp_client_is_closed(QmpClient *client);
/* Process at the other end of a unix socket, 0 if that is not known. */
int qmp_client_get_peer_pid(QmpClient *client);

/*
 * Gives a command. @arguments is an a{sv} (a floating reference is taken) or NULL. The result is
 * the value of "return". An error reply is a QMP_ERROR. VBLK_ERROR_TIMEOUT, VBLK_ERROR_LIMIT and
 * VBLK_ERROR_NO_CONNECTION tell of the peer. After VBLK_ERROR_TIMEOUT and VBLK_ERROR_CANCELLED the
 * peer may still carry out the command: the wire cannot take it back, and the session goes on.
 */
void qmp_client_call_async(QmpClient *client,
                           const char *command,
                           GVariant *arguments,
                           guint timeout_ms,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
GVariant *qmp_client_call_finish(QmpClient *client, GAsyncResult *result, GError **error);

void qmp_client_close(QmpClient *client);
