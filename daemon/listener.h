/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Private socket */

#include "daemon/exporter.h"

/*
 * A unix socket of mode 0600 in a folder of mode 0700, both the daemon's own. Who connects is known
 * by the kernel's credentials before a byte goes to GDBus, whose authentication takes lines without
 * a limit; whoever is not allowed is closed.
 */
typedef struct Listener Listener;

#define LISTENER_MAX_CLIENTS 200

/* @on_changed is called whenever a client comes or goes. */
Listener *listener_new(const char *socket_path,
                       Exporter *exporter,
                       void (*on_changed)(gpointer user_data),
                       gpointer user_data,
                       GError **error);
void listener_free(Listener *listener);
guint listener_count_clients(const Listener *listener);
