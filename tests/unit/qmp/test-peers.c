/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Tests with a peer that misbehaves */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gio/gio.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qmp/client.h"
#include "qmp/server.h"

#define GREETING                                                                       \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, " \
    "\"package\": \"x\"}, \"capabilities\": []}}\r\n"

/* The peer is a bare socket, which the test reads and writes by hand. */
typedef struct {
    int peer;
    QmpClient *client;
    char *reason; /* why it was closed; NULL: it was not */
} Fixture;

static GIOStream *
stream_of(int fd)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);

    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static void
say(int peer, const char *text)
{
    assert_int_equal(write(peer, text, strlen(text)), strlen(text));
}

static void
keep(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GAsyncResult **)user_data = g_object_ref(result);
}

static GAsyncResult *
wait_for(GAsyncResult **result)
{
    while (*result == NULL)
        g_main_context_iteration(NULL, TRUE);
    return *result;
}

/* The next line that the other end sends; blocks, since it was sent already or will be. */
static char *
hear(int peer)
{
    GString *line = g_string_new(NULL);
    char byte = 0;

    while (byte != '\n') {
        while (g_main_context_iteration(NULL, FALSE))
            ;
        if (recv(peer, &byte, 1, MSG_DONTWAIT) == 1)
            g_string_append_c(line, byte);
    }

    return g_string_free(line, FALSE);
}

/* Really closed: what was on its way is read, and then there is the end. */
static void
assert_end_of_stream(int peer)
{
    char buffer[65536];

    while (g_main_context_iteration(NULL, FALSE))
        ;
    while (recv(peer, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
        ;
    assert_int_equal(recv(peer, buffer, sizeof(buffer), MSG_DONTWAIT), 0);
}

static void
on_closed(QmpClient *client, const GError *reason, gpointer user_data)
{
    Fixture *fixture = user_data;

    assert_null(fixture->reason); /* once */
    fixture->reason = g_strdup(reason->message);
}

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GIOStream) stream = NULL;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    stream = stream_of(ends[0]);
    fixture->peer = ends[1];
    qmp_client_new_async(stream, NULL, keep, &result);
    say(fixture->peer, GREETING);
    g_free(hear(fixture->peer));
    say(fixture->peer, "{\"return\": {}, \"id\": 1}\r\n");
    fixture->client = qmp_client_new_finish(wait_for(&result), NULL);
    if (fixture->client == NULL)
        return -1;

    g_signal_connect(fixture->client, "closed", G_CALLBACK(on_closed), fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    qmp_client_close(fixture->client);
    g_object_unref(fixture->client);
    close(fixture->peer);
    g_free(fixture->reason);
    g_free(fixture);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    return 0;
}

static void
wait_for_end(Fixture *fixture)
{
    while (fixture->reason == NULL)
        g_main_context_iteration(NULL, TRUE);
}

static void
begin_call(Fixture *fixture, GCancellable *cancellable, GAsyncResult **result)
{
    g_autofree char *line = NULL;

    qmp_client_call_async(fixture->client, "test", NULL, 60000, cancellable, keep, result);
    line = hear(fixture->peer);
    assert_non_null(strstr(line, "\"test\""));
}

static void
answers_may_come_in_any_order(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GAsyncResult) first = NULL;
    g_autoptr(GAsyncResult) second = NULL;
    g_autoptr(GVariant) one = NULL;
    g_autoptr(GVariant) two = NULL;

    begin_call(fixture, NULL, &first);
    begin_call(fixture, NULL, &second);
    say(fixture->peer, "{\"return\": \"two\", \"id\": 3}\r\n{\"return\": \"one\", \"id\": 2}\r\n");
    one = qmp_client_call_finish(fixture->client, wait_for(&first), NULL);
    two = qmp_client_call_finish(fixture->client, wait_for(&second), NULL);
    assert_string_equal(g_variant_get_string(one, NULL), "one");
    assert_string_equal(g_variant_get_string(two, NULL), "two");
}

static void
a_second_answer_ends_the_session(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GVariant) value = NULL;

    begin_call(fixture, NULL, &result);
    say(fixture->peer, "{\"return\": 1, \"id\": 2}\r\n{\"return\": 2, \"id\": 2}\r\n");
    value = qmp_client_call_finish(fixture->client, wait_for(&result), NULL);
    assert_int_equal(g_variant_get_int64(value), 1);
    wait_for_end(fixture);
    assert_non_null(strstr(fixture->reason, "an answer to nothing that was asked"));
}

static void
an_answer_to_a_call_that_was_never_made_ends_the_session(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;

    begin_call(fixture, NULL, &result);
    say(fixture->peer, "{\"return\": 1, \"id\": 99}\r\n");
    assert_null(qmp_client_call_finish(fixture->client, wait_for(&result), &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_NO_CONNECTION));
}

static void
a_cancelled_call_ends_at_once_and_its_late_answer_harms_nothing(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GAsyncResult) first = NULL;
    g_autoptr(GAsyncResult) second = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = NULL;

    begin_call(fixture, cancellable, &first);
    g_cancellable_cancel(cancellable);
    assert_null(qmp_client_call_finish(fixture->client, wait_for(&first), &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_CANCELLED));

    begin_call(fixture, NULL, &second);
    say(fixture->peer, "{\"return\": \"late\", \"id\": 2}\r\n{\"return\": \"new\", \"id\": 3}\r\n");
    value = qmp_client_call_finish(fixture->client, wait_for(&second), NULL);
    assert_string_equal(g_variant_get_string(value, NULL), "new");
    assert_null(fixture->reason);
}

static void
a_peer_that_dies_within_a_message_is_named(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *name = g_strdup_printf("monitor of process '%d'", (int)getpid());
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;

    begin_call(fixture, NULL, &result);
    say(fixture->peer, "{\"return\": {\"half\"");
    shutdown(fixture->peer, SHUT_RDWR);
    assert_null(qmp_client_call_finish(fixture->client, wait_for(&result), &error));
    assert_non_null(strstr(error->message, "within a message"));
    assert_non_null(strstr(error->message, name));
    assert_true(qmp_client_is_closed(fixture->client));
}

static void
a_peer_that_floods_with_rubbish_is_closed(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *brackets = g_strnfill(80 * 1024, '[');

    say(fixture->peer, brackets);
    wait_for_end(fixture);
    assert_non_null(strstr(fixture->reason, "broke the protocol"));
}

static void
an_answer_may_come_byte_by_byte(void **state)
{
    static const char answer[] = "{\"return\": \"whole\", \"id\": 2}\r\n";
    Fixture *fixture = *state;
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GVariant) value = NULL;

    begin_call(fixture, NULL, &result);
    for (guint i = 0; answer[i] != '\0'; i++) {
        say(fixture->peer, (const char[]){answer[i], '\0'});
        while (g_main_context_iteration(NULL, FALSE))
            ;
    }
    value = qmp_client_call_finish(fixture->client, wait_for(&result), NULL);
    assert_string_equal(g_variant_get_string(value, NULL), "whole");
}

static void
count_event(QmpClient *client, const char *name, GVariant *data, gint64 time_us, gpointer user_data)
{
    (*(guint *)user_data)++;
}

static void
a_flood_of_events_leaves_turns_to_others(void **state)
{
    enum { FLOOD = 1000, MAX_IN_ONE_TURN = 64 };
    Fixture *fixture = *state;
    g_autoptr(GString) flood = g_string_new(NULL);
    guint count = 0;
    guint before = 0;

    for (guint i = 0; i < FLOOD; i++)
        g_string_append(flood, "{\"event\": \"STOP\"}\n");
    g_signal_connect(fixture->client, "event", G_CALLBACK(count_event), &count);
    say(fixture->peer, flood->str);
    while (count < FLOOD) {
        g_main_context_iteration(NULL, TRUE);
        assert_in_range(count - before, 0, MAX_IN_ONE_TURN);
        before = count;
    }
    assert_null(fixture->reason);
}

static void
a_peer_that_never_answers_gets_no_more_commands_than_it_may(void **state)
{
    enum { LIMIT = 1000 };
    Fixture *fixture = *state;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;
    GAsyncResult *given_up[LIMIT] = {NULL};

    /* What was given up is not answered either. */
    for (guint i = 0; i < LIMIT; i++)
        begin_call(fixture, i % 2 == 0 ? cancellable : NULL, &given_up[i]);
    g_cancellable_cancel(cancellable);
    qmp_client_call_async(fixture->client, "more", NULL, 60000, NULL, keep, &result);
    assert_null(qmp_client_call_finish(fixture->client, wait_for(&result), &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_LIMIT));

    qmp_client_close(fixture->client);
    for (guint i = 0; i < LIMIT; i++)
        g_object_unref(wait_for(&given_up[i]));
}

static void
count_end(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    assert_null(qmp_client_call_finish(QMP_CLIENT(source), result, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_NO_CONNECTION));
    assert_non_null(strstr(error->message, "unread"));
    (*(guint *)user_data)++;
}

static void
a_peer_that_reads_no_commands_is_let_go(void **state)
{
    enum { CALLS = 20, SIZE = 1024 * 1024 };
    Fixture *fixture = *state;
    g_autofree char *text = g_strnfill(SIZE, 'x');
    guint ended = 0;

    for (guint i = 0; i < CALLS; i++)
        qmp_client_call_async(fixture->client,
                              "test",
                              g_variant_new_parsed("{'text': <%s>}", text),
                              60000,
                              NULL,
                              count_end,
                              &ended);
    assert_null(fixture->reason); /* not from within the call */
    wait_for_end(fixture);
    while (ended < CALLS)
        g_main_context_iteration(NULL, TRUE);
    assert_end_of_stream(fixture->peer);
}

static void
opening_can_be_cancelled_before_the_greeting(void **state)
{
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GIOStream) stream = NULL;
    g_autoptr(GError) error = NULL;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    stream = stream_of(ends[0]);
    qmp_client_new_async(stream, cancellable, keep, &result);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    assert_null(result);
    g_cancellable_cancel(cancellable);
    assert_null(qmp_client_new_finish(wait_for(&result), &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_CANCELLED));
    assert_end_of_stream(ends[1]);
    close(ends[1]);
}

/* The server's side: a client that reads nothing. */
static gboolean
is_known(const char *command)
{
    return TRUE;
}

static GVariant *
handle(QmpServer *server,
       const char *command,
       GVariant *arguments,
       gpointer user_data,
       GError **error)
{
    return g_variant_new_string("x");
}

static void
on_server_closed(QmpServer *server, gpointer user_data)
{
    *(gboolean *)user_data = TRUE;
}

static void
a_client_that_reads_nothing_is_let_go(void **state)
{
    g_autofree char *text = g_strnfill(100000, 'x');
    g_autoptr(GIOStream) stream = NULL;
    g_autoptr(QmpServer) server = NULL;
    gboolean is_closed = FALSE;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    stream = stream_of(ends[0]);
    server = qmp_server_new(stream, 7002000, "pkg", is_known, handle, NULL);
    g_clear_object(&stream);
    g_signal_connect(server, "closed", G_CALLBACK(on_server_closed), &is_closed);
    say(ends[1], "{\"execute\": \"qmp_capabilities\"}\n");
    while (!is_closed) {
        /* It is told of in a turn of its own, so this loop over a server may go on. */
        for (guint i = 0; i < 100; i++)
            qmp_server_send_event(server, "E", g_variant_new_parsed("{'text': <%s>}", text), 0);
        g_main_context_iteration(NULL, TRUE);
    }

    assert_end_of_stream(ends[1]);
    close(ends[1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_may_come_in_any_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_second_answer_ends_the_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            an_answer_to_a_call_that_was_never_made_ends_the_session, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_cancelled_call_ends_at_once_and_its_late_answer_harms_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_peer_that_dies_within_a_message_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_peer_that_floods_with_rubbish_is_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_may_come_byte_by_byte, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_flood_of_events_leaves_turns_to_others, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_peer_that_never_answers_gets_no_more_commands_than_it_may, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_peer_that_reads_no_commands_is_let_go, set_up, tear_down),
        cmocka_unit_test(opening_can_be_cancelled_before_the_greeting),
        cmocka_unit_test(a_client_that_reads_nothing_is_let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
