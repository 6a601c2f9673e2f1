/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Private socket */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gio/gunixsocketaddress.h>
#include <glib/gstdio.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "daemon/listener.h"
#include "daemon/lock.h"
#include "daemon/paths.h"
#include "room.h"

#define NOBODY 65534

typedef struct {
    char *room;
    char *path;
    Listener *listener;
    guint n_added;
    guint n_gone;
} Fixture;

static void
on_added(Listener *listener, GDBusConnection *connection, Fixture *fixture)
{
    fixture->n_added++;
    g_dbus_connection_start_message_processing(connection);
}

static void
on_gone(Listener *listener, GDBusConnection *connection, Fixture *fixture)
{
    fixture->n_gone++;
}

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->room = room_new();
    fixture->path = g_build_filename(fixture->room, "sock", NULL);
    fixture->listener = listener_new(fixture->path);
    g_signal_connect(fixture->listener, "client-added", G_CALLBACK(on_added), fixture);
    g_signal_connect(fixture->listener, "client-gone", G_CALLBACK(on_gone), fixture);
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    g_test_assert_expected_messages();
    listener_close(fixture->listener);
    while (listener_count_clients(fixture->listener) > 0)
        g_main_context_iteration(NULL, TRUE);
    g_object_unref(fixture->listener);
    g_free(fixture->path);
    room_free(fixture->room);
    g_free(fixture);
    return 0;
}

static int
connect_raw(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;

    close(fd);
    return -1;
}

static void
on_client(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GDBusConnection **)user_data = g_dbus_connection_new_finish(result, NULL);
}

static GDBusConnection *
log_in(Fixture *fixture)
{
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) address = g_unix_socket_address_new(fixture->path);
    g_autoptr(GSocketConnection)
        stream = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(address), NULL, NULL);
    GDBusConnection *connection = NULL;
    guint n_before = fixture->n_added;

    assert_non_null(stream);
    g_dbus_connection_new(G_IO_STREAM(stream),
                          NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT,
                          NULL,
                          NULL,
                          on_client,
                          &connection);
    while (connection == NULL || fixture->n_added == n_before)
        g_main_context_iteration(NULL, TRUE);
    return connection;
}

static void
the_socket_is_for_us_alone(void **state)
{
    Fixture *fixture = *state;
    mode_t mask = umask(0);

    assert_true(listener_start(fixture->listener, NULL));
    umask(mask);
    assert_int_equal(room_mode(fixture->path), 0600);
    assert_int_equal(umask(mask), mask);
}

static void
clients_are_counted_while_they_are_there(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GDBusConnection) client = NULL;

    assert_true(listener_start(fixture->listener, NULL));
    client = log_in(fixture);
    assert_int_equal(listener_count_clients(fixture->listener), 1);
    g_dbus_connection_close_sync(client, NULL, NULL);
    while (fixture->n_gone == 0)
        g_main_context_iteration(NULL, TRUE);
    assert_int_equal(listener_count_clients(fixture->listener), 0);
}

static void
a_socket_that_nobody_answers_on_is_replaced(void **state)
{
    Fixture *fixture = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_autoptr(GDBusConnection) client = NULL;

    g_strlcpy(address.sun_path, fixture->path, sizeof(address.sun_path));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    close(fd);
    assert_false(listener_is_answered(fixture->path));
    assert_true(listener_start(fixture->listener, NULL));
    client = log_in(fixture);
    assert_non_null(client);
}

static void
a_socket_that_is_answered_is_left_alone(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Listener) second = listener_new(fixture->path);
    g_autoptr(GDBusConnection) client = NULL;
    g_autoptr(GError) error = NULL;

    assert_true(listener_start(fixture->listener, NULL));
    assert_false(listener_start(second, &error));
    assert_non_null(strstr(error->message, fixture->path));
    client = log_in(fixture);
    assert_non_null(client);
}

static void
a_file_in_the_socket_s_place_is_left_alone(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    assert_true(g_file_set_contents(fixture->path, "mine", -1, NULL));
    assert_false(listener_start(fixture->listener, &error));
    assert_true(g_file_get_contents(fixture->path, &text, NULL, NULL));
    assert_string_equal(text, "mine");
}

static void
a_path_too_long_is_refused_with_both_numbers(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *name = g_strnfill(120, 'x');
    g_autofree char *path = g_build_filename(fixture->room, name, NULL);
    g_autoptr(Listener) listener = listener_new(path);
    g_autoptr(GError) error = NULL;

    assert_false(listener_start(listener, &error));
    assert_non_null(strstr(error->message, "'107'"));
}

static void
rubbish_ends_one_client_alone(void **state)
{
    static const char rubbish[] = "GET / HTTP/1.0\r\n\r\n";
    Fixture *fixture = *state;
    g_autoptr(GDBusConnection) client = NULL;
    int fd;

    assert_true(listener_start(fixture->listener, NULL));
    fd = connect_raw(fixture->path);
    assert_int_equal(write(fd, rubbish, sizeof(rubbish)), sizeof(rubbish));
    close(fd);
    client = log_in(fixture);
    while (listener_count_clients(fixture->listener) != 1)
        g_main_context_iteration(NULL, TRUE);
}

static void
retiring_without_clients_removes_the_socket(void **state)
{
    Fixture *fixture = *state;

    assert_true(listener_start(fixture->listener, NULL));
    assert_true(listener_retire(fixture->listener));
    assert_false(g_file_test(fixture->path, G_FILE_TEST_EXISTS));
}

/* It has found the socket and is not accepted yet. */
static void
a_client_that_comes_in_between_is_served(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GDBusConnection) client = NULL;
    int fd;

    assert_true(listener_start(fixture->listener, NULL));
    fd = connect_raw(fixture->path);
    assert_true(fd >= 0);
    assert_false(listener_retire(fixture->listener));
    assert_int_equal(listener_count_clients(fixture->listener), 1);
    client = log_in(fixture);
    close(fd);
}

/* The child's end: 0 where it was closed on without a word. */
static int
connect_as_nobody(const char *path)
{
    char byte;
    int fd;

    alarm(60); /* not to outlive a test that failed */
    if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
        return 2;

    fd = connect_raw(path);
    if (fd < 0)
        return 3;

    return read(fd, &byte, 1) == 0 ? 0 : 4;
}

static void
another_user_is_turned_away_before_a_byte_is_read(void **state)
{
    Fixture *fixture = *state;
    int status = 0;
    pid_t child;

    if (geteuid() != 0)
        skip();

    assert_true(listener_start(fixture->listener, NULL));
    assert_int_equal(chmod(fixture->room, 0755), 0);
    assert_int_equal(chmod(fixture->path, 0666), 0);
    g_test_expect_message("virtblockd", G_LOG_LEVEL_WARNING, "*turned user '65534' away*");
    child = fork();
    if (child == 0)
        _exit(connect_as_nobody(fixture->path));

    while (waitpid(child, &status, WNOHANG) == 0)
        g_main_context_iteration(NULL, FALSE);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(fixture->n_added, 0);
    assert_int_equal(listener_count_clients(fixture->listener), 0);
}

static void
a_state_folder_is_locked_once(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *path = g_build_filename(fixture->room, "lock", NULL);
    g_autoptr(GError) error = NULL;
    gboolean is_held = FALSE;
    int fd = lock_take(path, &is_held, NULL);

    assert_true(fd >= 0);
    assert_int_equal(lock_take(path, &is_held, &error), -1);
    assert_true(is_held);
    assert_non_null(strstr(error->message, path));
    close(fd);
    fd = lock_take(path, &is_held, NULL);
    assert_true(fd >= 0);
    close(fd);
}

static void
folders_are_made_for_us_alone(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *socket = g_build_filename(fixture->room, "run", "sock", NULL);
    g_autofree char *state_dir = g_build_filename(fixture->room, "state", NULL);
    g_autoptr(Paths) paths = paths_new(TRUE, socket, state_dir, NULL);
    mode_t mask = umask(0);

    assert_true(paths_make(paths, NULL));
    umask(mask);
    assert_int_equal(room_mode(paths->state_dir), 0700);
    assert_int_equal(room_mode(paths->runtime_dir), 0700);
}

static void
folders_that_others_can_change_are_refused(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *folder = g_build_filename(fixture->room, "run", NULL);
    g_autofree char *socket = g_build_filename(folder, "sock", NULL);
    g_autofree char *link = g_build_filename(fixture->room, "link", NULL);
    g_autofree char *inside = g_build_filename(link, "sock", NULL);
    g_autoptr(Paths) open = paths_new(TRUE, socket, fixture->room, NULL);
    g_autoptr(Paths) linked = paths_new(TRUE, inside, fixture->room, NULL);
    g_autoptr(GError) error = NULL;

    assert_int_equal(g_mkdir(folder, 0700), 0);
    assert_int_equal(chmod(folder, 0770), 0);
    assert_false(paths_make(open, &error));
    assert_non_null(strstr(error->message, folder));
    assert_int_equal(chmod(folder, 0700), 0);
    assert_true(paths_make(open, NULL));
    assert_int_equal(symlink(folder, link), 0);
    assert_false(paths_make(linked, NULL));
}

static void
a_socket_path_that_leaves_no_room_for_monitors_is_refused(void **state)
{
    g_autofree char *name = g_strnfill(90, 'x');
    g_autofree char *socket = g_strconcat("/", name, NULL);
    g_autoptr(GError) error = NULL;

    assert_null(paths_new(TRUE, socket, "/tmp", &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT));
    assert_non_null(strstr(error->message, "--socket"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(the_socket_is_for_us_alone),
        TEST(clients_are_counted_while_they_are_there),
        TEST(a_socket_that_nobody_answers_on_is_replaced),
        TEST(a_socket_that_is_answered_is_left_alone),
        TEST(a_file_in_the_socket_s_place_is_left_alone),
        TEST(a_path_too_long_is_refused_with_both_numbers),
        TEST(rubbish_ends_one_client_alone),
        TEST(retiring_without_clients_removes_the_socket),
        TEST(a_client_that_comes_in_between_is_served),
        TEST(another_user_is_turned_away_before_a_byte_is_read),
        TEST(a_state_folder_is_locked_once),
        TEST(folders_are_made_for_us_alone),
        TEST(folders_that_others_can_change_are_refused),
        TEST(a_socket_path_that_leaves_no_room_for_monitors_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
