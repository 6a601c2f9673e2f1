/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HMP sessions */

#include "qemu-shim/monitor/hmp-session.h"

#include <string.h>

#include "qemu-shim/monitor/hmp.h"

/*
 * One thing at a time: a line is read, then its answer is written, then the next line is read. A
 * peer that does not read its answers gets no more of them, and keeps nobody else waiting. A line
 * that does not end in time ends the session.
 */
#define MAX_LINE 4096

static const char prompt[] = "(qemu) ";

typedef struct {
    Shim *shim;        /* borrowed, outlives us */
    GIOStream *stream; /* owned */
    char buffer[MAX_LINE];
    gsize length; /* of what was read and not used yet */
    GString *out; /* what is being written */
} Session;

static void serve_next(Session *session);

static void
session_free(Session *session)
{
    g_object_unref(session->stream);
    g_string_free(session->out, TRUE);
    g_free(session);
}

/* The first line in the buffer, taken out of it; NULL: none is complete. */
static char *
take_line(Session *session)
{
    char *end = memchr(session->buffer, '\n', session->length);
    gsize used;
    char *line;

    if (end == NULL)
        return NULL;

    used = (gsize)(end - session->buffer) + 1;
    line = g_strndup(session->buffer, used - 1);
    session->length -= used;
    memmove(session->buffer, end + 1, session->length);
    return g_strchomp(line);
}

static void
on_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Session *session = user_data;
    gssize length = g_input_stream_read_finish(G_INPUT_STREAM(source), result, NULL);

    /* The end, or an error, which is the end as well. */
    if (length <= 0) {
        session_free(session);
        return;
    }

    session->length += (gsize)length;
    serve_next(session);
}

static void
on_written(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Session *session = user_data;

    if (!g_output_stream_write_all_finish(G_OUTPUT_STREAM(source), result, NULL, NULL)) {
        session_free(session);
        return;
    }

    serve_next(session);
}

static void
write_out(Session *session)
{
    g_output_stream_write_all_async(g_io_stream_get_output_stream(session->stream),
                                    session->out->str,
                                    session->out->len,
                                    G_PRIORITY_DEFAULT,
                                    NULL,
                                    on_written,
                                    session);
}

static void
serve_next(Session *session)
{
    g_autofree char *line = take_line(session);
    g_autofree char *text = NULL;

    if (line == NULL && session->length == MAX_LINE) {
        session_free(session);
        return;
    }
    if (line == NULL) {
        g_input_stream_read_async(g_io_stream_get_input_stream(session->stream),
                                  session->buffer + session->length,
                                  MAX_LINE - session->length,
                                  G_PRIORITY_DEFAULT,
                                  NULL,
                                  on_read,
                                  session);
        return;
    }

    /* Messages and names are UTF-8 or they are not ours. */
    text = g_utf8_validate(line, -1, NULL) ? hmp_execute(session->shim, line)
                                           : g_strdup("Error: the line is not UTF-8\r\n");
    g_string_assign(session->out, text);
    g_string_append(session->out, prompt);
    write_out(session);
}

void
hmp_session_start(Shim *shim, GIOStream *stream)
{
    Session *session = g_new0(Session, 1);

    session->shim = shim;
    session->stream = g_object_ref(stream);
    session->out = g_string_new(NULL);
    g_string_printf(session->out,
                    "QEMU %d.%d.%d monitor - type 'help' for more information\r\n%s",
                    SHIM_QEMU_VERSION / 1000000,
                    SHIM_QEMU_VERSION / 1000 % 1000,
                    SHIM_QEMU_VERSION % 1000,
                    prompt);
    write_out(session);
}
