/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Direct I/O tests */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "qemu-shim/io/direct.h"
#include "qemu-shim/io/file.h"

#define MIB   (1024 * 1024)
#define BLOCK 4096

static char *
make_path(void)
{
    char *path = g_build_filename(g_get_tmp_dir(), "virtblock-direct-XXXXXX", NULL);

    close(mkstemp(path));
    return path;
}

/* Aligned, as those of jobs are; each byte tells where it is. */
static char *
make_buffer(gsize length)
{
    char *buffer = aligned_alloc(BLOCK, (length + BLOCK - 1) / BLOCK * BLOCK);

    for (gsize i = 0; i < length; i++)
        buffer[i] = (char)(i * 7 + (i >> 12));
    return buffer;
}

/* Through a file of ours, at @offset, from @skip bytes into an aligned buffer and back. */
static void
assert_round_trip(guint64 offset, gsize length, gsize skip)
{
    g_autofree char *path = make_path();
    g_autofree char *out = make_buffer(length + skip);
    g_autofree char *in = make_buffer(length + skip);
    g_autoptr(IoFile) file = NULL;

    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE, &file), 0);
    assert_int_equal(io_file_write(file, offset, out + skip, length), 0);
    memset(in, 0, length + skip);
    assert_int_equal(io_file_read(file, offset, in + skip, length), 0);
    assert_memory_equal(in + skip, out + skip, length);
    unlink(path);
}

static void
test_what_is_written_is_read_however_it_lies(void **state)
{
    static const gsize lengths[] = {BLOCK, MIB, MIB + BLOCK, MIB + 1, MIB - 511};

    for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
        assert_round_trip(0, lengths[i], 0);
        assert_round_trip(3 * BLOCK, lengths[i], 0);
        assert_round_trip(512, lengths[i], 0);
        assert_round_trip(BLOCK, lengths[i], 1);
    }
}

static void
test_both_ways_see_the_same_file(void **state)
{
    g_autofree char *path = make_path();
    g_autofree char *large = make_buffer(MIB);
    g_autofree char *in = make_buffer(MIB);
    g_autoptr(IoFile) file = NULL;

    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE, &file), 0);
    assert_int_equal(io_file_write(file, 0, large, MIB), 0);
    for (guint i = 0; i < 50; i++) {
        /* A small write goes through the cache, and a large one over and around it does not. */
        assert_int_equal(io_file_write(file, i * 777, "small", 5), 0);
        memcpy(large + (gsize)i * 777, "small", 5);
        assert_int_equal(io_file_read(file, 0, in, MIB), 0);
        assert_memory_equal(in, large, MIB);
        memset(large + 512 * 1024, (int)i, 512 * 1024);
        assert_int_equal(io_file_write(file, 512 * 1024, large + 512 * 1024, 512 * 1024), 0);
        assert_int_equal(io_file_read(file, 300, in, MIB - 300), 0);
        assert_memory_equal(in, large + 300, MIB - 300);
    }
    unlink(path);
}

static void
test_past_the_end_there_are_zeros(void **state)
{
    g_autofree char *path = make_path();
    g_autofree char *large = make_buffer(MIB);
    g_autofree char *in = make_buffer(2 * MIB);
    g_autofree char *zeros = g_malloc0(2 * MIB);
    g_autoptr(IoFile) file = NULL;

    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE, &file), 0);
    assert_int_equal(io_file_write(file, 0, large, MIB - 100), 0);
    assert_int_equal(io_file_read(file, 0, in, 2 * MIB), 0);
    assert_memory_equal(in, large, MIB - 100);
    assert_memory_equal(in + MIB - 100, zeros, MIB + 100);
    assert_int_equal(io_file_read(file, 8 * MIB, in, MIB), 0);
    assert_memory_equal(in, zeros, MIB);
    unlink(path);
}

static void
test_only_large_aligned_requests_go_directly(void **state)
{
    g_autofree char *path = make_path();
    g_autofree char *large = make_buffer(MIB);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    int direct_fd = direct_open(fd, TRUE);

    assert_int_equal(direct_write(-1, 0, large, MIB), 0);
    if (direct_fd >= 0) {
        assert_int_equal(direct_write(direct_fd, 0, large, MIB), MIB);
        assert_int_equal(direct_write(direct_fd, 0, large, MIB - 1), MIB - BLOCK);
        assert_int_equal(direct_write(direct_fd, 512, large, MIB - BLOCK), 0);
        assert_int_equal(direct_write(direct_fd, 0, large + 1, MIB - BLOCK), 0);
        assert_int_equal(direct_write(direct_fd, 0, large, BLOCK), 0);
        assert_int_equal(direct_read(direct_fd, fd, 0, large, MIB), MIB);
        close(direct_fd);
    }

    close(fd);
    unlink(path);
}

/* A job's files are opened where it may read them; nothing more comes with the direct way. */
static void
test_a_reader_gets_no_way_to_write(void **state)
{
    g_autofree char *path = make_path();
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int direct_fd = direct_open(fd, FALSE);

    if (direct_fd >= 0) {
        assert_int_equal(fcntl(direct_fd, F_GETFL) & O_ACCMODE, O_RDONLY);
        assert_true((fcntl(direct_fd, F_GETFD) & FD_CLOEXEC) != 0);
        close(direct_fd);
    }
    close(fd);
    unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read_however_it_lies),
        cmocka_unit_test(test_both_ways_see_the_same_file),
        cmocka_unit_test(test_past_the_end_there_are_zeros),
        cmocka_unit_test(test_only_large_aligned_requests_go_directly),
        cmocka_unit_test(test_a_reader_gets_no_way_to_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
