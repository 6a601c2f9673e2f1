/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Service */

#include "daemon/service.h"

#include <signal.h>
#include <unistd.h>

#include <glib-unix.h>

#include "api/vblk-error.h"
#include "daemon/bus.h"
#include "daemon/gate.h"
#include "daemon/listener.h"
#include "daemon/lock.h"
#include "daemon/manager-object.h"
#include "daemon/object-path.h"
#include "daemon/registry.h"

/* A daemon that is on its way out has closed its socket before its lock: its successor waits. */
#define LOCK_RETRY_MS   50
#define LOCK_MAX_TRIES  60
#define PEER_TIMEOUT_MS 10000

typedef struct {
    const ServiceConfig *config;
    GMainLoop *loop;
    GError *failure; /* NULL: ends well */
    int lock_fd;
    guint lock_tries;
    DaemonStore *store;
    Driver *driver;
    Exporter *exporter;
    Registry *registry;
    Listener *listener;
    Bus *bus;
    guint idle_timer;
    gboolean is_stopping;
} Service;

static void
finish(Service *service, GError *failure)
{
    if (service->failure == NULL)
        service->failure = failure;
    else
        g_clear_error(&failure);
    g_main_loop_quit(service->loop);
}

static void
on_stopped(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GError *error = NULL;

    driver_stop_finish(VB_DRIVER(source), result, &error);
    finish(user_data, error);
}

static void
stop(Service *service)
{
    if (service->is_stopping)
        return;

    service->is_stopping = TRUE;
    g_clear_handle_id(&service->idle_timer, g_source_remove);
    g_clear_pointer(&service->bus, bus_leave);
    if (service->listener != NULL)
        listener_close(service->listener);
    if (service->driver != NULL)
        driver_stop_async(service->driver, on_stopped, service);
    else
        finish(service, NULL);
}

static gboolean
on_signal(gpointer user_data)
{
    g_info("asked to stop");
    stop(user_data);
    return G_SOURCE_CONTINUE;
}

static gboolean
is_idle(Service *service)
{
    return listener_count_clients(service->listener) == 0 && gate_count_calls() == 0 &&
           driver_is_idle(service->driver);
}

/* Twice in a row, and no call in between: one long pause, whatever came in the middle. */
static gboolean
on_idle_timer(gpointer user_data)
{
    Service *service = user_data;
    gint64 timeout_us = (gint64)service->config->idle_timeout_s * G_USEC_PER_SEC;
    static gint64 busy_at_us;
    gint64 now_us = g_get_monotonic_time();

    if (!is_idle(service) || busy_at_us == 0)
        busy_at_us = now_us;

    if (now_us - MAX(busy_at_us, gate_get_last_call_us()) < timeout_us)
        return G_SOURCE_CONTINUE;

    if (!listener_retire(service->listener)) {
        busy_at_us = now_us;
        return G_SOURCE_CONTINUE;
    }

    g_info("nobody needed us for '%u' seconds", service->config->idle_timeout_s);
    service->idle_timer = 0;
    stop(service);
    return G_SOURCE_REMOVE;
}

static void
on_client_added(Listener *listener, GDBusConnection *connection, Service *service)
{
    g_autoptr(GError) error = NULL;

    if (!exporter_add_connection(service->exporter, connection, &error)) {
        g_warning("cannot serve a client: %s", error->message);
        g_dbus_connection_close(connection, NULL, NULL, NULL);
        return;
    }

    g_dbus_connection_start_message_processing(connection);
}

static void
on_client_gone(Listener *listener, GDBusConnection *connection, Service *service)
{
    exporter_remove_connection(service->exporter, connection);
}

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Service *service = user_data;
    GError *error = NULL;

    if (!driver_start_finish(VB_DRIVER(source), result, &error)) {
        finish(service, error);
        return;
    }

    if (service->is_stopping)
        return;

    manager_object_update(VB_MANAGER_OBJECT(exporter_find(service->exporter, OBJECT_PATH_ROOT)));
    if (!listener_start(service->listener, &error)) {
        finish(service, error);
        return;
    }

    service->bus = bus_join(service->exporter, service->config->is_session);
    if (service->config->idle_timeout_s > 0)
        service->idle_timer = g_timeout_add_seconds(1, on_idle_timer, service);
    g_info("listening at '%s'", service->config->paths->socket);
}

static void
start(Service *service)
{
    const Paths *paths = service->config->paths;
    const DriverConfig config = {paths->runtime_dir, paths->shim, PEER_TIMEOUT_MS};

    service->store = daemon_store_new(paths->state_dir);
    service->driver = driver_new(VB_STORE(service->store), &config);
    service->exporter = exporter_new();
    service->registry = registry_new(service->driver, service->exporter);
    exporter_add(service->exporter,
                 OBJECT_PATH_ROOT,
                 G_DBUS_INTERFACE_SKELETON(manager_object_new(service->driver, service->store)));
    service->listener = listener_new(paths->socket);
    g_signal_connect(service->listener, "client-added", G_CALLBACK(on_client_added), service);
    g_signal_connect(service->listener, "client-gone", G_CALLBACK(on_client_gone), service);
    driver_start_async(service->driver, on_started, service);
}

static gboolean
try_lock(gpointer user_data)
{
    Service *service = user_data;
    g_autofree char *path = g_build_filename(service->config->paths->state_dir, "lock", NULL);
    gboolean is_held = FALSE;
    GError *error = NULL;

    service->lock_fd = lock_take(path, &is_held, &error);
    if (service->lock_fd >= 0) {
        start(service);
        return G_SOURCE_REMOVE;
    }

    service->lock_tries++;
    if (is_held && service->lock_tries < LOCK_MAX_TRIES &&
        !listener_is_answered(service->config->paths->socket)) {
        g_clear_error(&error);
        g_timeout_add(LOCK_RETRY_MS, try_lock, service);
        return G_SOURCE_REMOVE;
    }

    finish(service, error);
    return G_SOURCE_REMOVE;
}

static void
clear(Service *service)
{
    g_clear_handle_id(&service->idle_timer, g_source_remove);
    g_clear_pointer(&service->bus, bus_leave);
    if (service->listener != NULL) {
        g_signal_handlers_disconnect_by_data(service->listener, service);
        listener_close(service->listener);
    }
    g_clear_object(&service->listener);
    g_clear_pointer(&service->registry, registry_free);
    g_clear_object(&service->exporter);
    g_clear_object(&service->driver);
    if (service->store != NULL)
        daemon_store_close(service->store);
    g_clear_object(&service->store);
    g_main_loop_unref(service->loop);
    if (service->lock_fd >= 0)
        close(service->lock_fd);
}

gboolean
service_run(const ServiceConfig *config, GError **error)
{
    Service service = {.config = config, .lock_fd = -1};
    guint term = g_unix_signal_add(SIGTERM, on_signal, &service);
    guint interrupt = g_unix_signal_add(SIGINT, on_signal, &service);

    service.loop = g_main_loop_new(NULL, FALSE);
    g_idle_add(try_lock, &service);
    g_main_loop_run(service.loop);

    g_source_remove(term);
    g_source_remove(interrupt);
    clear(&service);
    if (service.failure == NULL)
        return TRUE;

    g_propagate_error(error, service.failure);
    return FALSE;
}
