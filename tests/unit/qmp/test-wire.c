/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Wire tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <gio/gio.h>
#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qmp/client.h"
#include "qmp/qmp-error.h"
#include "qmp/server.h"

#define GREETING                                                                       \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, " \
    "\"package\": \"x\"}, \"capabilities\": []}}\r\n"

static GIOStream *
stream_of(int fd)
{
    g_autoptr(GSocket) socket = g_socket_new_from_fd(fd, NULL);

    return G_IO_STREAM(g_socket_connection_factory_create_connection(socket));
}

static void
make_pair(GIOStream **ret_client, GIOStream **ret_peer)
{
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    *ret_client = stream_of(ends[0]);
    *ret_peer = stream_of(ends[1]);
}

static void
say(GIOStream *peer, const char *text)
{
    assert_true(g_output_stream_write_all(
        g_io_stream_get_output_stream(peer), text, strlen(text), NULL, NULL, NULL));
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

/* A client whose peer said @text and then hung up. */
static QmpClient *
open_against(const char *text, GError **error)
{
    g_autoptr(GIOStream) stream = NULL;
    g_autoptr(GIOStream) peer = NULL;
    g_autoptr(GAsyncResult) result = NULL;

    make_pair(&stream, &peer);
    qmp_client_new_async(stream, NULL, keep, &result);
    say(peer, text);
    g_io_stream_close(peer, NULL, NULL);
    return qmp_client_new_finish(wait_for(&result), error);
}

static void
a_peer_that_does_not_open_a_session_is_told_of(void **state)
{
    const char *const bad[] = {
        "",
        "SSH-2.0-OpenSSH\r\n",
        "{\"QMP\": 1}\r\n",
        "{\"QMP\": {\"version\": {\"qemu\": {\"major\": -1}}}}\r\n",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
        GREETING "{\"return\": {}, \"id\": 77}\r\n",
        GREETING "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 1}\r\n",
        GREETING "}\r\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(open_against(bad[i], &error));
        assert_non_null(error);
    }
}

static void
assert_cannot_open(GAsyncResult *result, const char *path)
{
    g_autoptr(GError) error = NULL;

    assert_null(qmp_client_connect_finish(result, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_NO_CONNECTION));
    assert_non_null(strstr(error->message, path));
}

static void
hang_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GSocketConnection)
        peer = g_socket_listener_accept_finish(G_SOCKET_LISTENER(source), result, NULL, NULL);

    assert_non_null(peer);
}

static void
errors_name_the_socket(void **state)
{
    g_autofree char *folder = g_dir_make_tmp("virtblock-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "monitor", NULL);
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(path);
    g_autoptr(GSocketListener) listener = g_socket_listener_new();
    g_autoptr(GAsyncResult) with_nobody = NULL;
    g_autoptr(GAsyncResult) with_mute = NULL;

    qmp_client_connect_async(path, NULL, keep, &with_nobody);
    assert_cannot_open(wait_for(&with_nobody), path);

    assert_true(g_socket_listener_add_address(
        listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_DEFAULT, NULL, NULL, NULL));
    g_socket_listener_accept_async(listener, NULL, hang_up, NULL);
    qmp_client_connect_async(path, NULL, keep, &with_mute);
    assert_cannot_open(wait_for(&with_mute), path);

    assert_int_equal(g_unlink(path), 0);
    assert_int_equal(g_rmdir(folder), 0);
}

/* The server's side of the tests on both ends. */
static gboolean
is_known(const char *command)
{
    return g_str_has_prefix(command, "test-");
}

static GVariant *
handle(QmpServer *server,
       const char *command,
       GVariant *arguments,
       gpointer user_data,
       GError **error)
{
    if (g_str_equal(command, "test-fail")) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_DEVICE_NOT_FOUND, "Device 'x' not found");
        return NULL;
    }
    if (g_str_equal(command, "test-event"))
        qmp_server_send_event(server, "TESTED", g_variant_new_parsed("{'n': <%x>}", (gint64)5), 7);
    return g_variant_ref_sink(g_variant_new_parsed("{'echo': <%s>}", command));
}

typedef struct {
    QmpClient *client;
    QmpServer *server;
} Ends;

static int
set_up(void **state)
{
    Ends *ends = g_new0(Ends, 1);
    g_autoptr(GIOStream) stream = NULL;
    g_autoptr(GIOStream) peer = NULL;
    g_autoptr(GAsyncResult) result = NULL;

    make_pair(&stream, &peer);
    ends->server = qmp_server_new(peer, 7002000, "pkg", is_known, handle, NULL);
    qmp_client_new_async(stream, NULL, keep, &result);
    ends->client = qmp_client_new_finish(wait_for(&result), NULL);
    *state = ends;
    return ends->client == NULL;
}

static int
tear_down(void **state)
{
    Ends *ends = *state;

    qmp_client_close(ends->client);
    qmp_server_close(ends->server);
    g_object_unref(ends->client);
    g_object_unref(ends->server);
    g_free(ends);
    while (g_main_context_iteration(NULL, FALSE))
        ;
    return 0;
}

static GVariant *
call(QmpClient *client, const char *command, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    qmp_client_call_async(client, command, NULL, 5000, NULL, keep, &result);
    return qmp_client_call_finish(client, wait_for(&result), error);
}

static void
the_two_ends_understand_each_other(void **state)
{
    Ends *ends = *state;
    g_autoptr(GVariant) value = call(ends->client, "test-one", NULL);
    const char *echo = NULL;

    assert_int_equal(qmp_client_get_version(ends->client), 7002000);
    assert_string_equal(qmp_client_get_package(ends->client), "pkg");
    assert_true(g_variant_lookup(value, "echo", "&s", &echo));
    assert_string_equal(echo, "test-one");
}

static void
errors_keep_class_and_words(void **state)
{
    Ends *ends = *state;
    g_autoptr(GError) refused = NULL;
    g_autoptr(GError) unknown = NULL;

    assert_null(call(ends->client, "test-fail", &refused));
    assert_true(g_error_matches(refused, QMP_ERROR, QMP_ERROR_DEVICE_NOT_FOUND));
    assert_string_equal(refused->message, "Device 'x' not found");
    assert_null(call(ends->client, "nonsense", &unknown));
    assert_true(g_error_matches(unknown, QMP_ERROR, QMP_ERROR_COMMAND_NOT_FOUND));
}

static void
on_event(QmpClient *client, const char *name, GVariant *data, gint64 time_us, gpointer user_data)
{
    assert_string_equal(name, "TESTED");
    assert_int_equal(time_us, 7);
    assert_true(g_variant_lookup(data, "n", "x", user_data));
}

static void
events_come_before_the_answer_of_what_caused_them(void **state)
{
    Ends *ends = *state;
    gint64 seen = 0;
    g_autoptr(GVariant) value = NULL;

    g_signal_connect(ends->client, "event", G_CALLBACK(on_event), &seen);
    value = call(ends->client, "test-event", NULL);
    assert_non_null(value);
    assert_int_equal(seen, 5);
}

static void
calls_fail_when_the_peer_goes(void **state)
{
    Ends *ends = *state;
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) during = NULL;
    g_autoptr(GError) after = NULL;

    qmp_client_call_async(ends->client, "test-one", NULL, 5000, NULL, keep, &result);
    qmp_server_close(ends->server);
    assert_null(qmp_client_call_finish(ends->client, wait_for(&result), &during));
    assert_true(g_error_matches(during, VBLK_ERROR, VBLK_ERROR_NO_CONNECTION));
    assert_true(qmp_client_is_closed(ends->client));
    assert_null(call(ends->client, "test-two", &after));
    assert_true(g_error_matches(after, VBLK_ERROR, VBLK_ERROR_NO_CONNECTION));
}

static void
a_call_that_is_not_answered_times_out_alone(void **state)
{
    g_autoptr(GIOStream) stream = NULL;
    g_autoptr(GIOStream) peer = NULL;
    g_autoptr(GAsyncResult) opened = NULL;
    g_autoptr(GAsyncResult) late = NULL;
    g_autoptr(GAsyncResult) answered = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = NULL;
    g_autoptr(QmpClient) client = NULL;

    make_pair(&stream, &peer);
    qmp_client_new_async(stream, NULL, keep, &opened);
    say(peer, GREETING "{\"return\": {}, \"id\": 1}\r\n");
    client = qmp_client_new_finish(wait_for(&opened), NULL);
    assert_non_null(client);

    qmp_client_call_async(client, "slow", NULL, 1, NULL, keep, &late);
    assert_null(qmp_client_call_finish(client, wait_for(&late), &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_TIMEOUT));

    /* The late answer is dropped; answers may come in any order. */
    qmp_client_call_async(client, "next", NULL, 5000, NULL, keep, &answered);
    say(peer, "{\"return\": {}, \"id\": 2}{\"return\": 4, \"id\": 3}");
    value = qmp_client_call_finish(client, wait_for(&answered), NULL);
    assert_int_equal(g_variant_get_int64(value), 4);
    qmp_client_close(client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_peer_that_does_not_open_a_session_is_told_of),
        cmocka_unit_test(errors_name_the_socket),
        cmocka_unit_test_setup_teardown(the_two_ends_understand_each_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_keep_class_and_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            events_come_before_the_answer_of_what_caused_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_fail_when_the_peer_goes, set_up, tear_down),
        cmocka_unit_test(a_call_that_is_not_answered_times_out_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
