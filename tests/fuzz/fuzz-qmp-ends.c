/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Session fuzzer */

/*
 * A whole server or a whole client (the first byte says which), with a peer that sends what it
 * likes and hangs up. Every line of the server's is a greeting, one answer or an event; every call
 * of the client's ends once; both come to their end.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>

#include "qmp/client.h"
#include "qmp/server.h"
#include "qmp/value.h"

#define GREETING                                                                           \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 7}}}}\r\n" \
    "{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"RESUME\"}\r\n"
#define CALLS   3
#define CALL_MS 60000
#define BUFFER  (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct {
    int peer;
    GIOStream *stream;
} Pair;

static Pair
make_pair(void)
{
    g_autoptr(GSocket) socket = NULL;
    int ends[2];

    g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
    socket = g_socket_new_from_fd(ends[0], NULL);
    return (Pair){ends[1], G_IO_STREAM(g_socket_connection_factory_create_connection(socket))};
}

/* What the other end has sent by now is appended to @heard. */
static void
hear(int peer, GByteArray *heard)
{
    static uint8_t buffer[BUFFER];
    ssize_t length;

    while (g_main_context_iteration(NULL, FALSE))
        ;
    while ((length = recv(peer, buffer, sizeof(buffer), 0)) > 0)
        g_byte_array_append(heard, buffer, (guint)length);
}

/* In pieces, so that messages come in halves. */
static void
say(int peer, const uint8_t *data, size_t size, size_t piece, GByteArray *heard)
{
    for (size_t at = 0; at < size; at += piece) {
        if (send(peer, data + at, MIN(piece, size - at), MSG_NOSIGNAL) < 0)
            return; /* closed already, and rightly */
        hear(peer, heard);
    }
}

static void
hang_up(Pair *pair, const gboolean *is_closed, GByteArray *heard)
{
    (void)shutdown(pair->peer, SHUT_WR); /* or the other end was faster */
    while (!*is_closed)
        hear(pair->peer, heard);
    hear(pair->peer, heard);
    close(pair->peer);
    g_object_unref(pair->stream);
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static gboolean
is_known(const char *command)
{
    return command[0] != 'u';
}

/* Fails, speaks up, closes or gives back what it was given, as the command's first letter says. */
static GVariant *
carry_out(QmpServer *server,
          const char *command,
          GVariant *arguments,
          gpointer user_data,
          GError **error)
{
    switch (command[0]) {
    case 'f':
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_FAILED, command);
        return NULL;
    case 'e':
        qmp_server_send_event(server, command, arguments, 0);
        return NULL;
    case 'c':
        qmp_server_close(server);
        return NULL;
    default:
        return g_variant_ref(arguments);
    }
}

static void
on_server_closed(QmpServer *server, gboolean *is_closed)
{
    g_assert(!*is_closed);
    *is_closed = TRUE;
}

/* A greeting comes first, and nowhere else. */
static void
check_line(const char *line, gboolean is_first)
{
    static const char *const kinds[] = {"QMP", "return", "error", "event"};
    g_autoptr(GVariant) message = qmp_value_parse(line, strlen(line), NULL);
    guint found = 0;

    g_assert(message != NULL && g_variant_is_of_type(message, G_VARIANT_TYPE_VARDICT));
    for (guint kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        g_autoptr(GVariant) member = g_variant_lookup_value(message, kinds[kind], NULL);

        g_assert(member == NULL || (kind == 0) == is_first);
        found += member != NULL;
    }
    g_assert(found == 1);
}

static void
check_lines(GByteArray *heard)
{
    g_auto(GStrv) lines = NULL;
    guint count;

    g_byte_array_append(heard, (const guint8 *)"", 1);
    g_assert(strlen((const char *)heard->data) == heard->len - 1);
    lines = g_strsplit((const char *)heard->data, "\r\n", -1);
    count = g_strv_length(lines);
    g_assert(count > 1 && lines[count - 1][0] == '\0');
    for (guint i = 0; i + 1 < count; i++)
        check_line(lines[i], i == 0);
}

static void
try_server(const uint8_t *data, size_t size, size_t piece)
{
    g_autoptr(GByteArray) heard = g_byte_array_new();
    g_autoptr(QmpServer) server = NULL;
    gboolean is_closed = FALSE;
    Pair pair = make_pair();

    server = qmp_server_new(pair.stream, 7002000, "", is_known, carry_out, NULL);
    g_signal_connect(server, "closed", G_CALLBACK(on_server_closed), &is_closed);
    say(pair.peer, data, size, piece, heard);
    hang_up(&pair, &is_closed, heard);
    check_lines(heard);
}

static void
on_client_closed(QmpClient *client, const GError *reason, gboolean *is_closed)
{
    g_assert(!*is_closed && reason != NULL);
    *is_closed = TRUE;
}

static void
on_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = qmp_client_call_finish(QMP_CLIENT(source), result, &error);
    guint *answered = user_data;

    g_assert((value == NULL) == (error != NULL));
    (*answered)++;
}

static void
on_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(QmpClient **)user_data = qmp_client_new_finish(result, NULL);
}

static void
try_client(const uint8_t *data, size_t size, size_t piece)
{
    static const char negotiated[] = "{\"return\": {}, \"id\": 1}\r\n";
    g_autoptr(GByteArray) heard = g_byte_array_new();
    g_autoptr(QmpClient) client = NULL;
    gboolean is_closed = FALSE;
    guint answered = 0;
    Pair pair = make_pair();

    qmp_client_new_async(pair.stream, NULL, on_opened, &client);
    say(pair.peer, (const uint8_t *)GREETING, strlen(GREETING), strlen(GREETING), heard);
    say(pair.peer, (const uint8_t *)negotiated, strlen(negotiated), piece, heard);
    while (client == NULL)
        hear(pair.peer, heard);

    g_signal_connect(client, "closed", G_CALLBACK(on_client_closed), &is_closed);
    for (guint i = 0; i < CALLS; i++)
        qmp_client_call_async(client, "test", NULL, CALL_MS, NULL, on_answered, &answered);
    say(pair.peer, data, size, piece, heard);
    hang_up(&pair, &is_closed, heard);
    while (answered < CALLS)
        g_main_context_iteration(NULL, FALSE);
    g_assert(answered == CALLS);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece;

    if (size == 0)
        return 0;

    piece = data[0] & 0x40 ? size : (data[0] & 0x1fu) + 1;
    if (data[0] & 0x20)
        try_client(data + 1, size - 1, piece);
    else
        try_server(data + 1, size - 1, piece);
    return 0;
}
