/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qcow2 fuzzer */

/*
 * Input is a file, or, where its first byte is odd, changes to a good image: triples of an offset
 * of 3 bytes, a width, and a number of 8 bytes. It is opened and read, which must not change it,
 * checked, then written, zeroed, populated and pivoted: what a write said is there must be read.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "tests/unit/qcow2/memory-image.h"

#define CHANGE_BYTES 12
#define MAX_READ     (256u * 1024)
#define MAX_FILE     (4u * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* With a table, data, zeros, and a name to read through. */
static IoFile *
make_good_image(gboolean is_old)
{
    Qcow2CreateOptions options = {
        .version = is_old ? 2 : 3,
        .cluster_size = 512,
        .size = 80 * 1024,
        .backing_name = "base",
        .backing_format = "raw",
    };
    IoFile *io = io_file_new_memory(NULL, 0);
    g_autoptr(BlockNode) node = NULL;
    guint8 bytes[2048];

    g_assert(qcow2_create(io, &options, NULL));
    node = memory_image_open(io, FALSE, NULL, NULL);
    memset(bytes, 'd', sizeof(bytes));
    g_assert(block_node_write(node, 0, bytes, sizeof(bytes)) == 0);
    g_assert(block_node_write(node, 40 * 1024, bytes, sizeof(bytes)) == 0);
    g_assert(block_node_write_zeroes(node, 1024, 512) == 0);
    return io;
}

static IoFile *
make_image(const uint8_t *data, size_t size)
{
    IoFile *io;
    guint64 length;

    if (size == 0 || data[0] % 2 == 0)
        return io_file_new_memory(size > 0 ? data + 1 : NULL, size > 0 ? size - 1 : 0);

    io = make_good_image(data[0] & 2);
    g_assert(io_file_get_length(io, &length) == 0);
    for (size_t at = 1; at + CHANGE_BYTES <= size; at += CHANGE_BYTES) {
        guint64 offset = ((guint64)data[at] << 16 | (guint64)data[at + 1] << 8 | data[at + 2]);
        gsize width = 1 + data[at + 3] % 8;

        g_assert(io_file_write(io, offset % length, data + at + 4, width) == 0);
    }
    return io;
}

static void
read_some(BlockNode *node)
{
    guint64 length = block_node_get_length(node);
    g_autofree guint8 *buffer = g_malloc0(MAX_READ);
    guint64 step = MAX(length / 64, 512);

    if (block_node_read(node, 0, buffer, (gsize)MIN(length, MAX_READ)) < 0)
        memset(buffer, 0, MAX_READ);
    for (guint64 offset = 0; offset < length; offset += step) {
        BlockStatus status;
        guint64 extent;

        if (block_node_get_status(node, offset, length - offset, &status, &extent) < 0)
            continue;
        if (block_node_read(node, offset, buffer, (gsize)MIN(extent, 4096)) < 0)
            memset(buffer, 0, 4096);
    }
}

static void
check(BlockNode *node)
{
    g_auto(Qcow2Report) report = {0};
    g_autoptr(GError) error = NULL;
    gboolean is_done = qcow2_check(qcow2_node_get_image(node), &report, &error);

    g_assert(is_done == (error == NULL));
}

static void
write_some(BlockNode *node)
{
    guint64 length = block_node_get_length(node);
    guint64 unit = block_node_get_cluster_size(node);
    g_autofree guint8 *bytes = g_malloc((gsize)unit * 3);
    g_autofree guint8 *again = g_malloc((gsize)unit * 3);
    guint64 places[] = {0, unit / 2 + 1, length / 2, length > unit ? length - unit : 0};

    memset(bytes, 'w', (gsize)unit * 3);
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        gsize part = (gsize)MIN(unit * 2 + 3, length - MIN(length, places[i]));

        if (part == 0 || block_node_write(node, places[i], bytes, part) < 0)
            continue;
        g_assert(block_node_read(node, places[i], again, part) == 0);
        g_assert(memcmp(bytes, again, part) == 0);
    }
    if (length >= unit * 6 && block_node_write_zeroes(node, unit, unit * 2 + 1) == 0) {
        g_assert(block_node_read(node, unit, again, (gsize)unit * 2 + 1) == 0);
        for (gsize i = 0; i < unit * 2 + 1; i++)
            g_assert(again[i] == 0);
    }
    /* What was there already stays, be it readable or not. */
    if (length >= unit * 6 && block_node_populate(node, unit * 3, bytes, (gsize)unit * 3) == 0 &&
        block_node_read(node, unit * 3, again, (gsize)unit * 3) < 0)
        memset(again, 0, (gsize)unit * 3);
    if (block_node_flush(node) == 0)
        check(node);
    if (block_node_change_backing_name(node, "other", "qcow2") == 0)
        g_assert(g_str_equal(node->backing_name, "other"));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(IoFile) io = size <= MAX_FILE ? make_image(data, size) : NULL;
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GBytes) before = NULL;
    g_autoptr(GBytes) after = NULL;

    if (io == NULL)
        return 0;

    before = memory_image_get_bytes(io);
    node = memory_image_open(io, TRUE, NULL, NULL);
    if (node != NULL) {
        read_some(node);
        check(node);
    }
    g_clear_pointer(&node, block_node_unref);
    after = memory_image_get_bytes(io);
    g_assert(g_bytes_equal(before, after));

    node = memory_image_open(io, FALSE, NULL, NULL);
    if (node != NULL)
        write_some(node);
    return 0;
}
