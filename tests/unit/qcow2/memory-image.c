/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images in memory */

#include "tests/unit/qcow2/memory-image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "qemu-shim/block/raw-driver.h"

static void
close_nothing(BlockNode *node)
{
}

static const BlockDriver file_driver = {.name = "file",
                                        .is_protocol = TRUE,
                                        .close = close_nothing};

static BlockNode *
open_file(IoFile *io)
{
    BlockNode *node = block_node_new(&file_driver, "(memory)", NULL);

    node->state = io;
    assert_int_equal(io_file_get_length(io, &node->length), 0);
    return node;
}

BlockNode *
memory_image_open_raw(IoFile *io, gboolean is_read_only)
{
    const RawSettings settings = {.offset = 0};
    BlockNode *node = raw_node_open(open_file(io), is_read_only, &settings, NULL);

    assert_non_null(node);
    return node;
}

BlockNode *
memory_image_open(IoFile *io, gboolean is_read_only, BlockNode *backing, GError **error)
{
    BlockNode *node = qcow2_node_open(open_file(io), is_read_only, error);

    if (node != NULL && backing != NULL)
        block_node_set_backing(node, backing);
    return node;
}

IoFile *
memory_image_create(const Qcow2CreateOptions *options)
{
    IoFile *io = io_file_new_memory(NULL, 0);
    g_autoptr(GError) error = NULL;

    if (!qcow2_create(io, options, &error))
        fail_msg("%s", error->message);
    return io;
}

IoFile *
memory_image_create_sample(guint32 version, guint64 cluster_size, guint64 size)
{
    Qcow2CreateOptions options = {.version = version, .cluster_size = cluster_size, .size = size};
    IoFile *io = memory_image_create(&options);
    g_autoptr(BlockNode) node = memory_image_open(io, FALSE, NULL, NULL);
    g_autofree char *data = g_malloc((gsize)cluster_size * 2);

    assert_non_null(node);
    memset(data, 'a', (gsize)cluster_size);
    memset(data + cluster_size, 'b', (gsize)cluster_size);
    assert_int_equal(block_node_write(node, 0, data, (gsize)cluster_size * 2), 0);
    if (version == 3)
        assert_int_equal(block_node_write_zeroes(node, 2 * cluster_size, cluster_size), 0);
    assert_int_equal(block_node_flush(node), 0);
    return io;
}

GBytes *
memory_image_get_bytes(IoFile *io)
{
    guint64 length;
    void *bytes;

    assert_int_equal(io_file_get_length(io, &length), 0);
    bytes = g_malloc((gsize)length + 1);
    assert_int_equal(io_file_read(io, 0, bytes, (gsize)length), 0);
    return g_bytes_new_take(bytes, (gsize)length);
}

void
memory_image_put32(IoFile *io, guint64 offset, guint32 value)
{
    guint8 raw[4];

    qcow2_put32(raw, value);
    assert_int_equal(io_file_write(io, offset, raw, sizeof(raw)), 0);
}

void
memory_image_put64(IoFile *io, guint64 offset, guint64 value)
{
    guint8 raw[8];

    qcow2_put64(raw, value);
    assert_int_equal(io_file_write(io, offset, raw, sizeof(raw)), 0);
}

guint32
memory_image_get32(IoFile *io, guint64 offset)
{
    guint8 raw[4];

    assert_int_equal(io_file_read(io, offset, raw, sizeof(raw)), 0);
    return qcow2_get32(raw);
}

guint64
memory_image_get64(IoFile *io, guint64 offset)
{
    guint8 raw[8];

    assert_int_equal(io_file_read(io, offset, raw, sizeof(raw)), 0);
    return qcow2_get64(raw);
}

guint64
memory_image_check(IoFile *io)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Qcow2Image) image = qcow2_image_open(io, FALSE, &error);
    g_auto(Qcow2Report) report = {0};

    if (image == NULL || !qcow2_check(image, &report, &error))
        fail_msg("%s", error->message);
    if (report.corruptions > 0 || report.check_errors > 0)
        fail_msg("%s", (char *)g_ptr_array_index(report.findings, 0));
    return report.leaks;
}

void
memory_image_assert_reads(BlockNode *node, const void *expected, gsize length)
{
    g_autofree char *buffer = g_malloc(length + 1);
    const char *bytes = expected;

    assert_int_equal(block_node_read(node, 0, buffer, length), 0);
    for (gsize i = 0; i < length; i++) {
        if (buffer[i] != bytes[i])
            fail_msg("byte %zu is 0x%02x, not 0x%02x", i, (guchar)buffer[i], (guchar)bytes[i]);
    }
}
