/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Private socket */

#include "daemon/listener.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include "api/vblk-error.h"
#include "daemon/authorizer.h"

#define BACKLOG        64
#define ACCEPT_REST_MS 500

struct _Listener {
    GObject parent;

    char *path;
    char *guid;
    GSocket *socket; /* NULL: not listening */
    GSource *source; /* NULL: not listening, or resting */
    GSource *rest;   /* NULL: not resting */
    GDBusAuthObserver *observer;
    GHashTable *clients; /* GDBusConnection, owned */
    GPtrArray *logins;   /* of Login, each freed by its own end */
};

/* A client that has not authenticated yet. */
typedef struct {
    Listener *listener;
    GCancellable *cancellable;
    GSource *timer;
} Login;

enum {
    SIGNAL_CLIENT_ADDED,
    SIGNAL_CLIENT_GONE,
    N_SIGNALS,
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE(Listener, listener, G_TYPE_OBJECT)

static void watch(Listener *listener);

static void
clear_source(GSource **source)
{
    if (*source != NULL)
        g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void
login_free(Login *login)
{
    clear_source(&login->timer);
    g_object_unref(login->cancellable);
    g_object_unref(login->listener);
    g_free(login);
}

static void
on_client_closed(GDBusConnection *connection,
                 gboolean by_remote,
                 GError *reason,
                 Listener *listener)
{
    g_autoptr(GDBusConnection) held = g_object_ref(connection);

    g_debug("a client has gone: %s", reason != NULL ? reason->message : "closed");
    if (g_hash_table_remove(listener->clients, connection))
        g_signal_emit(listener, signals[SIGNAL_CLIENT_GONE], 0, held);
}

static void
on_logged_in(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Login *login = user_data;
    g_autoptr(Listener) listener = g_object_ref(login->listener);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) connection = g_dbus_connection_new_finish(result, &error);

    g_ptr_array_remove_fast(listener->logins, login);
    login_free(login);
    if (connection == NULL) {
        g_info("a client did not log in: %s", error->message);
        return;
    }

    g_hash_table_add(listener->clients, g_object_ref(connection));
    g_signal_connect_object(
        connection, "closed", G_CALLBACK(on_client_closed), listener, G_CONNECT_DEFAULT);
    g_signal_emit(listener, signals[SIGNAL_CLIENT_ADDED], 0, connection);
}

static gboolean
on_login_timeout(gpointer user_data)
{
    Login *login = user_data;

    g_cancellable_cancel(login->cancellable);
    return G_SOURCE_REMOVE;
}

static GSource *
add_timer(guint interval_ms, GSourceFunc callback, gpointer user_data)
{
    GSource *source = g_timeout_source_new(interval_ms);

    g_source_set_callback(source, callback, user_data, NULL);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

static void
log_in(Listener *listener, GSocket *socket)
{
    g_autoptr(GSocketConnection) stream = g_socket_connection_factory_create_connection(socket);
    Login *login = g_new0(Login, 1);

    login->listener = g_object_ref(listener);
    login->cancellable = g_cancellable_new();
    login->timer = add_timer(LISTENER_LOGIN_TIMEOUT_MS, on_login_timeout, login);
    g_ptr_array_add(listener->logins, login);
    g_dbus_connection_new(G_IO_STREAM(stream),
                          listener->guid,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          listener->observer,
                          login->cancellable,
                          on_logged_in,
                          login);
}

static gboolean
may_enter(Listener *listener, GSocket *socket)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GCredentials) credentials = g_socket_get_credentials(socket, &error);
    uid_t uid = (uid_t)-1;

    if (credentials != NULL)
        uid = g_credentials_get_unix_user(credentials, &error);
    if (error != NULL) {
        g_warning("turned a client away that nobody knows: %s", error->message);
        return FALSE;
    }

    if (!authorizer_is_trusted_user(uid)) {
        g_warning("turned user '%u' away from '%s'", (guint)uid, listener->path);
        return FALSE;
    }

    if (listener_count_clients(listener) >= LISTENER_MAX_CLIENTS) {
        g_warning("turned a client away: '%d' are there already", LISTENER_MAX_CLIENTS);
        return FALSE;
    }

    return TRUE;
}

static gboolean
on_rested(gpointer user_data)
{
    Listener *listener = user_data;

    clear_source(&listener->rest);
    watch(listener);
    return G_SOURCE_REMOVE;
}

/* TRUE: a client was there. */
static gboolean
accept_one(Listener *listener, GError **error)
{
    g_autoptr(GSocket) socket = g_socket_accept(listener->socket, NULL, error);

    if (socket == NULL)
        return FALSE;

    if (may_enter(listener, socket))
        log_in(listener, socket);
    return TRUE;
}

static gboolean
on_ready(GSocket *socket, GIOCondition condition, gpointer user_data)
{
    Listener *listener = user_data;
    g_autoptr(GError) error = NULL;

    if (accept_one(listener, &error) || g_error_matches(error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK))
        return G_SOURCE_CONTINUE;

    /* Out of descriptors, most likely. The client still waits, so we would be called at once. */
    g_warning("cannot take a client at '%s': %s, waiting", listener->path, error->message);
    clear_source(&listener->source);
    listener->rest = add_timer(ACCEPT_REST_MS, on_rested, listener);
    return G_SOURCE_REMOVE;
}

static void
watch(Listener *listener)
{
    listener->source = g_socket_create_source(listener->socket, G_IO_IN, NULL);
    g_source_set_callback(listener->source, G_SOURCE_FUNC(on_ready), listener, NULL);
    g_source_attach(listener->source, g_main_context_get_thread_default());
}

static gboolean
fail(GError **error, const char *path, const char *reason)
{
    g_set_error(error, VBLK_ERROR, VBLK_ERROR_FAILED, "cannot listen at '%s': %s", path, reason);
    return FALSE;
}

/* FALSE: refused, as a socket does that a daemon left behind when it was killed. */
gboolean
listener_is_answered(const char *socket_path)
{
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(socket_path);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) probe = g_socket_new(
        G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, &error);

    if (probe == NULL)
        return TRUE;

    /* One whose queue is full would block, and is alive. */
    g_socket_set_blocking(probe, FALSE);
    return g_socket_connect(probe, address, NULL, &error) ||
           (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED) &&
            !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND));
}

static gboolean
remove_stale(Listener *listener, GError **error)
{
    struct stat status;

    if (lstat(listener->path, &status) < 0)
        return errno == ENOENT || fail(error, listener->path, g_strerror(errno));

    if (!S_ISSOCK(status.st_mode))
        return fail(error, listener->path, "something else is there");

    if (listener_is_answered(listener->path))
        return fail(error, listener->path, "another process answers there");

    g_info("removing the socket '%s', on which nobody answers", listener->path);
    if (unlink(listener->path) < 0)
        return fail(error, listener->path, g_strerror(errno));
    return TRUE;
}

static GSocket *
bind_socket(Listener *listener, GSocketAddress *address, GError **error)
{
    g_autoptr(GSocket) socket = g_socket_new(
        G_SOCKET_FAMILY_UNIX, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, error);
    mode_t mask;
    gboolean is_bound;

    if (socket == NULL)
        return NULL;

    g_socket_set_blocking(socket, FALSE);
    g_socket_set_listen_backlog(socket, BACKLOG);
    mask = umask(0177);
    is_bound = g_socket_bind(socket, address, FALSE, error);
    umask(mask);
    if (!is_bound || !g_socket_listen(socket, error))
        return NULL;

    return g_steal_pointer(&socket);
}

gboolean
listener_start(Listener *listener, GError **error)
{
    g_autoptr(GSocketAddress) address = NULL;
    g_autoptr(GError) reason = NULL;

    if (strlen(listener->path) > LISTENER_MAX_SOCKET_PATH_LEN) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "socket path '%s' has '%zu' bytes, more than '%d'",
                    listener->path,
                    strlen(listener->path),
                    LISTENER_MAX_SOCKET_PATH_LEN);
        return FALSE;
    }

    address = g_unix_socket_address_new(listener->path);
    if (!remove_stale(listener, error))
        return FALSE;

    listener->socket = bind_socket(listener, address, &reason);
    if (listener->socket == NULL)
        return fail(error, listener->path, reason->message);

    watch(listener);
    return TRUE;
}

guint
listener_count_clients(Listener *listener)
{
    return g_hash_table_size(listener->clients) + listener->logins->len;
}

static void
stop(Listener *listener)
{
    clear_source(&listener->source);
    clear_source(&listener->rest);
    g_clear_object(&listener->socket);
}

gboolean
listener_retire(Listener *listener)
{
    g_autoptr(GError) error = NULL;

    if (listener->socket == NULL)
        return TRUE;

    /* From here on nobody finds us; who has found us is in the queue. */
    g_unlink(listener->path);
    if (!accept_one(listener, NULL)) {
        stop(listener);
        return TRUE;
    }

    while (accept_one(listener, NULL))
        continue;
    stop(listener);
    if (!listener_start(listener, &error))
        g_warning("%s: no further client will come", error->message);
    return FALSE;
}

void
listener_close(Listener *listener)
{
    g_autoptr(GList) clients = g_hash_table_get_keys(listener->clients);

    if (listener->socket != NULL)
        g_unlink(listener->path);
    stop(listener);
    for (guint i = 0; i < listener->logins->len; i++)
        g_cancellable_cancel(((Login *)listener->logins->pdata[i])->cancellable);
    for (GList *link = clients; link != NULL; link = link->next)
        g_dbus_connection_close(link->data, NULL, NULL, NULL);
}

/* Called on a thread of GDBus. */
static gboolean
on_allow_mechanism(GDBusAuthObserver *observer, const char *mechanism, gpointer user_data)
{
    return g_str_equal(mechanism, "EXTERNAL");
}

/* Likewise. The kernel was asked before; this is what the client says of itself. */
static gboolean
on_authorize(GDBusAuthObserver *observer,
             GIOStream *stream,
             GCredentials *credentials,
             gpointer user_data)
{
    return credentials != NULL &&
           authorizer_is_trusted_user(g_credentials_get_unix_user(credentials, NULL));
}

Listener *
listener_new(const char *socket_path)
{
    Listener *listener = g_object_new(LISTENER_TYPE, NULL);

    listener->path = g_strdup(socket_path);
    return listener;
}

static void
listener_finalize(GObject *object)
{
    Listener *listener = VB_LISTENER(object);

    stop(listener);
    g_hash_table_unref(listener->clients);
    g_ptr_array_unref(listener->logins);
    g_object_unref(listener->observer);
    g_free(listener->guid);
    g_free(listener->path);

    G_OBJECT_CLASS(listener_parent_class)->finalize(object);
}

static void
listener_class_init(ListenerClass *class)
{
    static const char *const names[N_SIGNALS] = {"client-added", "client-gone"};
    GType types[] = {G_TYPE_DBUS_CONNECTION};

    G_OBJECT_CLASS(class)->finalize = listener_finalize;
    for (guint i = 0; i < N_SIGNALS; i++)
        signals[i] = g_signal_newv(names[i],
                                   LISTENER_TYPE,
                                   G_SIGNAL_RUN_LAST,
                                   NULL,
                                   NULL,
                                   NULL,
                                   NULL,
                                   G_TYPE_NONE,
                                   G_N_ELEMENTS(types),
                                   types);
}

static void
listener_init(Listener *listener)
{
    listener->guid = g_dbus_generate_guid();
    listener->clients = g_hash_table_new_full(NULL, NULL, g_object_unref, NULL);
    listener->logins = g_ptr_array_new();
    listener->observer = g_dbus_auth_observer_new();
    g_signal_connect(listener->observer, "allow-mechanism", G_CALLBACK(on_allow_mechanism), NULL);
    g_signal_connect(
        listener->observer, "authorize-authenticated-peer", G_CALLBACK(on_authorize), NULL);
}
