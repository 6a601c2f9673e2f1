/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Virtblockd */

#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gio.h>

#include "daemon/service.h"

#define SESSION_TIMEOUT_S 30
#define MAX_TIMEOUT_S     (24 * 60 * 60)
#define LOG_DOMAINS       "virtblockd virtblock-driver virtblock-qmp virtblock-xml"

typedef struct {
    gboolean is_session;
    gboolean is_system;
    gboolean is_verbose;
    gboolean wants_version;
    char *socket;
    char *state_dir;
    int timeout_s; /* -1: not given */
} Options;

static void
options_clear(Options *options)
{
    g_free(options->socket);
    g_free(options->state_dir);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Options, options_clear)

static gboolean
parse(Options *options, int *argc, char ***argv, GError **error)
{
    const GOptionEntry entries[] = {
        {"session", 0, 0, G_OPTION_ARG_NONE, &options->is_session, "Serve one user's session", 0},
        {"system", 0, 0, G_OPTION_ARG_NONE, &options->is_system, "Serve the whole system", 0},
        {"socket", 0, 0, G_OPTION_ARG_FILENAME, &options->socket, "Listen at PATH", "PATH"},
        {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &options->state_dir, "Keep all in DIR", "DIR"},
        {"timeout",
         0,
         0,
         G_OPTION_ARG_INT,
         &options->timeout_s,
         "Go when unused for SECONDS; 0: never (default: 30 for a session, else 0)",
         "SECONDS"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &options->is_verbose, "Tell what happens", 0},
        {"version", 0, 0, G_OPTION_ARG_NONE, &options->wants_version, "Print the version", 0},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(
        context,
        "Manages the disk image chains of virtual machines. Without --session or --system it\n"
        "serves the system for root, and a session for others.");
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;

    if (*argc > 1) {
        g_set_error(error,
                    G_OPTION_ERROR,
                    G_OPTION_ERROR_BAD_VALUE,
                    "argument '%s' is not understood",
                    (*argv)[1]);
        return FALSE;
    }

    if (options->is_session && options->is_system) {
        g_set_error_literal(error,
                            G_OPTION_ERROR,
                            G_OPTION_ERROR_BAD_VALUE,
                            "--session and --system are mutually exclusive");
        return FALSE;
    }

    if (options->timeout_s < -1 || options->timeout_s > MAX_TIMEOUT_S) {
        g_set_error(error,
                    G_OPTION_ERROR,
                    G_OPTION_ERROR_BAD_VALUE,
                    "timeout '%d' is not 0 to '%d' seconds",
                    options->timeout_s,
                    MAX_TIMEOUT_S);
        return FALSE;
    }

    return TRUE;
}

static gboolean
run(const Options *options, GError **error)
{
    gboolean is_session = options->is_session || (!options->is_system && geteuid() != 0);
    g_autoptr(Paths) paths = paths_new(is_session, options->socket, options->state_dir, error);
    ServiceConfig config = {paths, is_session, is_session ? SESSION_TIMEOUT_S : 0};

    if (paths == NULL || !paths_make(paths, error))
        return FALSE;

    if (options->timeout_s >= 0)
        config.idle_timeout_s = (guint)options->timeout_s;

    /* Not to hold on to the folder of whoever started us. */
    if (chdir("/") < 0)
        g_debug("cannot change to '/'");
    return service_run(&config, error);
}

int
main(int argc, char **argv)
{
    g_auto(Options) options = {.timeout_s = -1};
    g_autoptr(GError) error = NULL;

    setlocale(LC_ALL, "");
    g_set_prgname("virtblockd");

    /* A client that goes while we write to it must not end us; and all we make is for us alone. */
    signal(SIGPIPE, SIG_IGN);
    umask(077);

    if (!parse(&options, &argc, &argv, &error)) {
        fprintf(stderr, "virtblockd: %s\n", error->message);
        return EXIT_FAILURE;
    }

    if (options.wants_version) {
        puts("virtblockd " VIRTBLOCK_VERSION);
        return EXIT_SUCCESS;
    }

    if (options.is_verbose)
        g_setenv("G_MESSAGES_DEBUG", LOG_DOMAINS, FALSE);
    if (!run(&options, &error)) {
        fprintf(stderr, "virtblockd: %s\n", error->message);
        return EXIT_FAILURE;
    }

    return EXIT_SUCCESS;
}
