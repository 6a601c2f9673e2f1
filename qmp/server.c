/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Server end */

#include "qmp/server.h"

#include "api/vblk-error.h"
#include "qmp/channel.h"
#include "qmp/message.h"
#include "qmp/qmp-error.h"
#include "qmp/value.h"

struct _QmpServer {
    GObject parent;

    QmpChannel *channel; /* NULL once closed */
    gboolean is_negotiated;
    gboolean (*is_known)(const char *command);
    QmpServerHandler handler;
    gpointer user_data;
};

G_DEFINE_FINAL_TYPE(QmpServer, qmp_server, G_TYPE_OBJECT)

enum {
    SIGNAL_CLOSED,
    N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
finish_close(QmpServer *server)
{
    g_signal_emit(server, signals[SIGNAL_CLOSED], 0);
    g_object_unref(server);
}

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(QMP_ERROR, QMP_ERROR_GENERIC_ERROR, format, list));
    va_end(list);
    return FALSE;
}

/* No capability is offered, so none can be enabled. */
static gboolean
check_enabled(GVariant *list, GError **error)
{
    if (!g_variant_is_of_type(list, G_VARIANT_TYPE("av")))
        return refuse(error, "Invalid parameter type for 'enable', expected: array");

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(list, i);
        g_autoptr(GVariant) name = g_variant_get_variant(boxed);

        if (!g_variant_is_of_type(name, G_VARIANT_TYPE_STRING))
            return refuse(error, "Invalid parameter type for 'enable[%zu]', expected: string", i);
        return refuse(error, "Capability %s not available", g_variant_get_string(name, NULL));
    }

    return TRUE;
}

/* In QEMU's order: an argument that is wrong is told of also where negotiation is over. */
static gboolean
negotiate(QmpServer *server, GVariant *arguments, GError **error)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iter, arguments);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        g_autoptr(GVariant) member = value;

        if (!g_str_equal(name, "enable"))
            return refuse(error, "Parameter '%s' is unexpected", name);
        if (!check_enabled(member, error))
            return FALSE;
    }

    if (server->is_negotiated) {
        g_set_error(error,
                    QMP_ERROR,
                    QMP_ERROR_COMMAND_NOT_FOUND,
                    "Capabilities negotiation is already complete, command ignored");
        return FALSE;
    }

    server->is_negotiated = TRUE;
    return TRUE;
}

static GVariant *
execute(QmpServer *server, const char *command, GVariant *arguments, GError **error)
{
    GVariant *value;

    if (g_str_equal(command, "qmp_capabilities")) {
        if (!negotiate(server, arguments, error))
            return NULL;
        return g_variant_ref_sink(g_variant_new("a{sv}", NULL));
    }

    if (!server->is_negotiated) {
        g_set_error(error,
                    QMP_ERROR,
                    QMP_ERROR_COMMAND_NOT_FOUND,
                    "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    if (!server->is_known(command)) {
        g_set_error(error,
                    QMP_ERROR,
                    QMP_ERROR_COMMAND_NOT_FOUND,
                    "The command %s has not been found",
                    command);
        return NULL;
    }

    value = server->handler(server, command, arguments, server->user_data, error);
    return value != NULL ? g_variant_take_ref(value) : NULL;
}

static void
on_message(GBytes *bytes, gpointer user_data)
{
    QmpServer *server = user_data;
    g_autoptr(QmpServer) hold = g_object_ref(server);
    g_autoptr(GVariant) message = NULL;
    g_autoptr(GVariant) arguments = NULL;
    g_autoptr(GVariant) value = NULL;
    g_autoptr(GVariant) id = NULL;
    g_autoptr(GError) error = NULL;
    const char *command;

    message = qmp_value_parse(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), &error);
    if (message != NULL)
        id = qmp_message_get_id(message);
    if (message != NULL && qmp_message_read_command(message, &command, &arguments, &error))
        value = execute(server, command, arguments, &error);

    if (server->channel == NULL)
        return;
    qmp_channel_send(server->channel,
                     error != NULL ? qmp_message_new_error(error, id)
                                   : qmp_message_new_return(value, id));
}

/* What cannot be JSON is answered; only what breaks a limit ends the session. */
static gboolean
on_rubbish(const GError *reason, gpointer user_data)
{
    QmpServer *server = user_data;

    qmp_channel_send(server->channel, qmp_message_new_error(reason, NULL));
    return !g_error_matches(reason, VBLK_ERROR, VBLK_ERROR_LIMIT);
}

static void
on_closed(const GError *reason, gpointer user_data)
{
    QmpServer *server = user_data;

    if (reason != NULL)
        g_debug("a monitor's client was let go: %s", reason->message);
    server->channel = NULL; /* it has closed itself */
    finish_close(server);
}

QmpServer *
qmp_server_new(GIOStream *stream,
               guint version,
               const char *package,
               gboolean (*is_known)(const char *command),
               QmpServerHandler handler,
               gpointer user_data)
{
    static const QmpChannelEvents events = {on_message, on_rubbish, on_closed};
    QmpServer *server = g_object_new(QMP_TYPE_SERVER, NULL);

    server->is_known = is_known;
    server->handler = handler;
    server->user_data = user_data;
    server->channel = qmp_channel_new(stream, QMP_SERVER_MAX_BACKLOG, &events, server);
    qmp_channel_send(server->channel, qmp_message_new_greeting(version, package));
    return g_object_ref(server); /* the other one is the open channel's */
}

void
qmp_server_send_event(QmpServer *server, const char *name, GVariant *data, gint64 time_us)
{
    g_autoptr(GVariant) owned = data != NULL ? g_variant_ref_sink(data) : NULL;

    if (server->channel != NULL && server->is_negotiated)
        qmp_channel_send(server->channel, qmp_message_new_event(name, owned, time_us));
}

void
qmp_server_close(QmpServer *server)
{
    if (server->channel == NULL)
        return;

    g_clear_pointer(&server->channel, qmp_channel_close);
    finish_close(server);
}

static void
qmp_server_class_init(QmpServerClass *class)
{
    signals[SIGNAL_CLOSED] = g_signal_new(
        "closed", QMP_TYPE_SERVER, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
qmp_server_init(QmpServer *server)
{
}
