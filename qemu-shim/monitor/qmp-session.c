/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QMP sessions */

#include "qemu-shim/monitor/qmp-session.h"

#include "qemu-shim/monitor/command.h"
#include "qmp/qmp-error.h"
#include "qmp/server.h"

static GVariant *
on_command(QmpServer *server,
           const char *command,
           GVariant *arguments,
           gpointer user_data,
           GError **error)
{
    Shim *shim = user_data;

    /* What is begun now would outlive the main loop. */
    if (shim->is_quitting) {
        g_set_error_literal(
            error, QMP_ERROR, QMP_ERROR_GENERIC_ERROR, "the process is about to end");
        return NULL;
    }

    return command_execute(shim, command, arguments, error);
}

static void
on_server_closed(QmpServer *server, gpointer user_data)
{
    Shim *shim = user_data;

    g_ptr_array_remove(shim->servers, server);
}

void
qmp_session_start(Shim *shim, GIOStream *stream)
{
    QmpServer *server = qmp_server_new(
        stream, SHIM_QEMU_VERSION, SHIM_PACKAGE, command_is_known, on_command, shim);

    g_signal_connect(server, "closed", G_CALLBACK(on_server_closed), shim);
    g_ptr_array_add(shim->servers, server);
}
