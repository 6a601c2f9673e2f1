/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Protocol messages */

#include <glib.h>

/*
 * How each message of the protocol is written, and how the other end reads it. Pure: no session is
 * known here, so what may be said when is for client and server to tell.
 *
 * What is new is floating, and so may be the values that it is made of. Readers take any value that
 * qmp_value_parse() gives; FALSE leaves what they return untouched.
 */

/* The server's. */
GVariant *qmp_message_new_greeting(guint version, const char *package);
/* @value: NULL stands for an empty object. @id: NULL where the command had none. */
GVariant *qmp_message_new_return(GVariant *value, GVariant *id);
GVariant *qmp_message_new_error(const GError *failure, GVariant *id);
/* @data: NULL: none. */
GVariant *qmp_message_new_event(const char *name, GVariant *data, gint64 time_us);

/* The error is a QMP_ERROR in QEMU's words; the name is borrowed from @message. */
gboolean qmp_message_read_command(GVariant *message,
                                  const char **ret_name,
                                  GVariant **ret_arguments,
                                  GError **error);
/* Of a command that may be wrong otherwise; NULL: none. */
GVariant *qmp_message_get_id(GVariant *message);

/* The client's. @arguments: NULL: none. */
GVariant *qmp_message_new_command(const char *name, GVariant *arguments, gint64 id);

gboolean qmp_message_read_greeting(GVariant *message, guint *ret_version, char **ret_package);
/* FALSE: it is none. Data that is missing is empty, and a time that is missing is now. */
gboolean qmp_message_read_event(GVariant *message,
                                const char **ret_name,
                                GVariant **ret_data,
                                gint64 *ret_time_us);
/* One of *ret_value and *ret_failure (a QMP_ERROR) is set, the other is NULL. */
gboolean qmp_message_read_answer(GVariant *message,
                                 gint64 *ret_id,
                                 GVariant **ret_value,
                                 GError **ret_failure,
                                 GError **error);
