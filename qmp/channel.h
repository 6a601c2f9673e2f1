/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Message channel */

#include <gio/gio.h>

/*
 * What both ends of the wire share: a stream that carries whole messages both ways. Callbacks come
 * from the main loop, at most a handful of messages in one turn, so that a flood starves nobody.
 */
typedef struct QmpChannel QmpChannel;

typedef struct {
    void (*on_message)(GBytes *message, gpointer user_data);
    /* Bytes that can be no message; TRUE to go on with what comes after them. */
    gboolean (*on_rubbish)(const GError *reason, gpointer user_data);
    /* Once; the channel is closed. @reason is NULL where the peer hung up between messages. */
    void (*on_closed)(const GError *reason, gpointer user_data);
} QmpChannelEvents;

/* @max_backlog: unsent bytes at which a peer that does not read is closed. */
QmpChannel *qmp_channel_new(GIOStream *stream,
                            gsize max_backlog,
                            const QmpChannelEvents *events,
                            gpointer user_data);
/* A line is sent with the protocol's end of line. No callback comes from here. */
void qmp_channel_send(QmpChannel *channel, GVariant *message);
/* No callback comes after this; what was sent before is written if the peer takes it soon. */
void qmp_channel_close(QmpChannel *channel);
