/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image file tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <cmocka.h>

#include "qemu-shim/io/autofd.h"
#include "qemu-shim/io/file.h"
#include "qemu-shim/io/host.h"
#include "qemu-shim/io/posix-file.h"

static char *folder;

static int
set_up(void **state)
{
    folder = g_dir_make_tmp("virtblock-io-XXXXXX", NULL);
    return folder != NULL ? 0 : -1;
}

static int
tear_down(void **state)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        g_assert(g_remove(path) == 0);
    }
    g_rmdir(folder);
    g_clear_pointer(&folder, g_free);
    return 0;
}

static char *
path_of(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static IoFile *
create(const char *name)
{
    g_autofree char *path = path_of(name);
    IoFile *file = NULL;

    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE | IO_OPEN_CREATE, &file), 0);
    return file;
}

static void
test_a_fifo_is_refused_without_waiting(void **state)
{
    g_autofree char *path = path_of("pipe");
    IoFile *file = NULL;

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(io_file_open(path, IO_OPEN_READ_ONLY, &file), -EMEDIUMTYPE);
    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE, &file), -EMEDIUMTYPE);
    assert_null(file);
}

static void
test_what_is_no_image_is_refused(void **state)
{
    g_autofree char *missing = path_of("missing");
    IoFile *file = NULL;

    assert_int_equal(io_file_open(folder, IO_OPEN_READ_ONLY, &file), -EISDIR);
    assert_int_equal(io_file_open("/dev/null", IO_OPEN_READ_WRITE, &file), -EMEDIUMTYPE);
    assert_int_equal(io_file_open(missing, IO_OPEN_READ_WRITE, &file), -ENOENT);
    assert_null(file);
}

static void
test_a_new_file_is_ours_alone_and_never_replaces(void **state)
{
    g_autoptr(IoFile) file = create("new");
    IoFile *again = NULL;
    struct stat status;

    assert_int_equal(stat(file->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(io_file_open(file->path, IO_OPEN_READ_WRITE | IO_OPEN_CREATE, &again),
                     -EEXIST);
    assert_null(again);
}

/* The same for a file of the host and one in memory. */
static void
check_zeros(IoFile *file)
{
    char buffer[300];
    guint64 length;

    memset(buffer, 'x', sizeof(buffer));
    assert_int_equal(io_file_write(file, 0, buffer, 200), 0);
    assert_int_equal(io_file_write_zeroes(file, 100, 50), 0);
    assert_int_equal(io_file_get_length(file, &length), 0);
    assert_int_equal(length, 200);
    assert_int_equal(io_file_write_zeroes(file, 190, 100), 0);
    assert_int_equal(io_file_get_length(file, &length), 0);
    assert_int_equal(length, 290);

    assert_int_equal(io_file_read(file, 0, buffer, sizeof(buffer)), 0);
    for (guint i = 0; i < sizeof(buffer); i++)
        assert_int_equal(buffer[i], i < 100 || (i >= 150 && i < 190) ? 'x' : 0);
}

static void
test_zeros_are_written_in_the_middle_and_past_the_end(void **state)
{
    g_autoptr(IoFile) file = create("zeros");
    g_autoptr(IoFile) memory = io_file_new_memory(NULL, 0);

    check_zeros(file);
    check_zeros(memory);
}

static void
test_zeros_past_the_end_keep_the_file_sparse(void **state)
{
    g_autoptr(IoFile) file = create("sparse");
    guint64 length, allocated;

    assert_int_equal(io_file_write_zeroes(file, 4096, (guint64)1 << 30), 0);
    assert_int_equal(io_file_get_length(file, &length), 0);
    assert_int_equal(length, ((guint64)1 << 30) + 4096);
    assert_int_equal(io_file_get_allocated(file, &allocated), 0);
    assert_in_range(allocated, 0, 1 << 20);
}

static void
test_offsets_beyond_what_a_file_can_have_are_errors(void **state)
{
    g_autoptr(IoFile) file = create("far");
    char byte = 0;

    assert_int_equal(io_file_write(file, G_MAXUINT64, &byte, 1), -EFBIG);
    assert_int_equal(io_file_write_zeroes(file, G_MAXINT64, G_MAXINT64), -EFBIG);
    assert_int_equal(io_file_truncate(file, G_MAXUINT64), -EFBIG);
    assert_int_equal(io_file_read(file, G_MAXUINT64, &byte, 1), -EINVAL);
}

static void
test_data_and_holes_are_told_apart(void **state)
{
    g_autoptr(IoFile) file = create("extents");
    g_autofree char *block = g_malloc(1 << 20);
    gboolean is_data;
    guint64 length;

    memset(block, 'x', 1 << 20);
    assert_int_equal(io_file_write(file, 1 << 20, block, 1 << 20), 0);
    assert_int_equal(io_file_truncate(file, 3 << 20), 0);

    assert_int_equal(io_file_get_extent(file, (1 << 20) + 5, &is_data, &length), 0);
    assert_true(is_data);
    assert_int_equal(io_file_get_extent(file, 3 << 20, &is_data, &length), 0);
    assert_false(is_data);
    assert_int_equal(io_file_get_extent(file, 0, &is_data, &length), 0);
    assert_true(length > 0);
    if (is_data)
        return; /* a file system without holes */
    assert_int_equal(length, 1 << 20);
}

static void
test_a_failed_flush_is_final(void **state)
{
    g_autoptr(IoFile) file = create("flush");
    int fd = posix_file_get_fd(file);
    autofd int kept = dup(fd);
    int ends[2];

    /* A pipe cannot be flushed; then the file is back, and its flush would succeed. */
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(io_file_flush(file), 0);
    assert_true(dup2(ends[1], fd) >= 0);
    assert_int_equal(io_file_flush(file), -EINVAL);
    assert_true(dup2(kept, fd) >= 0);
    assert_int_equal(io_file_flush(file), -EINVAL);
    close(ends[0]);
    close(ends[1]);
}

static void
test_a_hard_link_is_the_same_file(void **state)
{
    g_autoptr(IoFile) file = create("one");
    g_autoptr(IoFile) other = create("two");
    g_autofree char *link_path = path_of("link");
    g_autoptr(IoFile) linked = NULL;
    IoIdentity a, b, c;

    assert_int_equal(link(file->path, link_path), 0);
    assert_int_equal(io_file_open(link_path, IO_OPEN_READ_ONLY, &linked), 0);
    assert_true(io_file_get_identity(file, &a));
    assert_true(io_file_get_identity(linked, &b));
    assert_true(io_file_get_identity(other, &c));
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&a, &c, sizeof(a));
}

static void
test_permissions_are_taken_over_and_never_widened(void **state)
{
    static const mode_t modes[] = {0600, 0640, 0644, 0400, 0660, 04755};
    g_autoptr(IoFile) model = create("model");
    g_autoptr(IoFile) file = create("copy");

    for (guint i = 0; i < G_N_ELEMENTS(modes); i++) {
        struct stat status;

        assert_int_equal(chmod(model->path, modes[i]), 0);
        assert_int_equal(io_file_copy_access(file, model), 0);
        assert_int_equal(stat(file->path, &status), 0);
        assert_int_equal(status.st_mode & 07777, modes[i] & 0666);
    }
}

#define WITH_FOLDER(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(test_a_fifo_is_refused_without_waiting),
        WITH_FOLDER(test_what_is_no_image_is_refused),
        WITH_FOLDER(test_a_new_file_is_ours_alone_and_never_replaces),
        WITH_FOLDER(test_zeros_are_written_in_the_middle_and_past_the_end),
        WITH_FOLDER(test_zeros_past_the_end_keep_the_file_sparse),
        WITH_FOLDER(test_offsets_beyond_what_a_file_can_have_are_errors),
        WITH_FOLDER(test_data_and_holes_are_told_apart),
        WITH_FOLDER(test_a_failed_flush_is_final),
        WITH_FOLDER(test_a_hard_link_is_the_same_file),
        WITH_FOLDER(test_permissions_are_taken_over_and_never_widened),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
