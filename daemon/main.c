/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* virtblockd */

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib-unix.h>

#include "daemon/listener.h"
#include "daemon/manager-object.h"
#include "daemon/place.h"

#define SESSION_TIMEOUT_S 30
#define BUS_NAME          "org.virtblock1"

typedef struct {
    Place *place;
    guint timeout_s; /* 0: stay */
    GMainLoop *loop;
    DaemonStore *store;
    Driver *driver;
    Exporter *exporter;
    ManagerObject *manager;
    Listener *listener;
    guint bus_name;
    guint idle; /* source that ends us; 0: none */
    int status;
} Daemon;

static gboolean
on_idle_for_long(gpointer user_data)
{
    Daemon *daemon = user_data;

    daemon->idle = 0;
    if (driver_is_idle(daemon->driver) && listener_count_clients(daemon->listener) == 0) {
        g_main_loop_quit(daemon->loop);
        return G_SOURCE_REMOVE;
    }

    daemon->idle = g_timeout_add_seconds(daemon->timeout_s, on_idle_for_long, daemon);
    return G_SOURCE_REMOVE;
}

/* A client came or went: the time of waiting begins again. */
static void
on_clients_changed(gpointer user_data)
{
    Daemon *daemon = user_data;

    g_clear_handle_id(&daemon->idle, g_source_remove);
    if (daemon->timeout_s > 0)
        daemon->idle = g_timeout_add_seconds(daemon->timeout_s, on_idle_for_long, daemon);
}

static gboolean
on_signal(gpointer user_data)
{
    Daemon *daemon = user_data;

    g_main_loop_quit(daemon->loop);
    return G_SOURCE_CONTINUE;
}

static void
on_bus(GDBusConnection *connection, const char *name, gpointer user_data)
{
    Daemon *daemon = user_data;

    exporter_add_connection(daemon->exporter, connection);
}

/* Desktops listen on the bus; without one the private socket does for everything. */
static void
join_bus(Daemon *daemon)
{
    const char *address = g_getenv("DBUS_SESSION_BUS_ADDRESS");

    if (daemon->place->is_session && (address == NULL || address[0] == '\0'))
        return;

    daemon->bus_name = g_bus_own_name(daemon->place->is_session ? G_BUS_TYPE_SESSION
                                                                : G_BUS_TYPE_SYSTEM,
                                      BUS_NAME,
                                      G_BUS_NAME_OWNER_FLAGS_DO_NOT_QUEUE,
                                      on_bus,
                                      NULL,
                                      NULL,
                                      daemon,
                                      NULL);
}

static void
fail(Daemon *daemon, GError *error)
{
    fprintf(stderr, "virtblockd: %s\n", error->message);
    g_error_free(error);
    daemon->status = 1;
    g_main_loop_quit(daemon->loop);
}

/* Clients are served when the model is there, so that none sees half of it. */
static void
on_driver_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Daemon *daemon = user_data;
    GError *error = NULL;

    if (!driver_start_finish(daemon->driver, result, &error)) {
        fail(daemon, error);
        return;
    }

    daemon->listener = listener_new(
        daemon->place->socket_path, daemon->exporter, on_clients_changed, daemon, &error);
    if (daemon->listener == NULL) {
        fail(daemon, error);
        return;
    }

    join_bus(daemon);
    on_clients_changed(daemon);
    g_message("listening at '%s'", daemon->place->socket_path);
}

static void
run(Daemon *daemon)
{
    DriverConfig config = {
        .runtime_dir = daemon->place->runtime_dir,
        .shim_path = daemon->place->shim_path,
    };

    daemon->loop = g_main_loop_new(NULL, FALSE);
    daemon->store = daemon_store_new(daemon->place->state_dir);
    daemon->driver = driver_new(VB_STORE(daemon->store), &config);
    daemon->exporter = exporter_new();
    daemon->manager = manager_object_new(daemon->exporter, daemon->driver, daemon->store);
    g_unix_signal_add(SIGTERM, on_signal, daemon);
    g_unix_signal_add(SIGINT, on_signal, daemon);
    driver_start_async(daemon->driver, on_driver_started, daemon);

    g_main_loop_run(daemon->loop);

    g_clear_handle_id(&daemon->idle, g_source_remove);
    if (daemon->bus_name != 0)
        g_bus_unown_name(daemon->bus_name);
    listener_free(daemon->listener);
    manager_object_free(daemon->manager);
    g_object_unref(daemon->driver);
    exporter_free(daemon->exporter);
    g_object_unref(daemon->store);
    g_main_loop_unref(daemon->loop);
}

typedef struct {
    gboolean is_session;
    gboolean is_system;
    gboolean is_verbose;
    gboolean is_version;
    char *socket_path;
    char *state_dir;
    int timeout_s;
} Words;

static gboolean
parse_words(int *argc, char ***argv, Words *words, GError **error)
{
    GOptionEntry entries[] = {
        {"session", 0, 0, G_OPTION_ARG_NONE, &words->is_session, "Serve the session", NULL},
        {"system", 0, 0, G_OPTION_ARG_NONE, &words->is_system, "Serve the system", NULL},
        {"socket", 0, 0, G_OPTION_ARG_FILENAME, &words->socket_path, "Listen at PATH", "PATH"},
        {"state-dir", 0, 0, G_OPTION_ARG_FILENAME, &words->state_dir, "Keep state in DIR", "DIR"},
        {"timeout",
         0,
         0,
         G_OPTION_ARG_INT,
         &words->timeout_s,
         "Go after SECONDS without clients and jobs (0: never; 30 for a session)",
         "SECONDS"},
        {"verbose", 'v', 0, G_OPTION_ARG_NONE, &words->is_verbose, "Log everything", NULL},
        {"version", 0, 0, G_OPTION_ARG_NONE, &words->is_version, "Print the version", NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- disk image chains of machines");

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1 || (words->is_session && words->is_system)) {
        g_set_error(error,
                    G_OPTION_ERROR,
                    G_OPTION_ERROR_FAILED,
                    *argc > 1 ? "'%s' is no option" : "--session and --system exclude each other%s",
                    *argc > 1 ? (*argv)[1] : "");
        return FALSE;
    }

    return TRUE;
}

int
main(int argc, char **argv)
{
    Words words = {.timeout_s = -1};
    g_autoptr(Place) place = NULL;
    g_autoptr(GError) error = NULL;
    Daemon daemon = {0};
    gboolean is_session;

    signal(SIGPIPE, SIG_IGN);
    umask(0077);
    if (!parse_words(&argc, &argv, &words, &error)) {
        fprintf(stderr, "virtblockd: %s\n", error->message);
        return 1;
    }
    if (words.is_version) {
        puts("virtblockd " VIRTBLOCK_VERSION);
        return 0;
    }
    if (words.is_verbose)
        g_setenv("G_MESSAGES_DEBUG", "all", FALSE);

    is_session = words.is_session || (!words.is_system && geteuid() != 0);
    place = place_find(is_session, words.socket_path, words.state_dir);
    g_free(words.socket_path);
    g_free(words.state_dir);
    if (!place_prepare(place, &error) || !place_lock(place, &error)) {
        fprintf(stderr, "virtblockd: %s\n", error->message);
        return 1;
    }

    daemon.place = place;
    daemon.timeout_s = words.timeout_s >= 0 ? (guint)words.timeout_s
                                            : (is_session ? SESSION_TIMEOUT_S : 0);
    run(&daemon);
    return daemon.status;
}
