/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block graph tests */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/device.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/graph.h"
#include "qemu-shim/io/autofd.h"
#include "qemu-shim/io/posix-file.h"
#include "tests/unit/block/images.h"

static BlockNode *
add(BlockGraph *graph, const char *node_name, const char *name, GError **error)
{
    g_autoptr(GVariant) options = images_options(node_name, name);

    return block_graph_add(graph, options, error);
}

static BlockNode *
must_add(BlockGraph *graph, const char *node_name, const char *name)
{
    g_autoptr(GError) error = NULL;
    BlockNode *node = add(graph, node_name, name, &error);

    if (node == NULL)
        fail_msg("%s", error->message);
    return node;
}

static BlockNode *
add_text(BlockGraph *graph, const char *text, GError **error)
{
    g_autoptr(GVariant) options = images_parse("%s", text);

    return block_graph_add(graph, options, error);
}

static void
assert_refused(BlockGraph *graph, const char *name, VblkError code, const char *text)
{
    g_autoptr(GError) error = NULL;

    assert_null(add(graph, "top", name, &error));
    images_assert_error(error, code, text);
    assert_null(block_graph_find(graph, "top"));
}

static void
test_a_chain_is_opened_by_its_headers(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) top = NULL;
    g_autoptr(GPtrArray) list = NULL;
    BlockNode *middle, *base;

    images_create("base", NULL, NULL);
    images_create("middle", "base", "qcow2");
    images_create("top", "middle", "qcow2");
    top = must_add(graph, "top", "top");

    middle = block_node_get_backing(top);
    base = block_node_get_backing(middle);
    assert_null(block_node_get_backing(base));
    assert_false(block_node_is_read_only(top));
    assert_true(block_node_is_read_only(middle));
    assert_true(block_node_is_read_only(base));
    assert_true(block_node_is_read_only(block_node_get_file(base)));
    assert_int_equal(fcntl(posix_file_get_fd(block_node_get_io(base)), F_GETFL) & O_ACCMODE,
                     O_RDONLY);
    assert_int_equal(block_node_get_name(base)[0], '#');

    list = block_graph_list(graph);
    assert_int_equal(list->len, 6);
    assert_ptr_equal(list->pdata[0], base);
    assert_ptr_equal(block_graph_find(graph, block_node_get_name(middle)), middle);
}

static void
test_relative_names_are_found_from_any_folder(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) top = NULL;
    g_autofree char *folder = images_path("folder");
    g_autofree char *base_path = images_path("folder/../base");

    assert_int_equal(mkdir(folder, 0700), 0);
    images_create("base", NULL, NULL);
    images_create("folder/top", "../base", "qcow2");
    top = must_add(graph, "top", "folder/top");
    assert_string_equal(block_node_get_filename(block_node_get_backing(top)), base_path);
}

static void
test_a_backing_format_that_is_not_recorded_is_never_guessed(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();

    /* To whoever guesses, the base is a qcow2 image that names the canary. */
    images_write("canary", "secret");
    images_create("base", "canary", "raw");
    images_create_without_format("top", "base");
    assert_refused(graph, "top", VBLK_ERROR_IMAGE_INVALID, "does not record the format");
}

static void
test_a_raw_base_is_not_looked_into(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) top = NULL;
    char magic[4];

    images_write("canary", "secret");
    images_create("base", "canary", "raw");
    images_create("top", "base", "raw");
    top = must_add(graph, "top", "top");
    assert_null(block_node_get_backing(block_node_get_backing(top)));
    assert_int_equal(block_node_read(top, 0, magic, sizeof(magic)), 0);
    assert_memory_equal(magic, "QFI\xfb", 4);
}

static void
test_hostile_backing_names_open_nothing(void **state)
{
    static const char *const formats[] = {
        "json:{\"driver\":\"file\",\"filename\":\"%s\"}",
        "file:%s",
        "nbd:unix:%s",
        "fat:rw:%s",
        "http://127.0.0.1:1%s",
    };
    g_autofree char *canary = images_path("canary");
    struct stat before, after;

    images_write("canary", "secret");
    assert_int_equal(stat(canary, &before), 0);

    for (guint i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_autoptr(BlockGraph) graph = block_graph_new();
        g_autofree char *image = g_strdup_printf("top%u", i);
        g_auto(GStrv) parts = g_strsplit(formats[i], "%s", 2);
        g_autofree char *name = g_strjoinv(canary, parts);

        images_create(image, name, "raw");
        assert_refused(graph, image, VBLK_ERROR_IMAGE_INVALID, "is refused");
    }

    assert_int_equal(stat(canary, &after), 0);
    assert_int_equal(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    assert_int_equal(before.st_size, after.st_size);
}

static void
test_control_characters_in_backing_names_are_refused(void **state)
{
    static const char *const hidden[] = {"\n", "\r", "\x1b", "\x7f", "\0"};

    images_write("backing_name", "secret");
    for (guint i = 0; i < G_N_ELEMENTS(hidden); i++) {
        g_autoptr(BlockGraph) graph = block_graph_new();
        g_autoptr(GError) error = NULL;
        g_autofree char *image = g_strdup_printf("top%u", i);

        images_create(image, "backing_name", "raw");
        images_patch(image, "_", hidden[i], 1);
        assert_null(add(graph, "top", image, &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_IMAGE_INVALID));
        for (const char *at = error->message; *at != '\0'; at++)
            assert_false(g_ascii_iscntrl(*at));
    }
}

static void
test_a_backing_file_that_is_no_image_file_is_refused(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autofree char *pipe_path = images_path("pipe");
    g_autofree char *link_path = images_path("link");

    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    assert_int_equal(symlink("link", link_path), 0);
    images_create("on-pipe", "pipe", "raw");
    images_create("on-link", "link", "raw");
    images_create("on-folder", ".", "raw");
    images_create("on-device", "/dev/zero", "raw");
    images_create("on-nothing", "nothing", "raw");

    assert_refused(graph, "on-pipe", VBLK_ERROR_IMAGE_INVALID, "neither a regular file");
    assert_refused(graph, "on-device", VBLK_ERROR_IMAGE_INVALID, "/dev/zero");
    assert_refused(graph, "on-folder", VBLK_ERROR_IMAGE_INVALID, "directory");
    assert_refused(graph, "on-link", VBLK_ERROR_IMAGE_INVALID, "link");
    assert_refused(graph, "on-nothing", VBLK_ERROR_IMAGE_MISSING, "nothing");
}

static void
test_loops_are_found_by_whatever_name(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autofree char *path = images_path("linked");
    g_autofree char *hard_link = images_path("hard-link");
    g_autofree char *soft_link = images_path("soft-link");

    images_create("self", "self", "qcow2");
    images_create("one", "two", "qcow2");
    images_create("two", "three", "qcow2");
    images_create("three", "one", "qcow2");
    images_create("linked", "hard-link", "qcow2");
    assert_int_equal(link(path, hard_link), 0);
    images_create("over-link", "soft-link", "qcow2");
    assert_int_equal(symlink("over-link", soft_link), 0);

    assert_refused(graph, "self", VBLK_ERROR_IMAGE_INVALID, "loop");
    assert_refused(graph, "one", VBLK_ERROR_IMAGE_INVALID, "loop");
    assert_refused(graph, "linked", VBLK_ERROR_IMAGE_INVALID, "loop");
    assert_refused(graph, "over-link", VBLK_ERROR_IMAGE_INVALID, "loop");
}

static void
test_a_chain_may_have_200_layers_and_no_more(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) top = NULL;

    images_create("0", NULL, NULL);
    for (guint i = 1; i <= BLOCK_MAX_DEPTH; i++) {
        g_autofree char *name = g_strdup_printf("%u", i);
        g_autofree char *below = g_strdup_printf("%u", i - 1);

        images_create(name, below, "qcow2");
    }

    assert_refused(graph, "200", VBLK_ERROR_LIMIT, "200 layers");
    top = must_add(graph, "top", "199");
}

static void
test_a_chain_of_named_nodes_may_have_200_layers_and_no_more(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *last_path = images_path("last");
    g_autofree char *last = NULL;

    for (guint i = 0; i < BLOCK_MAX_DEPTH; i++) {
        g_autofree char *name = g_strdup_printf("n%u", i);
        g_autofree char *path = images_path(name);
        g_autofree char *backing = i > 0 ? g_strdup_printf("<'n%u'>", i - 1)
                                         : g_strdup("<@mv nothing>");
        g_autofree char *text = g_strdup_printf(
            "{'driver': <'qcow2'>, 'node-name': <'%s'>, 'read-only': <true>, 'backing': %s, "
            "'file': <{'driver': <'file'>, 'filename': <'%s'>}>}",
            name,
            backing,
            path);
        g_autoptr(BlockNode) node = NULL;

        images_create(name, NULL, NULL);
        node = add_text(graph, text, &error);
        if (node == NULL)
            fail_msg("%s", error->message);
    }

    images_create("last", NULL, NULL);
    last = g_strdup_printf("{'driver': <'qcow2'>, 'node-name': <'last'>, 'backing': <'n%d'>, "
                           "'file': <{'driver': <'file'>, 'filename': <'%s'>}>}",
                           BLOCK_MAX_DEPTH - 1,
                           last_path);
    assert_null(add_text(graph, last, &error));
    images_assert_error(error, VBLK_ERROR_LIMIT, "200 layers");
}

static void
test_names_are_used_once(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) top = NULL;
    g_autofree char *path = images_path("other");
    g_autofree char *twice = g_strdup_printf(
        "{'driver': <'qcow2'>, 'node-name': <'x'>, 'file': <{'driver': <'file'>, "
        "'node-name': <'x'>, 'filename': <'%s'>}>}",
        path);

    images_create("top", NULL, NULL);
    images_create("other", NULL, NULL);
    top = must_add(graph, "top", "top");
    assert_null(add(graph, "top", "other", &error));
    images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, "Duplicate nodes with node-name='top'");
    assert_null(add_text(graph, twice, &error));
    images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, "Duplicate nodes with node-name='x'");
}

static void
test_a_node_is_removed_only_when_nothing_stands_on_it(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockDevices) devices = block_devices_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *path = images_path("top");
    g_autofree char *over = g_strdup_printf(
        "{'driver': <'qcow2'>, 'node-name': <'top'>, 'backing': <'base'>, "
        "'file': <{'driver': <'file'>, 'node-name': <'f'>, 'filename': <'%s'>}>}",
        path);
    g_autoptr(BlockNode) base = NULL;
    BlockNode *top;

    images_create("base", NULL, NULL);
    images_create("top", NULL, NULL);
    base = must_add(graph, "base", "base");
    top = add_text(graph, over, &error);
    assert_non_null(top);
    block_node_unref(top);

    assert_false(block_graph_remove(graph, "base", &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "node is used as backing hd of 'top'");
    assert_false(block_graph_remove(graph, "f", &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "Block device f is in use");
    assert_false(block_graph_remove(graph, "none", &error));
    images_assert_error(
        error, VBLK_ERROR_INVALID_ARGUMENT, "Failed to find node with node-name='none'");

    assert_true(block_devices_add(devices, "drive0", top, &error));
    assert_false(block_graph_remove(graph, "top", &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "Block device top is in use");
    g_clear_pointer(&devices, block_devices_free);

    assert_true(block_graph_block(graph, top, "block job 'j' is running", &error));
    assert_false(block_graph_block(graph, top, "another", &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "block job 'j' is running");
    assert_false(block_graph_remove(graph, "top", &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "block job 'j' is running");
    block_graph_unblock(graph, top);

    assert_true(block_graph_remove(graph, "top", &error));
    assert_null(block_graph_find(graph, "f"));
    assert_true(block_graph_remove(graph, "base", &error));
}

static void
test_an_image_is_opened_for_writing_once(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) top = NULL;

    images_create("base", NULL, NULL);
    images_create("top", "base", "qcow2");
    top = must_add(graph, "top", "top");
    assert_null(add(graph, "again", "top", &error));
    images_assert_error(error, VBLK_ERROR_IMAGE_IN_USE, "Failed to get \"write\" lock");
    assert_null(add(graph, "below", "base", &error));
    images_assert_error(error, VBLK_ERROR_IMAGE_IN_USE, "this process uses the image");

    g_clear_pointer(&top, block_node_unref);
    assert_true(block_graph_remove(graph, "top", &error));
    top = must_add(graph, "again", "base");
}

static gboolean
qemu_io_may_open(const char *name, const char *flag)
{
    g_autofree char *path = images_path(name);
    const char *arguments[] = {"qemu-io", "-f", "qcow2", "-c", "read 0 512", path, flag, NULL};
    int wait_status;

    assert_true(
        g_spawn_sync(NULL,
                     (char **)arguments,
                     NULL,
                     G_SPAWN_SEARCH_PATH | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL,
                     NULL,
                     NULL,
                     NULL,
                     NULL,
                     &wait_status,
                     NULL));
    return g_spawn_check_wait_status(wait_status, NULL);
}

static void
test_a_real_qemu_finds_each_layer_locked(void **state)
{
    g_autofree char *program = g_find_program_in_path("qemu-io");
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) top = NULL;

    if (program == NULL) {
        print_message("qemu-io is not installed\n");
        skip();
    }

    images_create("base", NULL, NULL);
    images_create("top", "base", "qcow2");
    top = must_add(graph, "top", "top");
    assert_false(qemu_io_may_open("top", NULL));
    assert_false(qemu_io_may_open("top", "-r"));
    assert_true(qemu_io_may_open("top", "-rU"));
    assert_false(qemu_io_may_open("base", NULL));
    assert_true(qemu_io_may_open("base", "-r"));

    g_clear_pointer(&top, block_node_unref);
    assert_true(block_graph_remove(graph, "top", &error));
    assert_true(qemu_io_may_open("top", NULL));
}

static void
test_a_file_that_may_not_be_written_is_read_if_that_is_allowed(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = NULL;
    g_autofree char *path = images_path("image");
    g_autofree char *text = g_strdup_printf(
        "{'driver': <'qcow2'>, 'node-name': <'a'>, 'auto-read-only': <true>, "
        "'file': <{'driver': <'file'>, 'filename': <'%s'>}>}",
        path);

    images_create("image", NULL, NULL);
    assert_int_equal(chmod(path, 0400), 0);
    node = add_text(graph, text, &error);
    assert_non_null(node);
    /* Nothing is forbidden to root. */
    assert_int_equal(block_node_is_read_only(node), access(path, W_OK) != 0);
}

static void
test_a_raw_image_may_be_a_window(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = NULL;
    g_autofree char *path = images_path("raw");
    g_autofree char *content = g_strnfill(2048, 'a');
    g_autofree char *inside = g_strdup_printf(
        "{'driver': <'raw'>, 'node-name': <'w'>, 'offset': <int64 512>, 'size': <int64 1024>, "
        "'file': <{'driver': <'file'>, 'filename': <'%s'>}>}",
        path);
    g_autofree char *outside = g_strdup_printf(
        "{'driver': <'raw'>, 'node-name': <'o'>, 'offset': <int64 1024>, 'size': <int64 1025>, "
        "'read-only': <true>, 'file': <{'driver': <'file'>, 'filename': <'%s'>}>}",
        path);
    char buffer[1024];

    content[512] = 'b';
    images_write("raw", content);
    assert_null(add_text(graph, outside, &error));
    images_assert_error(error, VBLK_ERROR_IMAGE_INVALID, "1025");
    node = add_text(graph, inside, &error);
    assert_non_null(node);
    assert_int_equal(block_node_get_length(node), 1024);
    assert_int_equal(block_node_read(node, 0, buffer, sizeof(buffer)), 0);
    assert_int_equal(buffer[0], 'b');
    assert_int_equal(buffer[1023], 'a');
    assert_int_equal(block_node_read(node, 1, buffer, sizeof(buffer)), -EINVAL);
    assert_int_equal(block_node_write(node, G_MAXUINT64, buffer, 2), -EINVAL);
}

static int
fail_flush(IoFile *file)
{
    return -EIO;
}

static void
test_reopening_with_the_same_options_flushes_and_tells(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GVariant) same = NULL;
    g_autoptr(GVariant) other = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = NULL;
    const IoOps *real;
    IoOps failing;
    IoFile *io;

    images_create("image", NULL, NULL);
    images_create("other", NULL, NULL);
    same = images_options("n", "image");
    other = images_options("n", "other");
    node = must_add(graph, "n", "image");
    assert_true(block_graph_reopen(graph, same, &error));
    assert_false(block_graph_reopen(graph, other, &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_INVALID, "Cannot change the option 'file'");

    io = block_node_get_io(node);
    real = io->ops;
    failing = *real;
    failing.flush = fail_flush;
    io->ops = &failing;
    assert_int_equal(block_node_write(node, 0, "x", 1), 0);
    assert_false(block_graph_reopen(graph, same, &error));
    images_assert_error(error, VBLK_ERROR_FAILED, "Error flushing drive: Input/output error");
    io->ops = real;
}

#define WITH_IMAGES(function) \
    cmocka_unit_test_setup_teardown(function, images_set_up, images_tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_IMAGES(test_a_chain_is_opened_by_its_headers),
        WITH_IMAGES(test_relative_names_are_found_from_any_folder),
        WITH_IMAGES(test_a_backing_format_that_is_not_recorded_is_never_guessed),
        WITH_IMAGES(test_a_raw_base_is_not_looked_into),
        WITH_IMAGES(test_hostile_backing_names_open_nothing),
        WITH_IMAGES(test_control_characters_in_backing_names_are_refused),
        WITH_IMAGES(test_a_backing_file_that_is_no_image_file_is_refused),
        WITH_IMAGES(test_loops_are_found_by_whatever_name),
        WITH_IMAGES(test_a_chain_may_have_200_layers_and_no_more),
        WITH_IMAGES(test_a_chain_of_named_nodes_may_have_200_layers_and_no_more),
        WITH_IMAGES(test_names_are_used_once),
        WITH_IMAGES(test_a_node_is_removed_only_when_nothing_stands_on_it),
        WITH_IMAGES(test_an_image_is_opened_for_writing_once),
        WITH_IMAGES(test_a_real_qemu_finds_each_layer_locked),
        WITH_IMAGES(test_a_file_that_may_not_be_written_is_read_if_that_is_allowed),
        WITH_IMAGES(test_a_raw_image_may_be_a_window),
        WITH_IMAGES(test_reopening_with_the_same_options_flushes_and_tells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
