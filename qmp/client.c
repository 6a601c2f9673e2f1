/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Client end */

#include "qmp/client.h"

#include <gio/gunixsocketaddress.h>

#include "api/vblk-error.h"
#include "qmp/calls.h"
#include "qmp/channel.h"
#include "qmp/message.h"
#include "qmp/value.h"

#define MAX_BACKLOG (16 * 1024 * 1024)

typedef enum {
    AWAITING_GREETING,
    NEGOTIATING,
    OPEN,
    CLOSED,
} State;

struct _QmpClient {
    GObject parent;

    QmpChannel *channel; /* NULL once closed */
    State state;
    GTask *opening;     /* NULL once open or closed */
    guint deadline;     /* of the opening; 0: none */
    GSource *cancelled; /* of the opening; NULL: none */
    char *peer;         /* for messages: "monitor at '/run/x'" */
    guint version;
    char *package;
    int peer_pid;
    QmpCalls *calls;
};

G_DEFINE_FINAL_TYPE(QmpClient, qmp_client, G_TYPE_OBJECT)

enum {
    SIGNAL_EVENT,
    SIGNAL_CLOSED,
    N_SIGNALS,
};

static guint signals[N_SIGNALS];

/* It is open, or will never be. */
static GTask *
end_opening(QmpClient *client)
{
    g_clear_handle_id(&client->deadline, g_source_remove);
    if (client->cancelled != NULL) {
        g_source_destroy(client->cancelled);
        g_clear_pointer(&client->cancelled, g_source_unref);
    }

    return g_steal_pointer(&client->opening);
}

/* Fails what is open, tells once, and gives up the reference that the open channel stood for. */
static void
close_with(QmpClient *client, const GError *reason)
{
    g_autoptr(GTask) opening = end_opening(client);

    if (client->state == CLOSED)
        return;

    client->state = CLOSED;
    g_clear_pointer(&client->channel, qmp_channel_close);
    qmp_calls_fail_all(client->calls, reason);
    if (opening != NULL)
        g_task_return_error(opening, g_error_copy(reason));
    g_signal_emit(client, signals[SIGNAL_CLOSED], 0, reason);
    g_object_unref(client);
}

static void
close_for_fault(QmpClient *client, const char *fault)
{
    g_autoptr(GError) error = g_error_new(
        VBLK_ERROR, VBLK_ERROR_NO_CONNECTION, "the %s broke the protocol: %s", client->peer, fault);

    close_with(client, error);
}

static void
on_closed(const GError *reason, gpointer user_data)
{
    QmpClient *client = user_data;
    g_autoptr(GError) error = NULL;

    error = g_error_new(VBLK_ERROR,
                        VBLK_ERROR_NO_CONNECTION,
                        client->state == OPEN ? "the %s went away: %s"
                                              : "the %s did not open a session: %s",
                        client->peer,
                        reason != NULL ? reason->message : "it closed the connection");
    client->channel = NULL; /* it has closed itself */
    close_with(client, error);
}

static gboolean
on_rubbish(const GError *reason, gpointer user_data)
{
    close_for_fault(user_data, reason->message);
    return FALSE;
}

static void
take_answer(QmpClient *client, GVariant *message)
{
    g_autoptr(GVariant) value = NULL;
    g_autoptr(GError) failure = NULL;
    g_autoptr(GError) fault = NULL;
    g_autoptr(GTask) task = NULL;
    gint64 id;

    if (!qmp_message_read_answer(message, &id, &value, &failure, &fault)) {
        close_for_fault(client, fault->message);
        return;
    }

    switch (qmp_calls_take(client->calls, id, &task)) {
    case QMP_ANSWER_AWAITED:
        if (failure != NULL)
            g_task_return_error(task, g_steal_pointer(&failure));
        else
            g_task_return_pointer(task, g_steal_pointer(&value), (GDestroyNotify)g_variant_unref);
        break;
    case QMP_ANSWER_LATE:
        break;
    case QMP_ANSWER_TO_NOTHING:
        close_for_fault(client, "an answer to nothing that was asked");
        break;
    }
}

static void
on_negotiated(GObject *source, GAsyncResult *result, gpointer user_data)
{
    QmpClient *client = QMP_CLIENT(source);
    g_autoptr(GTask) opening = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = qmp_client_call_finish(client, result, &error);

    if (client->state != NEGOTIATING)
        return;
    if (reply == NULL) {
        g_autoptr(GError) reason = g_error_new(VBLK_ERROR,
                                               VBLK_ERROR_NO_CONNECTION,
                                               "the %s did not open a session: %s",
                                               client->peer,
                                               error->message);

        close_with(client, reason);
        return;
    }

    client->state = OPEN;
    opening = end_opening(client);
    g_task_return_pointer(opening, g_object_ref(client), g_object_unref);
}

static void
take_greeting(QmpClient *client, GVariant *message)
{
    if (!qmp_message_read_greeting(message, &client->version, &client->package)) {
        close_for_fault(client, "its first message is no greeting");
        return;
    }

    client->state = NEGOTIATING;
    qmp_client_call_async(client,
                          "qmp_capabilities",
                          NULL,
                          2 * QMP_CLIENT_GREETING_TIMEOUT_MS, /* the opening's deadline is nearer */
                          NULL,
                          on_negotiated,
                          NULL);
}

static void
on_message(GBytes *bytes, gpointer user_data)
{
    QmpClient *client = user_data;
    g_autoptr(QmpClient) hold = g_object_ref(client);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) message = NULL;
    g_autoptr(GVariant) data = NULL;
    const char *event;
    gint64 time_us;

    message = qmp_value_parse(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &error);
    if (message == NULL)
        close_for_fault(client, error->message);
    else if (client->state == AWAITING_GREETING)
        take_greeting(client, message);
    else if (qmp_message_read_event(message, &event, &data, &time_us))
        g_signal_emit(client, signals[SIGNAL_EVENT], 0, event, data, time_us);
    else
        take_answer(client, message);
}

static gboolean
on_opening_overdue(gpointer user_data)
{
    QmpClient *client = user_data;
    g_autoptr(GError) error = NULL;

    error = g_error_new(VBLK_ERROR,
                        VBLK_ERROR_TIMEOUT,
                        client->state == AWAITING_GREETING
                            ? "the %s did not greet within '%d' ms"
                            : "the %s did not open a session within '%d' ms",
                        client->peer,
                        QMP_CLIENT_GREETING_TIMEOUT_MS);
    client->deadline = 0;
    close_with(client, error);
    return G_SOURCE_REMOVE;
}

static gboolean
on_opening_cancelled(GCancellable *cancellable, gpointer user_data)
{
    QmpClient *client = user_data;
    g_autoptr(GError) error = g_error_new(
        VBLK_ERROR, VBLK_ERROR_CANCELLED, "connecting to the %s was cancelled", client->peer);

    close_with(client, error);
    return G_SOURCE_REMOVE;
}

static int
find_peer_pid(GIOStream *stream)
{
    g_autoptr(GCredentials) credentials = NULL;

    if (!G_IS_SOCKET_CONNECTION(stream))
        return 0;

    credentials = g_socket_get_credentials(
        g_socket_connection_get_socket(G_SOCKET_CONNECTION(stream)), NULL);
    return credentials != NULL ? MAX(g_credentials_get_unix_pid(credentials, NULL), 0) : 0;
}

static char *
describe_peer(const char *path, int pid)
{
    if (path != NULL)
        return g_strdup_printf("monitor at '%s'", path);
    return pid > 0 ? g_strdup_printf("monitor of process '%d'", pid) : g_strdup("monitor");
}

/* @path: NULL where it is not known. */
static void
begin(GTask *task, GIOStream *stream, const char *path)
{
    static const QmpChannelEvents events = {on_message, on_rubbish, on_closed};
    QmpClient *client = g_object_new(QMP_TYPE_CLIENT, NULL);
    GCancellable *cancellable = g_task_get_cancellable(task);

    client->opening = task;
    client->peer_pid = find_peer_pid(stream);
    client->peer = describe_peer(path, client->peer_pid);
    client->calls = qmp_calls_new(client->peer);
    client->channel = qmp_channel_new(stream, MAX_BACKLOG, &events, client);
    client->deadline = g_timeout_add(QMP_CLIENT_GREETING_TIMEOUT_MS, on_opening_overdue, client);
    if (cancellable != NULL) {
        client->cancelled = g_cancellable_source_new(cancellable);
        g_source_set_callback(client->cancelled, G_SOURCE_FUNC(on_opening_cancelled), client, NULL);
        g_source_attach(client->cancelled, NULL);
    }
}

/* We see to the cancellable ourselves: the task's own check would lose a client that is open. */
static GTask *
new_opening(GCancellable *cancellable,
            GAsyncReadyCallback callback,
            gpointer user_data,
            gpointer source_tag)
{
    GTask *task = g_task_new(NULL, cancellable, callback, user_data);

    g_task_set_check_cancellable(task, FALSE);
    g_task_set_source_tag(task, source_tag);
    return task;
}

void
qmp_client_new_async(GIOStream *stream,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data)
{
    begin(new_opening(cancellable, callback, user_data, qmp_client_new_async), stream, NULL);
}

QmpClient *
qmp_client_new_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, qmp_client_new_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    const char *path = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) stream = NULL;

    stream = g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
    if (stream == NULL) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
                                    ? VBLK_ERROR_CANCELLED
                                    : VBLK_ERROR_NO_CONNECTION,
                                "cannot connect to the monitor at '%s': %s",
                                path,
                                error->message);
        return;
    }

    begin(g_steal_pointer(&task), G_IO_STREAM(stream), path);
}

void
qmp_client_connect_async(const char *socket_path,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data)
{
    GTask *task = new_opening(cancellable, callback, user_data, qmp_client_connect_async);
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(socket_path);

    g_task_set_task_data(task, g_strdup(socket_path), g_free);
    g_socket_client_connect_async(
        client, G_SOCKET_CONNECTABLE(address), cancellable, on_connected, task);
}

QmpClient *
qmp_client_connect_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, qmp_client_connect_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

guint
qmp_client_get_version(QmpClient *client)
{
    return client->version;
}

const char *
qmp_client_get_package(QmpClient *client)
{
    return client->package;
}

gboolean
qmp_client_is_closed(QmpClient *client)
{
    return client->state == CLOSED;
}

int
qmp_client_get_peer_pid(QmpClient *client)
{
    return client->peer_pid;
}

/* NULL where a command may be sent. */
static GError *
find_obstacle(QmpClient *client, const char *command, GCancellable *cancellable)
{
    if (client->state == CLOSED || client->state == AWAITING_GREETING)
        return g_error_new(VBLK_ERROR,
                           VBLK_ERROR_NO_CONNECTION,
                           "cannot send '%s': the %s is closed",
                           command,
                           client->peer);
    if (g_cancellable_is_cancelled(cancellable))
        return g_error_new(
            VBLK_ERROR, VBLK_ERROR_CANCELLED, "'%s' was cancelled before it was sent", command);
    if (qmp_calls_is_full(client->calls))
        return g_error_new(VBLK_ERROR,
                           VBLK_ERROR_LIMIT,
                           "cannot send '%s': the %s left '%d' commands unanswered",
                           command,
                           client->peer,
                           QMP_CALLS_MAX);
    return NULL;
}

void
qmp_client_call_async(QmpClient *client,
                      const char *command,
                      GVariant *arguments,
                      guint timeout_ms,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
    GTask *task = g_task_new(client, cancellable, callback, user_data);
    g_autoptr(GVariant) owned = arguments != NULL ? g_variant_ref_sink(arguments) : NULL;
    GError *obstacle = find_obstacle(client, command, cancellable);
    gint64 id;

    g_task_set_source_tag(task, qmp_client_call_async);
    g_task_set_check_cancellable(task, FALSE);
    if (obstacle != NULL) {
        g_task_return_error(task, obstacle);
        g_object_unref(task);
        return;
    }

    id = qmp_calls_add(client->calls, task, command, timeout_ms);
    qmp_channel_send(client->channel, qmp_message_new_command(command, owned, id));
}

GVariant *
qmp_client_call_finish(QmpClient *client, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, client), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
qmp_client_close(QmpClient *client)
{
    g_autoptr(GError) error = g_error_new(
        VBLK_ERROR, VBLK_ERROR_CANCELLED, "the %s was closed by us", client->peer);

    close_with(client, error);
}

static void
qmp_client_finalize(GObject *object)
{
    QmpClient *client = QMP_CLIENT(object);

    g_assert(client->state == CLOSED);
    qmp_calls_free(client->calls);
    g_free(client->package);
    g_free(client->peer);

    G_OBJECT_CLASS(qmp_client_parent_class)->finalize(object);
}

static void
qmp_client_class_init(QmpClientClass *class)
{
    G_OBJECT_CLASS(class)->finalize = qmp_client_finalize;

    signals[SIGNAL_EVENT] = g_signal_new("event",
                                         QMP_TYPE_CLIENT,
                                         G_SIGNAL_RUN_LAST,
                                         0,
                                         NULL,
                                         NULL,
                                         NULL,
                                         G_TYPE_NONE,
                                         3,
                                         G_TYPE_STRING,
                                         G_TYPE_VARIANT,
                                         G_TYPE_INT64);
    signals[SIGNAL_CLOSED] = g_signal_new("closed",
                                          QMP_TYPE_CLIENT,
                                          G_SIGNAL_RUN_LAST,
                                          0,
                                          NULL,
                                          NULL,
                                          NULL,
                                          G_TYPE_NONE,
                                          1,
                                          G_TYPE_ERROR);
}

static void
qmp_client_init(QmpClient *client)
{
}
