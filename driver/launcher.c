/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Launcher */

#include "driver/launcher.h"

#include <signal.h>
#include <string.h>

#include "api/vblk-error.h"

/* What a program that cannot start says is told on one line, and not without end. */
#define REASON_MAX 500

static char *
one_line(const char *said)
{
    g_autofree char *text = said != NULL ? g_utf8_make_valid(said, -1) : g_strdup("");

    g_strdelimit(g_strstrip(text), "\r\n\t", ' ');
    if (text[0] == '\0')
        return g_strdup("it gave no reason");
    if (g_utf8_strlen(text, -1) <= REASON_MAX)
        return g_steal_pointer(&text);
    return g_utf8_substring(text, 0, REASON_MAX);
}

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    GSubprocess *process = G_SUBPROCESS(source);
    g_autofree char *said = NULL;
    g_autofree char *reason = NULL;
    g_autoptr(GError) error = NULL;

    if (g_subprocess_communicate_utf8_finish(process, result, NULL, &said, &error) &&
        g_subprocess_get_successful(process)) {
        g_task_return_boolean(task, TRUE);
        return;
    }

    reason = one_line(error != NULL ? error->message : said);
    g_task_return_new_error(
        task, VBLK_ERROR, VBLK_ERROR_FAILED, "qemu-shim did not start: %s", reason);
}

/* In a value of an option a comma is written twice. */
static char *
escape(const char *value)
{
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);

    return g_strjoinv(",,", parts);
}

/* -daemonize: the process that we wait for ends when its child, which stays, serves the monitor. */
void
launcher_start_async(const char *shim_path,
                     const char *domain_name,
                     const char *socket_path,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    g_autofree char *path = escape(socket_path);
    g_autofree char *name = escape(domain_name);
    g_autofree char *monitor = g_strdup_printf("unix:%s,server=on,wait=off", path);
    g_autofree char *guest = g_strdup_printf("guest=%s", name);
    const char *words[] = {shim_path,
                           "-nodefaults",
                           "-display",
                           "none",
                           "-S",
                           "-name",
                           guest,
                           "-qmp",
                           monitor,
                           "-daemonize",
                           NULL};
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = NULL;

    g_task_set_source_tag(task, launcher_start_async);
    process = g_subprocess_newv(
        words, G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE, &error);
    if (process == NULL) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_INTERNAL,
                                "cannot start '%s': %s",
                                shim_path,
                                error->message);
        return;
    }

    g_subprocess_communicate_utf8_async(process, NULL, NULL, on_started, g_steal_pointer(&task));
}

gboolean
launcher_start_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, launcher_start_async), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

gboolean
launcher_terminate(int pid, const char *socket_path)
{
    g_autofree char *place = g_strdup_printf("/proc/%d/cmdline", pid);
    g_autofree char *path = escape(socket_path);
    g_autofree char *words = NULL;
    gsize length;

    /* A number that was given to another process since does not have our socket in its words. */
    return pid > 1 && g_file_get_contents(place, &words, &length, NULL) &&
           memmem(words, length, path, strlen(path)) != NULL && kill(pid, SIGTERM) == 0;
}
