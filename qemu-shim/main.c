/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qemu-shim */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>

#include "qemu-shim/cmdline.h"
#include "qemu-shim/endpoint.h"
#include "qemu-shim/monitor/object.h"
#include "qemu-shim/tool.h"

/*
 * -daemonize: the parent waits until the child serves its monitors, so that who started us can
 * connect as soon as we return; all errors are told before. Returns the descriptor to tell it by.
 */
static int
fork_daemon(void)
{
    int ends[2];
    char byte;
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    child = fork();
    if (child < 0)
        return -1;
    if (child > 0) {
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 1 ? 0 : 1);
    }

    close(ends[0]);
    setsid();
    return ends[1];
}

static void
tell_parent(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        close(null);
    }
    if (write(fd, "", 1) != 1)
        g_warning("the process that started us has gone, ignoring");
    close(fd);
}

static gboolean
open_drives(Shim *shim, const CommandLine *line, GError **error)
{
    for (guint i = 0; i < line->drives->len; i++) {
        Drive *drive = g_ptr_array_index(line->drives, i);
        g_autoptr(BlockNode) node = block_graph_add(shim->graph, drive->options, error);

        if (node == NULL ||
            (drive->id != NULL && !block_devices_add(shim->devices, drive->id, node, error)))
            return FALSE;
    }

    return TRUE;
}

static gboolean
add_objects(Shim *shim, const CommandLine *line, GError **error)
{
    for (guint i = 0; i < line->objects->len; i++) {
        if (!object_add(shim, line->objects->pdata[i], error))
            return FALSE;
    }

    return TRUE;
}

static gboolean
open_monitors(Shim *shim, const CommandLine *line, GError **error)
{
    for (guint i = 0; i < line->monitors->len; i++) {
        if (!endpoint_open(shim, g_ptr_array_index(line->monitors, i), error))
            return FALSE;
    }

    return TRUE;
}

static gboolean
write_pid(const CommandLine *line, GError **error)
{
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());

    return line->pid_file == NULL ||
           g_file_set_contents_full(
               line->pid_file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static gboolean
on_signal(gpointer user_data)
{
    shim_quit(user_data, "host-signal");
    return G_SOURCE_CONTINUE;
}

/* What was said last, the events of cancelled jobs among it, still goes out to peers that read. */
static void
deliver_rest(void)
{
    gint64 deadline_us = g_get_monotonic_time() + G_USEC_PER_SEC;

    while (g_get_monotonic_time() < deadline_us && g_main_context_iteration(NULL, FALSE))
        continue;
}

static int
serve(const CommandLine *line, int parent)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(GError) error = NULL;
    Shim *shim = shim_new(loop);
    gboolean has_pid_file = FALSE;
    int status = 0;

    shim->name = g_strdup(line->name);
    shim->is_running = !line->is_stopped;
    shim->is_prelaunch = line->is_stopped;
    g_unix_signal_add(SIGTERM, on_signal, shim);
    g_unix_signal_add(SIGINT, on_signal, shim);
    g_unix_signal_add(SIGHUP, on_signal, shim);

    /* Who finds the pid file finds the monitors. */
    if (add_objects(shim, line, &error) && open_drives(shim, line, &error) &&
        open_monitors(shim, line, &error) && write_pid(line, &error)) {
        has_pid_file = line->pid_file != NULL;
        if (parent >= 0)
            tell_parent(parent);
        g_main_loop_run(loop);
        deliver_rest();
    } else {
        tool_say_error(error);
        status = 1;
    }

    if (has_pid_file)
        unlink(line->pid_file);
    endpoint_close_all(shim);
    shim_free(shim);
    return status;
}

int
main(int argc, char **argv)
{
    g_autoptr(CommandLine) line = NULL;
    g_autoptr(GError) error = NULL;
    int parent = -1;

    signal(SIGPIPE, SIG_IGN);
    if (argc > 1 && argv[1][0] != '-')
        return tool_main(argc, argv);

    line = command_line_parse(argv + 1, &error);
    if (line == NULL) {
        tool_say_error(error);
        return 1;
    }
    if (line->is_help) {
        fputs(command_line_help, stdout);
        return 0;
    }
    if (line->is_version) {
        puts("QEMU emulator version 7.2.0 (" SHIM_PACKAGE ")");
        return 0;
    }

    if (line->is_daemon) {
        parent = fork_daemon();
        if (parent < 0) {
            perror("qemu-shim: cannot go to the background");
            return 1;
        }
    }
    return serve(line, parent);
}
