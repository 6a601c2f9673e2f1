/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Against QEMU */

/*
 * What we create QEMU accepts; what QEMU creates we read as QEMU does, and count in a check as it
 * counts. Run with qemu-img and qemu-io of 7.2; skipped where they are missing.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "tests/unit/qcow2/memory-image.h"
#include "tests/unit/qcow2/reference.h"

#define REQUIRE_REFERENCE()        \
    do {                           \
        if (!reference_is_there()) \
            skip();                \
    } while (0)

/* The number after "@name": in a JSON object; 0 where it is not there, as check prints it. */
static guint64
find_number(const char *json, const char *name)
{
    g_autofree char *key = g_strdup_printf("\"%s\": ", name);
    const char *at = strstr(json, key);

    return at != NULL ? g_ascii_strtoull(at + strlen(key), NULL, 10) : 0;
}

static void
assert_same_report(const char *name)
{
    g_autoptr(IoFile) io = reference_load(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(Qcow2Image) image = qcow2_image_open(io, FALSE, &error);
    g_auto(Qcow2Report) report = {0};
    g_autofree char *json = NULL;

    reference_run(&json, "qemu-img", "check", "-f", "qcow2", "--output=json", name, NULL);
    if (image == NULL || !qcow2_check(image, &report, &error))
        fail_msg("%s", error->message);
    assert_int_equal(report.corruptions, find_number(json, "corruptions"));
    assert_int_equal(report.leaks, find_number(json, "leaks"));
    assert_int_equal(report.check_errors, find_number(json, "check-errors"));
    assert_int_equal(report.total_clusters, find_number(json, "total-clusters"));
    assert_int_equal(report.allocated_clusters, find_number(json, "allocated-clusters"));
    assert_int_equal(report.fragmented_clusters, find_number(json, "fragmented-clusters"));
    assert_int_equal(report.compressed_clusters, find_number(json, "compressed-clusters"));
    assert_int_equal(report.image_end_offset, find_number(json, "image-end-offset"));
}

/* The chain of @name, over @base_name (raw; NULL: none), reads as qemu-img converts it. */
static void
assert_reads_the_same(const char *name, const char *base_name)
{
    g_autoptr(IoFile) io = reference_load(name);
    g_autoptr(IoFile) base_io = base_name != NULL ? reference_load(base_name) : NULL;
    g_autoptr(BlockNode) base = base_io != NULL ? memory_image_open_raw(base_io, TRUE) : NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = memory_image_open(io, TRUE, base, &error);
    g_autoptr(IoFile) raw = NULL;
    g_autoptr(GBytes) expected = NULL;

    if (node == NULL)
        fail_msg("%s", error->message);
    reference_do("qemu-img", "convert", "-f", "qcow2", "-O", "raw", name, "expected.raw", NULL);
    raw = reference_load("expected.raw");
    expected = memory_image_get_bytes(raw);
    assert_int_equal(g_bytes_get_size(expected), block_node_get_length(node));
    memory_image_assert_reads(node, g_bytes_get_data(expected, NULL), g_bytes_get_size(expected));
}

static void
what_we_create_qemu_accepts(void **state)
{
    REQUIRE_REFERENCE();

    reference_do("qemu-img", "create", "-f", "raw", "base.raw", "3M", NULL);
    for (guint32 version = 2; version <= 3; version++) {
        for (guint64 cluster_size = 512; cluster_size <= 2 * 1024 * 1024; cluster_size *= 2) {
            Qcow2CreateOptions options = {
                .version = version,
                .cluster_size = cluster_size,
                .size = 3 * 1024 * 1024 + 512,
                .backing_name = cluster_size % 3 == 1 ? "base.raw" : NULL,
                .backing_format = cluster_size % 3 == 1 ? "raw" : NULL,
            };
            g_autoptr(IoFile) io = memory_image_create(&options);
            g_autofree char *json = NULL;

            reference_save("ours.qcow2", io);
            reference_do("qemu-img", "check", "-f", "qcow2", "ours.qcow2", NULL);
            assert_same_report("ours.qcow2");
            assert_int_equal(
                reference_run(&json, "qemu-img", "info", "--output=json", "ours.qcow2", NULL), 0);
            assert_int_equal(find_number(json, "virtual-size"), options.size);
            assert_int_equal(find_number(json, "cluster-size"), cluster_size);
            assert_non_null(strstr(json, version == 2 ? "\"0.10\"" : "\"1.1\""));
            assert_true((strstr(json, "base.raw") != NULL) == (options.backing_name != NULL));
        }
    }
}

static void
what_we_write_qemu_reads(void **state)
{
    REQUIRE_REFERENCE();

    for (guint32 version = 2; version <= 3; version++) {
        for (guint64 cluster_size = 512; cluster_size <= 2 * 1024 * 1024; cluster_size *= 4) {
            g_autoptr(IoFile)
                io = memory_image_create_sample(version, cluster_size, 5 * cluster_size);

            reference_save("ours.qcow2", io);
            reference_do("qemu-img", "check", "-f", "qcow2", "ours.qcow2", NULL);
            assert_same_report("ours.qcow2");
            assert_reads_the_same("ours.qcow2", NULL);
        }
    }
}

static void
every_width_of_refcounts_is_written_as_qemu_reads_it(void **state)
{
    REQUIRE_REFERENCE();

    for (guint bits = 1; bits <= 64; bits *= 2) {
        Qcow2CreateOptions options = {
            .cluster_size = 512, .refcount_bits = bits, .size = 8 * 1024 * 1024};
        g_autoptr(IoFile) io = memory_image_create(&options);
        g_autoptr(BlockNode) node = memory_image_open(io, FALSE, NULL, NULL);
        g_autofree char *data = g_strnfill(3 * 1024 * 1024, 'c');

        /* Enough that there are several refcount blocks, and a larger table of them. */
        assert_int_equal(block_node_write(node, 70000, data, 3 * 1024 * 1024), 0);
        assert_int_equal(block_node_write_zeroes(node, 512 * 1000, 512 * 100), 0);
        assert_int_equal(block_node_flush(node), 0);
        assert_int_equal(memory_image_check(io), 0);
        reference_save("ours.qcow2", io);
        reference_do("qemu-img", "check", "-f", "qcow2", "ours.qcow2", NULL);
        assert_same_report("ours.qcow2");
        assert_reads_the_same("ours.qcow2", NULL);
    }
}

static void
create_and_fill(const char *compat, guint64 cluster_size)
{
    g_autofree char *options = g_strdup_printf(
        "compat=%s,cluster_size=%" G_GUINT64_FORMAT, compat, cluster_size);

    reference_do("qemu-img",
                 "create",
                 "-f",
                 "qcow2",
                 "-o",
                 options,
                 "-b",
                 "base.raw",
                 "-F",
                 "raw",
                 "theirs.qcow2",
                 NULL);
    reference_do("qemu-io",
                 "-f",
                 "qcow2",
                 "-c",
                 "write -P 1 0 300k",
                 "-c",
                 "write -P 2 1000k 3k",
                 "-c",
                 "write -z 100k 100k",
                 "-c",
                 "write -P 3 150k 10k",
                 "-c",
                 "write -z 2000k 70k",
                 "-c",
                 "write -P 4 2500k 1",
                 "theirs.qcow2",
                 NULL);
}

static void
what_qemu_writes_we_read(void **state)
{
    REQUIRE_REFERENCE();

    reference_do("qemu-img", "create", "-f", "raw", "base.raw", "3M", NULL);
    reference_do("qemu-io", "-f", "raw", "-c", "write -P 9 0 2900k", "base.raw", NULL);
    for (guint64 cluster_size = 512; cluster_size <= 2 * 1024 * 1024; cluster_size *= 2) {
        gboolean is_old = cluster_size == 1024 || cluster_size == 65536;

        create_and_fill(is_old ? "0.10" : "1.1", cluster_size);
        assert_reads_the_same("theirs.qcow2", "base.raw");
        assert_same_report("theirs.qcow2");
    }
}

/* Text that compresses, and noise that does not. */
static void
make_mixed_content(void)
{
    g_autofree char *path = reference_path("content.raw");
    g_autofree guint8 *data = g_malloc(2 * 1024 * 1024);
    g_autoptr(GRand) random = g_rand_new_with_seed(1);

    for (guint i = 0; i < 2 * 1024 * 1024; i++)
        data[i] = i / 100000 % 2 == 0 ? (guint8)(i / 100) : (guint8)g_rand_int(random);
    assert_true(g_file_set_contents(path, (char *)data, 2 * 1024 * 1024, NULL));
}

static void
compressed_clusters_are_read(void **state)
{
    static const char *const options[] = {
        "compression_type=zlib,cluster_size=512",
        "compression_type=zlib,cluster_size=4k",
        "compression_type=zlib",
        "compression_type=zlib,cluster_size=2M",
        "compat=0.10",
#ifdef HAVE_ZSTD
        "compression_type=zstd",
        "compression_type=zstd,cluster_size=2M",
#endif
    };

    REQUIRE_REFERENCE();

    make_mixed_content();
    for (guint i = 0; i < G_N_ELEMENTS(options); i++) {
        reference_do("qemu-img",
                     "convert",
                     "-c",
                     "-f",
                     "raw",
                     "-O",
                     "qcow2",
                     "-o",
                     options[i],
                     "content.raw",
                     "theirs.qcow2",
                     NULL);
        assert_reads_the_same("theirs.qcow2", NULL);
        assert_same_report("theirs.qcow2");
    }
}

/* Their clusters share host clusters, so each write takes a reference of some away. */
static void
compressed_clusters_are_written_over(void **state)
{
    g_autoptr(IoFile) io = NULL;
    g_autoptr(BlockNode) node = NULL;
    char data[3000];

    REQUIRE_REFERENCE();

    make_mixed_content();
    reference_do("qemu-img", "convert", "-c", "-O", "qcow2", "content.raw", "theirs.qcow2", NULL);
    memset(data, 'w', sizeof(data));
    io = reference_load("theirs.qcow2");
    node = memory_image_open(io, FALSE, NULL, NULL);
    for (guint64 offset = 0; offset < 2000000; offset += 150000)
        assert_int_equal(block_node_write(node, offset, data, sizeof(data)), 0);
    assert_int_equal(block_node_write_zeroes(node, 65536 * 4, 65536), 0);
    g_clear_pointer(&node, block_node_unref);

    reference_save("theirs.qcow2", io);
    reference_do("qemu-img", "check", "-f", "qcow2", "theirs.qcow2", NULL);
    assert_same_report("theirs.qcow2");
    assert_reads_the_same("theirs.qcow2", NULL);
}

static void
internal_snapshots_are_counted(void **state)
{
    REQUIRE_REFERENCE();

    reference_do("qemu-img", "create", "-f", "raw", "base.raw", "3M", NULL);
    create_and_fill("1.1", 4096);
    reference_do("qemu-img", "snapshot", "-c", "one", "theirs.qcow2", NULL);
    reference_do("qemu-io", "-f", "qcow2", "-c", "write -P 7 50k 90k", "theirs.qcow2", NULL);
    reference_do("qemu-img", "snapshot", "-c", "two", "theirs.qcow2", NULL);
    reference_do("qemu-io", "-f", "qcow2", "-c", "write -P 8 60k 90k", "theirs.qcow2", NULL);
    assert_reads_the_same("theirs.qcow2", "base.raw");
    assert_same_report("theirs.qcow2");
}

/* What @name holds in snapshot @snapshot, by QEMU. */
static GBytes *
read_snapshot(const char *name, const char *snapshot)
{
    g_autofree char *path = reference_path("snapshot.raw");
    gsize length;
    char *bytes;

    reference_do(
        "qemu-img", "convert", "-f", "qcow2", "-l", snapshot, "-O", "raw", name, path, NULL);
    assert_true(g_file_get_contents(path, &bytes, &length, NULL));
    return g_bytes_new_take(bytes, length);
}

static void
a_snapshot_in_the_image_stays_what_it_is(void **state)
{
    g_autofree char *data = g_strnfill(90000, 'n');

    REQUIRE_REFERENCE();

    reference_do("qemu-img", "create", "-f", "raw", "base.raw", "3M", NULL);
    for (guint i = 0; i < 3; i++) {
        static const guint64 cluster_sizes[] = {512, 4096, 65536};
        g_autoptr(GBytes) before = NULL;
        g_autoptr(GBytes) after = NULL;
        g_autoptr(IoFile) io = NULL;
        g_autoptr(BlockNode) node = NULL;

        create_and_fill("1.1", cluster_sizes[i]);
        reference_do("qemu-img", "snapshot", "-c", "one", "theirs.qcow2", NULL);
        reference_do("qemu-io", "-f", "qcow2", "-c", "write -P 7 50k 90k", "theirs.qcow2", NULL);
        before = read_snapshot("theirs.qcow2", "snapshot.name=one");

        io = reference_load("theirs.qcow2");
        node = memory_image_open(io, FALSE, NULL, NULL);
        assert_non_null(node);
        for (guint64 offset = 0; offset < 2000000; offset += 250001)
            assert_int_equal(block_node_write(node, offset, data, 90000), 0);
        assert_int_equal(block_node_write_zeroes(node, 100000, 300000), 0);
        assert_int_equal(block_node_flush(node), 0);
        assert_int_equal(memory_image_check(io), 0);

        reference_save("theirs.qcow2", io);
        reference_do("qemu-img", "check", "-f", "qcow2", "theirs.qcow2", NULL);
        after = read_snapshot("theirs.qcow2", "snapshot.name=one");
        assert_true(g_bytes_equal(before, after));
        /* And it can be gone back to, and dropped. */
        reference_do("qemu-img", "snapshot", "-a", "one", "theirs.qcow2", NULL);
        reference_do("qemu-img", "snapshot", "-d", "one", "theirs.qcow2", NULL);
        reference_do("qemu-img", "check", "-f", "qcow2", "theirs.qcow2", NULL);
    }
}

/* As a QEMU leaves one that was killed: counts that were never written. */
static void
an_image_that_was_not_closed_is_repaired_before_it_is_written(void **state)
{
    g_autofree char *data = g_strnfill(50000, 'n');

    REQUIRE_REFERENCE();

    for (guint64 cluster_size = 512; cluster_size <= 65536; cluster_size *= 128) {
        g_autofree char *options = g_strdup_printf(
            "lazy_refcounts=on,cluster_size=%" G_GUINT64_FORMAT, cluster_size);
        g_autoptr(IoFile) io = NULL;
        g_autoptr(BlockNode) node = NULL;
        char bytes[16];

        reference_do(
            "qemu-img", "create", "-f", "qcow2", "-o", options, "theirs.qcow2", "3M", NULL);
        assert_int_not_equal(reference_run(NULL,
                                           "qemu-io",
                                           "-f",
                                           "qcow2",
                                           "-c",
                                           "write -P 5 100k 900k",
                                           "-c",
                                           "flush",
                                           "-c",
                                           "abort",
                                           "theirs.qcow2",
                                           NULL),
                             0);
        io = reference_load("theirs.qcow2");
        assert_int_equal(memory_image_get64(io, 72), 1);

        node = memory_image_open(io, FALSE, NULL, NULL);
        assert_non_null(node);
        assert_int_equal(memory_image_get64(io, 72), 0);
        assert_int_equal(memory_image_check(io), 0);
        assert_int_equal(block_node_read(node, 500000, bytes, sizeof(bytes)), 0);
        assert_memory_equal(bytes, "\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5\5", 16);
        assert_int_equal(block_node_write(node, 2000000, data, 50000), 0);
        assert_int_equal(block_node_flush(node), 0);
        reference_save("theirs.qcow2", io);
        reference_do("qemu-img", "check", "-f", "qcow2", "theirs.qcow2", NULL);
    }
}

/* One thing wrong at a time, where both count the same. */
static void
faults_are_counted_as_qemu_counts_them(void **state)
{
    static const struct {
        guint cluster; /* whose refcount is changed */
        guint16 count;
    } faults[] = {{5, 0}, {5, 2}, {6, 0}, {6, 7}, {0, 0}};

    REQUIRE_REFERENCE();

    for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autoptr(IoFile) io = memory_image_create_sample(3, 4096, 64 * 1024);
        guint64 block = memory_image_get64(io, memory_image_get64(io, 48));
        guint16 count = GUINT16_TO_BE(faults[i].count);

        assert_int_equal(io_file_write(io, block + faults[i].cluster * 2, &count, 2), 0);
        reference_save("bad.qcow2", io);
        assert_same_report("bad.qcow2");
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, reference_set_up, reference_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_we_create_qemu_accepts),
        TEST(what_we_write_qemu_reads),
        TEST(every_width_of_refcounts_is_written_as_qemu_reads_it),
        TEST(what_qemu_writes_we_read),
        TEST(compressed_clusters_are_read),
        TEST(compressed_clusters_are_written_over),
        TEST(internal_snapshots_are_counted),
        TEST(an_image_that_was_not_closed_is_repaired_before_it_is_written),
        TEST(a_snapshot_in_the_image_stays_what_it_is),
        TEST(faults_are_counted_as_qemu_counts_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
