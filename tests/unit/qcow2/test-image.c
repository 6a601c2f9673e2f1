/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "qemu-shim/block/qcow2/repair.h"
#include "tests/unit/qcow2/memory-image.h"
#include "tests/unit/qcow2/recorder.h"
#include "tests/unit/qcow2/reference.h"

#define TIB (G_GUINT64_CONSTANT(1) << 40)

static IoFile *
create_overlay(guint32 version, guint64 cluster_size, guint64 size, const char *backing_name)
{
    Qcow2CreateOptions options = {
        .version = version,
        .size = size,
        .cluster_size = cluster_size,
        .backing_name = backing_name,
        .backing_format = "raw",
    };

    return memory_image_create(&options);
}

static Recorder *
record_image(IoFile *io)
{
    g_autoptr(GBytes) bytes = memory_image_get_bytes(io);

    return recorder_new(bytes);
}

static void
an_image_of_20_tib_opens_and_takes_data(void **state)
{
    Qcow2CreateOptions options = {.size = 20 * TIB};
    g_autoptr(IoFile) io = memory_image_create(&options);
    g_autoptr(BlockNode) node = memory_image_open(io, FALSE, NULL, NULL);
    guint64 length;
    BlockStatus status;
    char data[512] = "the end";

    assert_int_equal(block_node_write(node, 20 * TIB - 512, data, sizeof(data)), 0);
    assert_int_equal(block_node_get_status(node, 0, 20 * TIB - 65536, &status, &length), 0);
    assert_int_equal(status, BLOCK_STATUS_UNALLOCATED);
    assert_true(length == 20 * TIB - 65536);
    g_clear_pointer(&node, block_node_unref);

    assert_int_equal(memory_image_check(io), 0);
    node = memory_image_open(io, TRUE, NULL, NULL);
    memset(data, 0, sizeof(data));
    assert_int_equal(block_node_read(node, 20 * TIB - 512, data, sizeof(data)), 0);
    assert_string_equal(data, "the end");
    assert_int_equal(io_file_get_length(io, &length), 0);
    assert_true(length < 1024 * 1024);
}

static void
creation_refuses_what_we_would_not_open(void **state)
{
    static const Qcow2CreateOptions options[] = {
        {.size = 1, .cluster_size = 1000},
        {.size = 1, .cluster_size = 256},
        {.size = 1, .cluster_size = 4 * 1024 * 1024},
        {.size = 1, .version = 4},
        {.size = G_MAXUINT64},
        {.size = 200 * TIB, .cluster_size = 512},
        {.size = 1, .backing_name = "base"},
        {.size = 1, .backing_format = "raw"},
        {.size = 1, .backing_name = "base", .backing_format = ""},
        {.size = 1, .backing_name = "base", .backing_format = "sixteen letters!"},
        {.size = 1, .backing_name = "a\nb", .backing_format = "raw"},
        {.size = 1, .backing_name = "\xff", .backing_format = "raw"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autoptr(IoFile) io = io_file_new_memory("kept", 4);
        g_autoptr(GError) error = NULL;
        char there[4];

        assert_false(qcow2_create(io, &options[i], &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT));
        assert_int_equal(io_file_read(io, 0, there, sizeof(there)), 0);
        assert_memory_equal(there, "kept", 4);
    }
}

static void
an_unknown_autoclear_bit_is_cleared_before_the_first_write(void **state)
{
    g_autoptr(IoFile) io = memory_image_create_sample(3, 4096, 65536);
    g_autoptr(BlockNode) node = NULL;

    memory_image_put64(io, 88, G_GUINT64_CONSTANT(1) << 40);
    node = memory_image_open(io, TRUE, NULL, NULL);
    assert_true(memory_image_get64(io, 88) != 0);
    g_clear_pointer(&node, block_node_unref);
    node = memory_image_open(io, FALSE, NULL, NULL);
    assert_true(memory_image_get64(io, 88) == 0);
}

static void
what_the_header_says_beyond_us_survives_the_pivot(void **state)
{
    g_autoptr(IoFile) io = create_overlay(3, 4096, 65536, "a.raw");
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GBytes) bytes = NULL;
    guint8 header[512];

    /* Fields past those we know, an extension, then the format and a name. */
    assert_int_equal(io_file_read(io, 0, header, sizeof(header)), 0);
    memset(header + 104, 0, sizeof(header) - 104);
    qcow2_put32(header + 100, 120);
    memcpy(header + 112, "FIELDNEW", 8);
    qcow2_put32(header + 120, 0x77777777);
    qcow2_put32(header + 124, 5);
    memcpy(header + 128, "EXTRA", 5);
    qcow2_put32(header + 136, QCOW2_EXTENSION_BACKING_FORMAT);
    qcow2_put32(header + 140, 3);
    memcpy(header + 144, "raw", 3);
    qcow2_put64(header + 8, 300);
    qcow2_put32(header + 16, 5);
    memcpy(header + 300, "a.raw", 5);
    qcow2_put64(header + 80, G_GUINT64_CONSTANT(1) << 33); /* a compatible feature */
    assert_int_equal(io_file_write(io, 0, header, sizeof(header)), 0);

    node = memory_image_open(io, FALSE, NULL, NULL);
    assert_string_equal(node->backing_name, "a.raw");
    assert_int_equal(block_node_change_backing_name(node, "/other/b.qcow2", "qcow2"), 0);
    g_clear_pointer(&node, block_node_unref);

    node = memory_image_open(io, TRUE, NULL, NULL);
    assert_string_equal(node->backing_name, "/other/b.qcow2");
    assert_string_equal(node->backing_format, "qcow2");
    assert_int_equal(io_file_read(io, 0, header, sizeof(header)), 0);
    assert_memory_equal(header + 112, "FIELDNEW", 8);
    assert_non_null(memmem(header, sizeof(header), "EXTRA", 5));
    assert_true(qcow2_get64(header + 80) == G_GUINT64_CONSTANT(1) << 33);
}

static void
a_pivot_without_room_touches_nothing(void **state)
{
    g_autoptr(IoFile) io = create_overlay(3, 512, 65536, "a.raw");
    g_autoptr(Recorder) recorder = record_image(io);
    g_autoptr(BlockNode) node = memory_image_open(&recorder->file, FALSE, NULL, NULL);
    g_autofree char *name = g_strnfill(500, 'n');
    char data[512] = "data";

    assert_int_equal(block_node_write(node, 0, data, sizeof(data)), 0);
    recorder->n_operations = 0;
    assert_int_equal(block_node_change_backing_name(node, name, "raw"), -ENOSPC);
    assert_true(recorder->n_operations == 0);
    assert_string_equal(node->backing_name, "a.raw");
    assert_int_equal(block_node_change_backing_name(node, NULL, NULL), 0);
}

static void
a_pivot_is_one_write_between_two_flushes(void **state)
{
    g_autoptr(IoFile) io = create_overlay(3, 65536, 1024 * 1024, "a.raw");
    g_autoptr(Recorder) recorder = record_image(io);
    g_autoptr(BlockNode) node = memory_image_open(&recorder->file, FALSE, NULL, NULL);
    const Record *records;

    assert_int_equal(block_node_flush(node), 0);
    g_array_set_size(recorder->records, 0);
    assert_int_equal(block_node_change_backing_name(node, "b.raw", "raw"), 0);
    assert_int_equal(recorder->records->len, 3);
    records = (const Record *)(gpointer)recorder->records->data;
    assert_int_equal(records[0].kind, RECORD_FLUSH);
    assert_int_equal(records[1].kind, RECORD_WRITE);
    assert_int_equal(records[1].offset, 0);
    assert_true(g_bytes_get_size(records[1].bytes) <= 4096);
    assert_int_equal(records[2].kind, RECORD_FLUSH);
}

static void
a_header_that_others_changed_is_not_written_over(void **state)
{
    g_autoptr(IoFile) io = create_overlay(3, 4096, 65536, "a.raw");
    g_autoptr(BlockNode) node = memory_image_open(io, FALSE, NULL, NULL);

    memory_image_put64(io, 72, QCOW2_INCOMPATIBLE_CORRUPT);
    assert_int_equal(block_node_change_backing_name(node, NULL, NULL), -ESTALE);
    assert_true(memory_image_get64(io, 8) != 0);
}

/* A megabyte in clusters of 4 KiB is contiguous, so it is one write and one read. */
static void
large_requests_stay_large(void **state)
{
    Qcow2CreateOptions options = {.size = 4 * 1024 * 1024, .cluster_size = 4096};
    g_autoptr(IoFile) io = memory_image_create(&options);
    g_autoptr(Recorder) recorder = record_image(io);
    g_autoptr(BlockNode) node = memory_image_open(&recorder->file, FALSE, NULL, NULL);
    g_autofree char *data = g_malloc(1024 * 1024);

    memset(data, 'l', 1024 * 1024);
    recorder->n_operations = 0;
    assert_int_equal(block_node_write(node, 4096, data, 1024 * 1024), 0);
    assert_true(recorder->n_operations == 1);
    assert_int_equal(block_node_write(node, 4096, data, 1024 * 1024), 0); /* in place */
    assert_true(recorder->n_operations == 2);
    assert_int_equal(block_node_populate(node, 2 * 1024 * 1024, data, 1024 * 1024), 0);
    assert_true(recorder->n_operations == 3);
    assert_int_equal(block_node_flush(node), 0);

    recorder->n_reads = 0;
    assert_int_equal(block_node_read(node, 4096, data, 1024 * 1024), 0);
    assert_true(recorder->n_reads == 1);
}

static void
a_job_leaves_alone_what_is_there(void **state)
{
    for (guint32 version = 2; version <= 3; version++) {
        g_autoptr(IoFile) base_io = io_file_new_memory(NULL, 0);
        g_autoptr(IoFile) io = create_overlay(version, 512, 2048, "base.raw");
        g_autoptr(BlockNode) base = NULL;
        g_autoptr(BlockNode) node = NULL;
        char copied[2048], expected[2048];

        memset(expected, 'x', sizeof(expected));
        assert_int_equal(io_file_write(base_io, 0, expected, sizeof(expected)), 0);
        base = memory_image_open_raw(base_io, TRUE);
        node = memory_image_open(io, FALSE, base, NULL);
        memset(expected, 'g', 512);
        memset(expected + 512, 0, 512);
        assert_int_equal(block_node_write(node, 0, expected, 512), 0);
        assert_int_equal(block_node_write_zeroes(node, 512, 512), 0);

        memset(copied, 'c', 1024);
        memset(copied + 1024, 'x', 512);
        memset(copied + 1536, 0, 512); /* zeros hide what is below */
        memset(expected + 1536, 0, 512);
        assert_int_equal(block_node_populate(node, 0, copied, sizeof(copied)), 0);
        memory_image_assert_reads(node, expected, sizeof(expected));
        assert_int_equal(block_node_populate_zeroes(node, 0, sizeof(copied)), 0);
        memory_image_assert_reads(node, expected, sizeof(expected));
        assert_int_equal(block_node_populate(node, 1, copied, 10), -EINVAL);
    }
}

/* Threads of a guest and a job on one image, in a real file. */

#define N_CLUSTERS 600u

typedef struct {
    BlockNode *node;
    guint8 model[N_CLUSTERS]; /* what the guest wrote last; 0: nothing */
} Guest;

static gpointer
write_as_guest(gpointer data)
{
    Guest *guest = data;
    g_autoptr(GRand) random = g_rand_new_with_seed(3);
    guint8 cluster[4096];

    for (guint i = 0; i < 3000; i++) {
        guint index = (guint)g_rand_int_range(random, 0, N_CLUSTERS);
        guint8 value = (guint8)g_rand_int_range(random, 2, 256);
        guint64 offset = (guint64)index * sizeof(cluster);

        memset(cluster, value, sizeof(cluster));
        if (i % 100 == 0)
            g_assert(block_node_flush(guest->node) == 0);
        g_assert(block_node_write(guest->node, offset, cluster, sizeof(cluster)) == 0);
        memset(cluster, 0, sizeof(cluster));
        g_assert(block_node_read(guest->node, offset, cluster, sizeof(cluster)) == 0);
        g_assert(cluster[0] == value && cluster[sizeof(cluster) - 1] == value);
        guest->model[index] = value;
    }

    return NULL;
}

static void
copy_all_up(BlockNode *node)
{
    g_autofree guint8 *data = g_malloc(16 * 4096);

    for (guint round = 0; round < 3; round++) {
        for (guint i = 0; i < N_CLUSTERS; i += 12) {
            assert_int_equal(block_node_read(node, (guint64)i * 4096, data, 12 * 4096), 0);
            assert_int_equal(block_node_populate(node, (guint64)i * 4096, data, 12 * 4096), 0);
        }
    }
}

static void
a_guest_and_a_job_write_at_once(void **state)
{
    g_autofree guint8 *base_bytes = g_malloc(N_CLUSTERS * 4096);
    g_autofree char *path = reference_path("image.qcow2");
    g_autoptr(IoFile) base_io = NULL;
    g_autoptr(IoFile) io = NULL;
    g_autoptr(BlockNode) base = NULL;
    Guest guest = {0};
    Qcow2CreateOptions options = {
        .size = N_CLUSTERS * 4096,
        .cluster_size = 4096,
        .backing_name = "base.raw",
        .backing_format = "raw",
    };
    GThread *thread;

    memset(base_bytes, 1, N_CLUSTERS * 4096);
    base_io = io_file_new_memory(base_bytes, N_CLUSTERS * 4096);
    base = memory_image_open_raw(base_io, TRUE);
    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE | IO_OPEN_CREATE, &io), 0);
    assert_true(qcow2_create(io, &options, NULL));
    guest.node = memory_image_open(io, FALSE, base, NULL);
    ((Qcow2Image *)qcow2_node_get_image(guest.node))->batch_limit = 50 * 4096;

    thread = g_thread_new("guest", write_as_guest, &guest);
    copy_all_up(guest.node);
    g_thread_join(thread);
    assert_int_equal(block_node_change_backing_name(guest.node, NULL, NULL), 0);
    block_node_set_backing(guest.node, NULL);

    for (guint i = 0; i < N_CLUSTERS; i++)
        memset(base_bytes + (gsize)i * 4096, guest.model[i] != 0 ? guest.model[i] : 1, 4096);
    memory_image_assert_reads(guest.node, base_bytes, N_CLUSTERS * 4096);
    g_clear_pointer(&guest.node, block_node_unref);
    assert_int_equal(memory_image_check(io), 0);
}

static void
put_count(IoFile *io, guint cluster, guint8 count)
{
    guint64 block = memory_image_get64(io, memory_image_get64(io, 48));
    guint8 bytes[2] = {0, count};

    assert_int_equal(io_file_write(io, block + (guint64)cluster * 2, bytes, 2), 0);
}

static void
counts_are_repaired_as_far_as_is_asked_for(void **state)
{
    g_autoptr(IoFile) io = memory_image_create_sample(3, 4096, 64 * 1024);
    g_autoptr(GError) error = NULL;

    put_count(io, 5, 3);
    put_count(io, 6, 0);
    for (guint what = QCOW2_REPAIR_LEAKS; what <= QCOW2_REPAIR_ALL; what++) {
        g_autoptr(Qcow2Image) image = qcow2_image_open(io, TRUE, NULL);
        g_auto(Qcow2Report) report = {0};

        assert_true(qcow2_repair(image, (Qcow2Repair)what, NULL));
        assert_true(qcow2_check(image, &report, NULL));
        assert_int_equal(report.leaks, 0);
        assert_true((report.corruptions == 0) == (what == QCOW2_REPAIR_ALL));
    }
    assert_int_equal(memory_image_check(io), 0);
}

/* A cluster far past the end of the file. */
static void
what_is_more_than_a_wrong_count_is_not_repaired(void **state)
{
    g_autoptr(IoFile) io = memory_image_create_sample(3, 4096, 64 * 1024);
    guint64 l1 = memory_image_get64(io, 40);
    guint64 l2 = memory_image_get64(io, l1) & QCOW2_OFFSET_MASK;
    g_autoptr(Qcow2Image) image = NULL;
    g_autoptr(GBytes) before = NULL;
    g_autoptr(GBytes) after = NULL;
    g_autoptr(GError) error = NULL;

    memory_image_put64(io, l2 + 24, QCOW2_COPIED | ((guint64)1 << 40));
    before = memory_image_get_bytes(io);
    image = qcow2_image_open(io, TRUE, NULL);
    assert_non_null(image);
    assert_false(qcow2_repair(image, QCOW2_REPAIR_ALL, &error));
    assert_non_null(strstr(error->message, "more than its counts"));
    after = memory_image_get_bytes(io);
    assert_true(g_bytes_equal(before, after));
}

/* Whose length says nothing: what is written goes behind what is there, again and again. */
static void
an_image_on_a_device_goes_on_behind_its_last_cluster(void **state)
{
    Qcow2CreateOptions options = {.cluster_size = 4096, .size = 1024 * 1024};
    g_autofree char *noise = g_strnfill(4 * 1024 * 1024, 'n');
    g_autoptr(IoFile) io = io_file_new_memory(noise, 4 * 1024 * 1024);
    g_autofree char *model = g_malloc0(1024 * 1024);
    guint64 length = 0;

    io->is_fixed = TRUE;
    assert_true(qcow2_create(io, &options, NULL));
    for (guint round = 0; round < 5; round++) {
        g_autoptr(BlockNode) node = memory_image_open(io, FALSE, NULL, NULL);

        assert_non_null(node);
        memory_image_assert_reads(node, model, 1024 * 1024);
        memset(model + (gsize)round * 100000, 'a' + (int)round, 50000);
        assert_int_equal(
            block_node_write(node, (guint64)round * 100000, model + (gsize)round * 100000, 50000),
            0);
        assert_int_equal(block_node_flush(node), 0);
        memory_image_assert_reads(node, model, 1024 * 1024);
        assert_int_equal(memory_image_check(io), 0);
    }

    assert_int_equal(io_file_get_length(io, &length), 0);
    assert_int_equal(length, 4 * 1024 * 1024);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_of_20_tib_opens_and_takes_data),
        cmocka_unit_test(creation_refuses_what_we_would_not_open),
        cmocka_unit_test(an_unknown_autoclear_bit_is_cleared_before_the_first_write),
        cmocka_unit_test(what_the_header_says_beyond_us_survives_the_pivot),
        cmocka_unit_test(a_pivot_without_room_touches_nothing),
        cmocka_unit_test(a_pivot_is_one_write_between_two_flushes),
        cmocka_unit_test(a_header_that_others_changed_is_not_written_over),
        cmocka_unit_test(large_requests_stay_large),
        cmocka_unit_test(a_job_leaves_alone_what_is_there),
        cmocka_unit_test(counts_are_repaired_as_far_as_is_asked_for),
        cmocka_unit_test(what_is_more_than_a_wrong_count_is_not_repaired),
        cmocka_unit_test(an_image_on_a_device_goes_on_behind_its_last_cluster),
        cmocka_unit_test_setup_teardown(
            a_guest_and_a_job_write_at_once, reference_set_up, reference_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
