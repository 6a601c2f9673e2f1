/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/snapshot.h"
#include "tests/unit/block/images.h"

typedef struct {
    BlockGraph *graph;
    BlockDevices *devices;
    BlockNode *base;
} Disk;

static Disk
open_disk(void)
{
    Disk disk = {.graph = block_graph_new(), .devices = block_devices_new()};
    g_autoptr(GVariant) options = images_options("base", "base");
    g_autoptr(GError) error = NULL;

    images_create("base", NULL, NULL);
    disk.base = block_graph_add(disk.graph, options, &error);
    if (disk.base == NULL)
        fail_msg("%s", error->message);
    assert_true(block_devices_add(disk.devices, "drive0", disk.base, NULL));
    assert_int_equal(block_node_write(disk.base, 0, "old", 4), 0);
    return disk;
}

static void
disk_clear(Disk *disk)
{
    block_node_unref(disk->base);
    block_devices_free(disk->devices);
    block_graph_free(disk->graph);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Disk, disk_clear)

static BlockNode *
snapshot(Disk *disk, const char *name, const char *node_name, gboolean is_existing, GError **error)
{
    g_autofree char *path = images_path(name);
    BlockSnapshotOptions options = {
        .path = path,
        .node_name = node_name,
        .is_existing = is_existing,
    };

    return block_snapshot(disk->graph, disk->devices, disk->base, &options, error);
}

static void
test_the_overlay_takes_what_is_written_and_the_base_is_only_read(void **state)
{
    g_auto(Disk) disk = open_disk();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) overlay = snapshot(&disk, "overlay", "top", FALSE, &error);
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    char buffer[4];

    assert_non_null(overlay);
    before = images_checksum("base");
    assert_ptr_equal(block_devices_find(disk.devices, "drive0")->root, overlay);
    assert_ptr_equal(block_graph_find(disk.graph, "top"), overlay);
    assert_ptr_equal(block_node_get_backing(overlay), disk.base);

    assert_int_equal(block_node_read(overlay, 0, buffer, 4), 0);
    assert_string_equal(buffer, "old");
    assert_int_equal(block_node_write(overlay, 0, "new", 4), 0);
    assert_int_equal(block_node_flush(overlay), 0);
    assert_int_equal(block_node_read(overlay, 0, buffer, 4), 0);
    assert_string_equal(buffer, "new");
    assert_int_equal(block_node_write(disk.base, 0, "new", 4), -EROFS);
    assert_int_equal(io_file_write(block_node_get_io(disk.base), 0, "new", 4), -EBADF);
    after = images_checksum("base");
    assert_string_equal(before, after);
}

static void
test_the_overlay_opens_again_by_its_header(void **state)
{
    g_autoptr(BlockGraph) again = block_graph_new();
    g_autoptr(GVariant) options = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = NULL;
    char buffer[4];

    {
        g_auto(Disk) disk = open_disk();
        g_autoptr(BlockNode) overlay = snapshot(&disk, "overlay", NULL, FALSE, &error);

        assert_non_null(overlay);
    }

    options = images_options("top", "overlay");
    node = block_graph_add(again, options, &error);
    if (node == NULL)
        fail_msg("%s", error->message);
    assert_true(g_path_is_absolute(block_node_get_filename(block_node_get_backing(node))));
    assert_int_equal(block_node_read(node, 0, buffer, 4), 0);
    assert_string_equal(buffer, "old");
}

static void
test_the_overlay_has_the_permissions_of_the_base(void **state)
{
    g_auto(Disk) disk = open_disk();
    g_autoptr(GError) error = NULL;
    g_autofree char *base_path = images_path("base");
    g_autofree char *path = images_path("overlay");
    g_autoptr(BlockNode) overlay = NULL;
    struct stat status;

    assert_int_equal(chmod(base_path, 0640), 0);
    overlay = snapshot(&disk, "overlay", NULL, FALSE, &error);
    assert_non_null(overlay);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
}

static void
test_a_file_that_is_there_is_left_alone(void **state)
{
    g_auto(Disk) disk = open_disk();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = images_path("precious");
    g_autofree char *content = NULL;

    images_write("precious", "data");
    assert_null(snapshot(&disk, "precious", NULL, FALSE, &error));
    images_assert_error(error, VBLK_ERROR_FAILED, "precious");
    assert_true(g_file_get_contents(path, &content, NULL, NULL));
    assert_string_equal(content, "data");
    assert_false(block_node_is_read_only(disk.base));
    assert_ptr_equal(block_devices_find(disk.devices, "drive0")->root, disk.base);
}

static void
test_a_failed_snapshot_leaves_no_file_and_no_change(void **state)
{
    g_auto(Disk) disk = open_disk();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = images_path("overlay");

    assert_null(snapshot(&disk, "overlay", "base", FALSE, &error));
    images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, "New overlay node-name already in use");
    assert_null(snapshot(&disk, "nowhere/overlay", "top", FALSE, &error));
    images_assert_error(error, VBLK_ERROR_IMAGE_MISSING, "nowhere/overlay");

    assert_true(block_graph_block(disk.graph, disk.base, "block job 'j' is running", &error));
    assert_null(snapshot(&disk, "overlay", "top", FALSE, &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "block job 'j' is running");
    block_graph_unblock(disk.graph, disk.base);

    assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    assert_int_equal(block_node_write(disk.base, 0, "new", 4), 0);
}

static void
test_an_overlay_that_is_there_is_used_as_it_is(void **state)
{
    g_auto(Disk) disk = open_disk();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) overlay = NULL;
    char buffer[4];

    images_create("overlay", "base", "qcow2");
    overlay = snapshot(&disk, "overlay", NULL, TRUE, &error);
    assert_non_null(overlay);
    assert_ptr_equal(block_node_get_backing(overlay), disk.base);
    assert_int_equal(block_node_read(overlay, 0, buffer, 4), 0);
    assert_string_equal(buffer, "old");
}

static void
test_only_the_top_of_a_chain_is_snapshotted(void **state)
{
    g_auto(Disk) disk = open_disk();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) overlay = snapshot(&disk, "overlay", "top", FALSE, &error);

    assert_non_null(overlay);
    assert_null(snapshot(&disk, "second", "fork", FALSE, &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "node is used as backing hd of 'top'");
}

#define WITH_IMAGES(function) \
    cmocka_unit_test_setup_teardown(function, images_set_up, images_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_IMAGES(test_the_overlay_takes_what_is_written_and_the_base_is_only_read),
        WITH_IMAGES(test_the_overlay_opens_again_by_its_header),
        WITH_IMAGES(test_the_overlay_has_the_permissions_of_the_base),
        WITH_IMAGES(test_a_file_that_is_there_is_left_alone),
        WITH_IMAGES(test_a_failed_snapshot_leaves_no_file_and_no_change),
        WITH_IMAGES(test_an_overlay_that_is_there_is_used_as_it_is),
        WITH_IMAGES(test_only_the_top_of_a_chain_is_snapshotted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
