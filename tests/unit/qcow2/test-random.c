/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Random operations */

/*
 * An image over a raw base is written, zeroed, populated, flushed, reopened and read at random; a
 * plain array is the model of what the guest sees. At the end there is no corruption, and qemu-img,
 * where it is installed, finds the same content. VBLK_TEST_SEED repeats a run.
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

#define N_OPERATIONS 400

typedef struct {
    GRand *random;
    guint32 version;
    guint32 cluster_size;
    guint32 refcount_bits;
    guint32 size;
    guint8 *model;
    guint32 base_size;
    IoFile *base_io; /* NULL: no base */
    BlockNode *base;
    IoFile *io;
    BlockNode *node;
} World;

static void
open_node(World *world)
{
    g_autoptr(GError) error = NULL;
    Qcow2Image *image;

    world->node = memory_image_open(world->io, FALSE, world->base, &error);
    if (world->node == NULL)
        fail_msg("%s", error->message);
    image = qcow2_node_get_image(world->node);
    image->batch_limit = (guint64)g_rand_int_range(world->random, 1, 40) * world->cluster_size;
}

static void
fill(GRand *random, guint8 *data, guint32 length)
{
    memset(data, g_rand_boolean(random) ? (guint8)g_rand_int(random) : 0, length);
    for (guint32 i = 0; i < length; i += 64)
        data[i] ^= (guint8)(g_rand_int(random) & 1);
}

static void
world_init(World *world, guint32 seed)
{
    static const guint32 cluster_sizes[] = {512, 512, 1024, 4096, 65536};
    Qcow2CreateOptions options;

    world->random = g_rand_new_with_seed(seed);
    world->version = g_rand_boolean(world->random) ? 3 : 2;
    world->cluster_size = cluster_sizes[g_rand_int_range(world->random, 0, 5)];
    world->refcount_bits = world->version == 3 ? 1u << g_rand_int_range(world->random, 0, 7) : 16;
    world->size = 512 * (guint32)g_rand_int_range(world->random, 1, 1500);
    world->model = g_malloc0(world->size);
    if (g_rand_int_range(world->random, 0, 4) > 0) {
        g_autofree guint8 *base = NULL;

        world->base_size = 512 * (guint32)g_rand_int_range(world->random, 1, 1500);
        base = g_malloc0(world->base_size);
        fill(world->random, base, world->base_size);
        world->base_io = io_file_new_memory(base, world->base_size);
        world->base = memory_image_open_raw(world->base_io, TRUE);
        memcpy(world->model, base, MIN(world->base_size, world->size));
    }

    options = (Qcow2CreateOptions){
        .version = world->version,
        .size = world->size,
        .cluster_size = world->cluster_size,
        .refcount_bits = world->refcount_bits,
        .backing_name = world->base != NULL ? "base.raw" : NULL,
        .backing_format = world->base != NULL ? "raw" : NULL,
    };
    world->io = memory_image_create(&options);
    open_node(world);
}

static void
world_clear(World *world)
{
    block_node_unref(world->node);
    block_node_unref(world->base);
    io_file_close(world->io);
    io_file_close(world->base_io);
    g_free(world->model);
    g_rand_free(world->random);
}

static void
pick_range(World *world, guint32 *ret_offset, guint32 *ret_length)
{
    guint32 n_sectors = world->size / 512;
    guint32 first = (guint32)g_rand_int_range(world->random, 0, (gint32)n_sectors);
    guint32 most = g_rand_boolean(world->random) ? 8 : 400;

    most = MIN(most, n_sectors - first);
    *ret_offset = first * 512;
    *ret_length = 512 * (guint32)g_rand_int_range(world->random, 1, (gint32)most + 1);
}

/* As a job does: whole clusters, what is read through the chain. */
static void
populate(World *world, guint32 offset, guint32 length)
{
    guint32 begin = offset / world->cluster_size * world->cluster_size;
    guint32 end = (offset + length + world->cluster_size - 1) / world->cluster_size *
                  world->cluster_size;
    g_autofree guint8 *data = NULL;

    end = MIN(end, world->size);
    data = g_malloc(end - begin);
    assert_int_equal(block_node_read(world->node, begin, data, end - begin), 0);
    assert_int_equal(block_node_populate(world->node, begin, data, end - begin), 0);
}

static void
check_read(World *world, guint32 offset, guint32 length)
{
    g_autofree guint8 *data = g_malloc(length);

    assert_int_equal(block_node_read(world->node, offset, data, length), 0);
    assert_memory_equal(data, world->model + offset, length);
}

static void
act(World *world)
{
    guint32 offset, length;
    g_autofree guint8 *data = NULL;

    pick_range(world, &offset, &length);
    switch (g_rand_int_range(world->random, 0, 10)) {
    case 0:
    case 1:
    case 2:
        data = g_malloc(length);
        fill(world->random, data, length);
        assert_int_equal(block_node_write(world->node, offset, data, length), 0);
        memcpy(world->model + offset, data, length);
        break;
    case 3:
    case 4:
        assert_int_equal(block_node_write_zeroes(world->node, offset, length), 0);
        memset(world->model + offset, 0, length);
        break;
    case 5:
    case 6:
        populate(world, offset, length);
        break;
    case 7:
        assert_int_equal(block_node_flush(world->node), 0);
        break;
    case 8:
        g_clear_pointer(&world->node, block_node_unref);
        open_node(world);
        break;
    default:
        check_read(world, offset, length);
        break;
    }
}

/* All is copied up and the base is let go of; then everything still reads the same. */
static void
pivot(World *world)
{
    populate(world, 0, world->size);
    assert_int_equal(block_node_change_backing_name(world->node, NULL, NULL), 0);
    block_node_set_backing(world->node, NULL);
    check_read(world, 0, world->size);
    g_clear_pointer(&world->node, block_node_unref);
    block_node_unref(world->base);
    world->base = NULL;
    open_node(world);
    assert_null(world->node->backing_name);
}

static void
compare_with_reference(World *world)
{
    g_autoptr(IoFile) model = io_file_new_memory(world->model, world->size);

    if (world->base_io != NULL)
        reference_save("base.raw", world->base_io);
    reference_save("image.qcow2", world->io);
    reference_save("model.raw", model);
    reference_do("qemu-img", "check", "image.qcow2", NULL);
    reference_do(
        "qemu-img", "compare", "-f", "qcow2", "-F", "raw", "image.qcow2", "model.raw", NULL);
}

static void
run(guint32 seed, gboolean has_reference)
{
    World world = {0};

    print_message("# seed %u\n", seed);
    world_init(&world, seed);
    for (guint i = 0; i < N_OPERATIONS; i++)
        act(&world);
    check_read(&world, 0, world.size);
    if (g_rand_boolean(world.random))
        pivot(&world);
    g_clear_pointer(&world.node, block_node_unref);
    assert_int_equal(memory_image_check(world.io), 0);
    if (has_reference)
        compare_with_reference(&world);
    open_node(&world);
    check_read(&world, 0, world.size);
    world_clear(&world);
}

static guint32
get_seed(void)
{
    const char *text = g_getenv("VBLK_TEST_SEED");

    return text != NULL ? (guint32)g_ascii_strtoull(text, NULL, 10) : g_random_int();
}

static void
random_operations_read_as_a_plain_array(void **state)
{
    guint32 seed = get_seed();

    for (guint i = 0; i < 60; i++)
        run(seed + i, FALSE);
}

static void
random_operations_read_the_same_in_qemu(void **state)
{
    guint32 seed = get_seed();

    if (!reference_is_there())
        skip();
    for (guint i = 0; i < 10; i++)
        run(seed + 1000 + i, TRUE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_read_as_a_plain_array),
        cmocka_unit_test_setup_teardown(
            random_operations_read_the_same_in_qemu, reference_set_up, reference_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
