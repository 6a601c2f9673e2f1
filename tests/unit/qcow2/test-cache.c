/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Table cache tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qemu-shim/block/qcow2/image.h"
#include "tests/unit/qcow2/memory-image.h"

#define CLUSTER  ((guint64)65536)
#define N_TABLES 48u

/* A file whose L1 entries each have a table of their own: what the guest wrote is a cluster in
 * each. */
static IoFile *
create_wide_image(void)
{
    const guint64 covered = CLUSTER * (CLUSTER / 8);
    const Qcow2CreateOptions options = {.cluster_size = CLUSTER, .size = covered * N_TABLES};
    IoFile *io = memory_image_create(&options);
    BlockNode *node = memory_image_open(io, FALSE, NULL, NULL);

    assert_non_null(node);
    for (guint64 i = 0; i < N_TABLES; i++) {
        g_autofree guint8 *data = g_malloc0(CLUSTER);

        data[0] = (guint8)(i + 1);
        assert_int_equal(block_node_write(node, i * covered, data, CLUSTER), 0);
    }
    assert_int_equal(block_node_flush(node), 0);
    block_node_unref(node);
    return io;
}

/* Each entry has to be there, whatever was dropped; returns the most tables held at one time. */
static guint
read_all(Qcow2Image *image)
{
    guint most = 0;

    for (guint round = 0; round < 2; round++) {
        for (guint64 i = 0; i < N_TABLES; i++) {
            guint64 entry = 0;

            assert_int_equal(qcow2_get_entry_locked(image, i << image->l2_bits, &entry), 0);
            assert_true((entry & QCOW2_OFFSET_MASK) != 0);
            most = MAX(most, g_hash_table_size(image->tables));
        }
    }

    return most;
}

static Qcow2Image *
open_image(IoFile *io, gboolean is_writable)
{
    g_autoptr(GError) error = NULL;
    Qcow2Image *image = qcow2_image_open(io, is_writable, &error);

    assert_non_null(image);
    return image;
}

static void
layers_that_are_read_share_what_tables_may_take(void **state)
{
    IoFile *io = create_wide_image();
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)qcow2_image_free);
    Qcow2Image *alone = open_image(io, FALSE);

    assert_int_equal(read_all(alone), N_TABLES);
    qcow2_image_free(alone);

    for (guint i = 0; i < 200; i++)
        g_ptr_array_add(layers, open_image(io, FALSE));
    for (guint i = 0; i < layers->len; i++)
        assert_in_range(read_all(g_ptr_array_index(layers, i)), 1, 64 * 1024 / 64 / 200);

    /* Those that were closed leave their part to the others. */
    g_ptr_array_set_size(layers, 1);
    assert_int_equal(read_all(g_ptr_array_index(layers, 0)), N_TABLES);
    io_file_close(io);
}

static void
an_image_that_is_written_keeps_its_own(void **state)
{
    IoFile *io = create_wide_image();
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)qcow2_image_free);
    Qcow2Image *image;

    for (guint i = 0; i < 200; i++)
        g_ptr_array_add(layers, open_image(io, FALSE));
    image = open_image(io, TRUE);
    assert_int_equal(read_all(image), N_TABLES);
    qcow2_image_free(image);
    g_ptr_array_set_size(layers, 0);
    io_file_close(io);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_that_are_read_share_what_tables_may_take),
        cmocka_unit_test(an_image_that_is_written_keeps_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
