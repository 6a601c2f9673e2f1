/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Message channel */

#include "qmp/channel.h"

#include "api/vblk-error.h"
#include "qmp/framer.h"
#include "qmp/writer.h"

#define READ_SIZE         (64 * 1024)
#define MESSAGES_PER_TURN 64
#define LINGER_MS         5000

struct QmpChannel {
    gatomicrefcount references;
    GIOStream *stream;
    GCancellable *reading;
    GCancellable *writing;
    gsize max_backlog;
    const QmpChannelEvents *events; /* NULL once closed */
    gpointer user_data;
    QmpFramer *framer;
    GByteArray *outgoing; /* not handed to the stream yet */
    GBytes *in_flight;    /* NULL: nothing is being written */
    gboolean is_flooded;  /* the backlog is full; told in the next turn */
    gboolean is_closing;  /* the stream goes when all is written, or at the latest */
    guint linger;         /* after this time; 0: not yet, or done */
    char buffer[READ_SIZE];
};

static void read_more(QmpChannel *channel);
static void write_more(QmpChannel *channel);

static QmpChannel *
channel_ref(QmpChannel *channel)
{
    g_atomic_ref_count_inc(&channel->references);
    return channel;
}

static void
channel_unref(QmpChannel *channel)
{
    if (!g_atomic_ref_count_dec(&channel->references))
        return;

    qmp_framer_free(channel->framer);
    g_byte_array_unref(channel->outgoing);
    g_clear_pointer(&channel->in_flight, g_bytes_unref);
    g_object_unref(channel->reading);
    g_object_unref(channel->writing);
    g_object_unref(channel->stream);
    g_free(channel);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpChannel, channel_unref)

static void
fail(QmpChannel *channel, const GError *reason)
{
    const QmpChannelEvents *events = channel->events;

    if (events == NULL)
        return;

    qmp_channel_close(channel);
    events->on_closed(reason, channel->user_data);
}

/* FALSE where the channel is closed. */
static gboolean
take_rubbish(QmpChannel *channel, const GError *reason)
{
    if (!channel->events->on_rubbish(reason, channel->user_data))
        fail(channel, reason);

    return channel->events != NULL;
}

static gboolean
on_next_turn(gpointer user_data)
{
    read_more(user_data);
    return G_SOURCE_REMOVE;
}

/* FALSE where the channel is closed, or goes on in a turn of its own. */
static gboolean
deliver(QmpChannel *channel)
{
    for (guint i = 0; i < MESSAGES_PER_TURN; i++) {
        g_autoptr(GBytes) message = NULL;
        g_autoptr(GError) error = NULL;

        if (!qmp_framer_next(channel->framer, &message, &error)) {
            if (!take_rubbish(channel, error))
                return FALSE;
            continue;
        }
        if (message == NULL)
            return TRUE;

        channel->events->on_message(message, channel->user_data);
        if (channel->events == NULL)
            return FALSE;
    }

    g_idle_add_full(
        G_PRIORITY_DEFAULT, on_next_turn, channel_ref(channel), (GDestroyNotify)channel_unref);
    return FALSE;
}

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(QmpChannel) channel = user_data;
    g_autoptr(GError) error = NULL;
    gssize length = g_input_stream_read_finish(G_INPUT_STREAM(source), result, &error);

    if (channel->events == NULL)
        return;
    if (length == 0 && qmp_framer_is_amid(channel->framer))
        error = g_error_new(VBLK_ERROR, VBLK_ERROR_NO_CONNECTION, "it hung up within a message");
    if (length <= 0) {
        fail(channel, error);
        return;
    }

    qmp_framer_feed(channel->framer, channel->buffer, (gsize)length);
    read_more(channel);
}

static void
read_more(QmpChannel *channel)
{
    g_autoptr(QmpChannel) hold = channel_ref(channel);

    if (channel->events == NULL || !deliver(channel))
        return;

    g_input_stream_read_async(g_io_stream_get_input_stream(channel->stream),
                              channel->buffer,
                              READ_SIZE,
                              G_PRIORITY_DEFAULT,
                              channel->reading,
                              on_read,
                              channel_ref(channel));
}

static void
on_written(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(QmpChannel) channel = user_data;
    g_autoptr(GError) error = NULL;

    g_clear_pointer(&channel->in_flight, g_bytes_unref);
    if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, &error)) {
        g_byte_array_set_size(channel->outgoing, 0);
        fail(channel, error);
    }

    write_more(channel);
}

static void
finish(QmpChannel *channel)
{
    g_clear_handle_id(&channel->linger, g_source_remove);
    /* There is nobody left to tell an error of closing to. */
    (void)g_io_stream_close(channel->stream, NULL, NULL);
}

static void
write_more(QmpChannel *channel)
{
    if (channel->in_flight != NULL)
        return;

    if (channel->outgoing->len == 0) {
        if (channel->is_closing)
            finish(channel);
        return;
    }

    channel->in_flight = g_byte_array_free_to_bytes(channel->outgoing);
    channel->outgoing = g_byte_array_new();
    g_output_stream_write_all_async(g_io_stream_get_output_stream(channel->stream),
                                    g_bytes_get_data(channel->in_flight, NULL),
                                    g_bytes_get_size(channel->in_flight),
                                    G_PRIORITY_DEFAULT,
                                    channel->writing,
                                    on_written,
                                    channel_ref(channel));
}

static gboolean
on_begin(gpointer user_data)
{
    read_more(user_data);
    return G_SOURCE_REMOVE;
}

QmpChannel *
qmp_channel_new(GIOStream *stream,
                gsize max_backlog,
                const QmpChannelEvents *events,
                gpointer user_data)
{
    QmpChannel *channel = g_new0(QmpChannel, 1);

    g_atomic_ref_count_init(&channel->references);
    channel->stream = g_object_ref(stream);
    channel->reading = g_cancellable_new();
    channel->writing = g_cancellable_new();
    channel->max_backlog = max_backlog;
    channel->events = events;
    channel->user_data = user_data;
    channel->framer = qmp_framer_new();
    channel->outgoing = g_byte_array_new();

    /* Not from here, so that the caller has the channel before the first callback. */
    g_idle_add_full(
        G_PRIORITY_DEFAULT, on_begin, channel_ref(channel), (GDestroyNotify)channel_unref);
    return channel;
}

static void
give_up_writing(QmpChannel *channel)
{
    g_byte_array_set_size(channel->outgoing, 0);
    g_cancellable_cancel(channel->writing);
}

static gboolean
on_flooded(gpointer user_data)
{
    QmpChannel *channel = user_data;
    g_autoptr(GError) error = g_error_new(
        VBLK_ERROR, VBLK_ERROR_LIMIT, "it left more than '%zu' bytes unread", channel->max_backlog);

    give_up_writing(channel);
    fail(channel, error);
    return G_SOURCE_REMOVE;
}

void
qmp_channel_send(QmpChannel *channel, GVariant *message)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(message);
    g_autoptr(GString) text = g_string_new(NULL);
    gsize in_flight = channel->in_flight != NULL ? g_bytes_get_size(channel->in_flight) : 0;

    if (channel->events == NULL || channel->is_flooded)
        return;

    qmp_writer_append(text, owned, QMP_STYLE_WIRE);
    g_string_append(text, "\r\n");
    g_byte_array_append(channel->outgoing, (const guint8 *)text->str, (guint)text->len);
    write_more(channel);
    if (channel->outgoing->len + in_flight <= channel->max_backlog)
        return;

    channel->is_flooded = TRUE;
    g_idle_add_full(
        G_PRIORITY_DEFAULT, on_flooded, channel_ref(channel), (GDestroyNotify)channel_unref);
}

static gboolean
on_linger_over(gpointer user_data)
{
    QmpChannel *channel = user_data;

    channel->linger = 0;
    give_up_writing(channel);
    return G_SOURCE_REMOVE;
}

void
qmp_channel_close(QmpChannel *channel)
{
    if (channel->events == NULL)
        return;

    channel->events = NULL;
    channel->is_closing = TRUE;
    g_cancellable_cancel(channel->reading);
    write_more(channel);
    if (channel->in_flight != NULL)
        channel->linger = g_timeout_add_full(G_PRIORITY_DEFAULT,
                                             LINGER_MS,
                                             on_linger_over,
                                             channel_ref(channel),
                                             (GDestroyNotify)channel_unref);
    channel_unref(channel);
}
