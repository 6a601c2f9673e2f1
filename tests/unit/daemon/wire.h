/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Test wire */

#include <gio/gio.h>

/* Both ends of a private D-Bus connection; messages to @server wait until wire_start(). */
typedef struct {
    GDBusConnection *server;
    GDBusConnection *client;
} Wire;

Wire *wire_new(void);
void wire_start(Wire *wire);
void wire_free(Wire *wire);

/* A call by @connection; runs the main loop until it is answered. */
GVariant *wire_call(GDBusConnection *connection,
                    const char *path,
                    const char *interface,
                    const char *method,
                    GVariant *parameters,
                    GError **error);

/* Runs the main loop until *flag. */
void wire_wait(const gboolean *flag);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Wire, wire_free)
