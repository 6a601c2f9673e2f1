/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dialling */

#include "api/vblk-dial.h"

#include <unistd.h>

#include <gio/gunixsocketaddress.h>

#include "api/vblk-error.h"

/*
 * Two clients may start a daemon at once. The second daemon finds the first one's lock and goes, so
 * what counts is not our child but that somebody answers on the socket before the deadline.
 */
#define START_TIMEOUT_US (10 * G_USEC_PER_SEC)
#define RETRY_MS         10

typedef struct {
    VblkAddress *address;
    GSubprocess *daemon;     /* NULL until we started one */
    GCancellable *listening; /* to what it says until it ends */
    char *said;              /* NULL until it ended */
    gint64 deadline_us;
} Dial;

static void try_to_connect(GTask *task);

static void
dial_free(Dial *dial)
{
    vblk_address_free(dial->address);
    g_clear_object(&dial->daemon);
    g_clear_object(&dial->listening);
    g_free(dial->said);
    g_free(dial);
}

/* The daemon beside a program in its build tree comes first, so that a tree can be tried as is. */
static char *
find_daemon(void)
{
    const char *named = g_getenv("VIRTBLOCKD");
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    g_autofree char *folder = NULL;
    g_autofree char *beside = NULL;

    if (named != NULL)
        return g_strdup(named);

    if (program != NULL) {
        folder = g_path_get_dirname(program);
        beside = g_build_filename(folder, "..", "daemon", "virtblockd", NULL);
        if (g_file_test(beside, G_FILE_TEST_IS_EXECUTABLE))
            return g_steal_pointer(&beside);
    }

    return g_strdup(VIRTBLOCK_SBINDIR "/virtblockd");
}

static void
on_daemon_ended(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Dial *dial = g_task_get_task_data(task);
    g_autofree char *output = NULL;

    if (!g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, NULL, &output, NULL))
        return; /* it lives, or what it said is no text: the deadline tells of a failure */

    dial->said = g_strdup(g_strstrip(output));
}

/* In a session of its own, so that a Ctrl-C meant for the client does not reach the daemon. */
static void
leave_session(gpointer user_data)
{
    setsid();
}

static gboolean
start_daemon(GTask *task, GError **error)
{
    Dial *dial = g_task_get_task_data(task);
    g_autofree char *program = find_daemon();
    g_autoptr(GSubprocessLauncher) launcher = g_subprocess_launcher_new(
        G_SUBPROCESS_FLAGS_STDERR_PIPE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE);

    g_subprocess_launcher_set_child_setup(launcher, leave_session, NULL, NULL);
    dial->daemon = g_subprocess_launcher_spawn(
        launcher, error, program, "--session", "--socket", dial->address->socket_path, NULL);
    if (dial->daemon == NULL) {
        g_prefix_error(error, "cannot start '%s': ", program);
        return FALSE;
    }

    dial->deadline_us = g_get_monotonic_time() + START_TIMEOUT_US;
    g_subprocess_communicate_utf8_async(
        dial->daemon, NULL, dial->listening, on_daemon_ended, g_object_ref(task));
    return TRUE;
}

static void
return_not_there(GTask *task, const GError *reason)
{
    Dial *dial = g_task_get_task_data(task);

    if (dial->said != NULL && dial->said[0] != '\0') {
        g_task_return_new_error(task, VBLK_ERROR, VBLK_ERROR_NO_CONNECTION, "%s", dial->said);
        return;
    }

    g_task_return_new_error(task,
                            VBLK_ERROR,
                            VBLK_ERROR_NO_CONNECTION,
                            "cannot connect to virtblockd at '%s': %s",
                            dial->address->socket_path,
                            reason->message);
}

static gboolean
on_retry(gpointer user_data)
{
    try_to_connect(user_data);
    return G_SOURCE_REMOVE;
}

static void
retry_later(GTask *task)
{
    g_autoptr(GSource) source = g_timeout_source_new(RETRY_MS);

    g_task_attach_source(task, source, on_retry);
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Dial *dial = g_task_get_task_data(task);
    g_autoptr(GSocketConnection) stream = NULL;
    g_autoptr(GError) reason = NULL;
    g_autoptr(GError) error = NULL;

    stream = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &reason);
    if (stream != NULL || g_error_matches(reason, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        g_cancellable_cancel(dial->listening);
        if (stream != NULL)
            g_task_return_pointer(task, g_steal_pointer(&stream), g_object_unref);
        else
            g_task_return_error(task, g_steal_pointer(&reason));
        return;
    }

    if (!dial->address->is_session) {
        return_not_there(task, reason);
        return;
    }

    if (dial->daemon == NULL && !start_daemon(task, &error)) {
        g_task_return_new_error(task, VBLK_ERROR, VBLK_ERROR_NO_CONNECTION, "%s", error->message);
        return;
    }

    if (g_get_monotonic_time() > dial->deadline_us) {
        g_cancellable_cancel(dial->listening);
        return_not_there(task, reason);
        return;
    }

    retry_later(task);
}

/* A reference of its own for each step: the source of the retry holds the other one. */
static void
try_to_connect(GTask *task)
{
    Dial *dial = g_task_get_task_data(task);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(dial->address->socket_path);

    g_socket_client_connect_async(client,
                                  G_SOCKET_CONNECTABLE(address),
                                  g_task_get_cancellable(task),
                                  on_connected,
                                  g_object_ref(task));
}

void
vblk_dial_async(VblkAddress *address,
                GCancellable *cancellable,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, cancellable, callback, user_data);
    Dial *dial = g_new0(Dial, 1);

    g_task_set_source_tag(task, vblk_dial_async);
    g_task_set_task_data(task, dial, (GDestroyNotify)dial_free);
    dial->address = address;
    dial->listening = g_cancellable_new();
    try_to_connect(task);
}

GIOStream *
vblk_dial_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, vblk_dial_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
