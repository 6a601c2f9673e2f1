/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image lock tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <gio/gio.h>
#include <glib/gstdio.h>

#include <cmocka.h>

#include "qemu-shim/io/lock.h"

#define WRITER (IO_LOCK_READ | IO_LOCK_WRITE | IO_LOCK_RESIZE)
#define ALONE  (IO_LOCK_WRITE | IO_LOCK_RESIZE)

static char *path;

static int
set_up(void **state)
{
    int fd = g_file_open_tmp("virtblock-lock-XXXXXX", &path, NULL);

    if (fd < 0 || ftruncate(fd, 1 << 20) < 0)
        return -1;
    return close(fd);
}

static int
tear_down(void **state)
{
    g_unlink(path);
    g_clear_pointer(&path, g_free);
    return 0;
}

static IoFile *
open_image(IoOpenFlags flags)
{
    IoFile *file = NULL;

    assert_int_equal(io_file_open(path, flags, &file), 0);
    return file;
}

static void
test_two_writers_never_meet(void **state)
{
    g_autoptr(IoFile) first = open_image(IO_OPEN_READ_WRITE);
    g_autoptr(IoFile) second = open_image(IO_OPEN_READ_WRITE);
    const char *conflict = NULL;

    assert_int_equal(io_lock_take(first, WRITER, ALONE, &conflict), 0);
    assert_int_equal(io_lock_take(second, WRITER, ALONE, &conflict), -EAGAIN);
    assert_string_equal(conflict, "\"write\" lock");
}

static void
test_readers_share_and_keep_writers_out(void **state)
{
    g_autoptr(IoFile) first = open_image(IO_OPEN_READ_ONLY);
    g_autoptr(IoFile) second = open_image(IO_OPEN_READ_ONLY);
    g_autoptr(IoFile) writer = open_image(IO_OPEN_READ_WRITE);
    const char *conflict = NULL;

    assert_int_equal(io_lock_take(first, IO_LOCK_READ, ALONE, &conflict), 0);
    assert_int_equal(io_lock_take(second, IO_LOCK_READ, ALONE, &conflict), 0);
    assert_int_equal(io_lock_take(writer, WRITER, ALONE, &conflict), -EAGAIN);
}

static void
test_a_reader_is_kept_out_by_a_writer_unless_it_shares(void **state)
{
    g_autoptr(IoFile) writer = open_image(IO_OPEN_READ_WRITE);
    g_autoptr(IoFile) reader = open_image(IO_OPEN_READ_ONLY);
    g_autoptr(IoFile) sharer = open_image(IO_OPEN_READ_ONLY);
    const char *conflict = NULL;

    assert_int_equal(io_lock_take(writer, WRITER, ALONE, &conflict), 0);
    assert_int_equal(io_lock_take(reader, IO_LOCK_READ, ALONE, &conflict), -EAGAIN);
    assert_string_equal(conflict, "shared \"write\" lock");
    assert_int_equal(io_lock_take(sharer, IO_LOCK_READ, 0, &conflict), 0);
}

static void
test_locks_go_with_the_file(void **state)
{
    g_autoptr(IoFile) second = open_image(IO_OPEN_READ_WRITE);
    IoFile *first = open_image(IO_OPEN_READ_WRITE);
    const char *conflict = NULL;

    assert_int_equal(io_lock_take(first, WRITER, ALONE, &conflict), 0);
    io_file_close(first);
    assert_int_equal(io_lock_take(second, WRITER, ALONE, &conflict), 0);
}

static void
test_a_writer_that_became_a_reader_admits_readers_and_writes_no_more(void **state)
{
    g_autoptr(IoFile) file = open_image(IO_OPEN_READ_WRITE);
    g_autoptr(IoFile) reader = open_image(IO_OPEN_READ_ONLY);
    g_autoptr(IoFile) writer = open_image(IO_OPEN_READ_WRITE);
    const char *conflict = NULL;
    char byte = 'x';

    assert_int_equal(io_file_write(file, 7, &byte, 1), 0);
    assert_int_equal(io_lock_take(file, WRITER, ALONE, &conflict), 0);
    assert_int_equal(io_lock_become_reader(file), 0);

    assert_int_equal(io_lock_take(reader, IO_LOCK_READ, ALONE, &conflict), 0);
    assert_int_equal(io_lock_take(writer, WRITER, ALONE, &conflict), -EAGAIN);
    byte = 0;
    assert_int_equal(io_file_read(file, 7, &byte, 1), 0);
    assert_int_equal(byte, 'x');
    assert_int_equal(io_file_write(file, 7, &byte, 1), -EBADF);
}

/* Whether QEMU's own program may open the image, and what it says. */
static gboolean
qemu_io_may_open(const char *flag, char **ret_message)
{
    const char *arguments[] = {"qemu-io", "-f", "qcow2", "-c", "read 0 512", path, flag, NULL};
    int wait_status;

    assert_true(g_spawn_sync(NULL,
                             (char **)arguments,
                             NULL,
                             G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL,
                             NULL,
                             NULL,
                             NULL,
                             ret_message,
                             &wait_status,
                             NULL));
    return g_spawn_check_wait_status(wait_status, NULL);
}

/* QEMU lets others write a raw image when it does; a format's metadata it shares with nobody. */
static void
make_qcow2_or_skip(void)
{
    const char *arguments[] = {"qemu-img", "create", "-q", "-f", "qcow2", path, "1M", NULL};
    g_autofree char *qemu_img = g_find_program_in_path("qemu-img");
    g_autofree char *qemu_io = g_find_program_in_path("qemu-io");
    int wait_status;

    if (qemu_img == NULL || qemu_io == NULL) {
        print_message("qemu-img and qemu-io are not installed\n");
        skip();
    }
    assert_true(g_spawn_sync(NULL,
                             (char **)arguments,
                             NULL,
                             G_SPAWN_SEARCH_PATH,
                             NULL,
                             NULL,
                             NULL,
                             NULL,
                             &wait_status,
                             NULL));
    assert_true(g_spawn_check_wait_status(wait_status, NULL));
}

static void
test_a_real_qemu_is_kept_out_while_we_write(void **state)
{
    g_autoptr(IoFile) file = NULL;
    g_autofree char *message = NULL;
    g_autofree char *unused = NULL;
    g_autofree char *unused_shared = NULL;
    const char *conflict = NULL;

    make_qcow2_or_skip();
    file = open_image(IO_OPEN_READ_WRITE);
    assert_int_equal(io_lock_take(file, WRITER, ALONE, &conflict), 0);
    assert_false(qemu_io_may_open(NULL, &message));
    assert_non_null(strstr(message, "Failed to get \"write\" lock"));
    assert_false(qemu_io_may_open("-r", &unused));
    assert_true(qemu_io_may_open("-rU", &unused_shared));
}

static void
test_a_real_qemu_may_read_what_we_only_read(void **state)
{
    g_autoptr(IoFile) file = NULL;
    g_autofree char *unused = NULL;
    g_autofree char *message = NULL;
    const char *conflict = NULL;

    make_qcow2_or_skip();
    file = open_image(IO_OPEN_READ_ONLY);
    assert_int_equal(io_lock_take(file, IO_LOCK_READ, ALONE, &conflict), 0);
    assert_true(qemu_io_may_open("-r", &unused));
    assert_false(qemu_io_may_open(NULL, &message));
}

static void
test_we_are_kept_out_while_a_real_qemu_writes(void **state)
{
    g_autoptr(GSubprocess) process = NULL;
    g_autoptr(GDataInputStream) output = NULL;
    g_autoptr(IoFile) file = NULL;
    g_autofree char *holder = NULL;
    g_autofree char *line = NULL;
    const char *conflict = NULL;
    const char command[] = "write 0 512\n";

    make_qcow2_or_skip();
    process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE,
                               NULL,
                               "qemu-io",
                               "-f",
                               "qcow2",
                               path,
                               NULL);
    assert_non_null(process);
    assert_true(g_output_stream_write_all(
        g_subprocess_get_stdin_pipe(process), command, strlen(command), NULL, NULL, NULL));
    output = g_data_input_stream_new(g_subprocess_get_stdout_pipe(process));
    line = g_data_input_stream_read_line(output, NULL, NULL, NULL);
    assert_non_null(line);

    file = open_image(IO_OPEN_READ_WRITE);
    assert_int_equal(io_lock_take(file, WRITER, ALONE, &conflict), -EAGAIN);
    assert_string_equal(conflict, "\"write\" lock");
    holder = io_lock_find_holder(file);
    assert_non_null(holder);
    assert_non_null(strstr(holder, "(qemu-io)"));

    g_subprocess_force_exit(process);
    assert_true(g_subprocess_wait(process, NULL, NULL));
}

#define WITH_IMAGE(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_IMAGE(test_two_writers_never_meet),
        WITH_IMAGE(test_readers_share_and_keep_writers_out),
        WITH_IMAGE(test_a_reader_is_kept_out_by_a_writer_unless_it_shares),
        WITH_IMAGE(test_locks_go_with_the_file),
        WITH_IMAGE(test_a_writer_that_became_a_reader_admits_readers_and_writes_no_more),
        WITH_IMAGE(test_a_real_qemu_is_kept_out_while_we_write),
        WITH_IMAGE(test_a_real_qemu_may_read_what_we_only_read),
        WITH_IMAGE(test_we_are_kept_out_while_a_real_qemu_writes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
