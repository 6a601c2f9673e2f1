/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Launcher */

#include <gio/gio.h>

/*
 * The only place that knows which program serves shut-off domains, and its options. It is started
 * in a session of its own with nothing of ours but the folder its socket is in, so it outlives us.
 * Ends when the monitor at @socket_path can be reached; what the program said is the error.
 */
void launcher_start_async(const char *shim_path,
                          const char *domain_name,
                          const char *socket_path,
                          GAsyncReadyCallback callback,
                          gpointer user_data);
gboolean launcher_start_finish(GAsyncResult *result, GError **error);

/* The last resort: ends @pid, if that is still the process that serves @socket_path. */
gboolean launcher_terminate(int pid, const char *socket_path);
