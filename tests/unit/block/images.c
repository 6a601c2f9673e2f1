/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Test images */

#include "tests/unit/block/images.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <glib/gstdio.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/qcow2/create.h"

static char *folder;

int
images_set_up(void **state)
{
    folder = g_dir_make_tmp("virtblock-block-XXXXXX", NULL);
    return folder != NULL ? 0 : -1;
}

static void
remove_tree(const char *path)
{
    GDir *dir = g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name(dir)) != NULL) {
        g_autofree char *child = g_build_filename(path, name, NULL);

        remove_tree(child);
    }
    if (dir != NULL)
        g_dir_close(dir);
    g_remove(path);
}

int
images_tear_down(void **state)
{
    remove_tree(folder);
    g_clear_pointer(&folder, g_free);
    return 0;
}

char *
images_path(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

void
images_create(const char *name, const char *backing_name, const char *backing_format)
{
    Qcow2CreateOptions options = {
        .size = 64 * 1024,
        .cluster_size = 4096,
        .backing_name = backing_name,
        .backing_format = backing_format,
    };
    g_autofree char *path = images_path(name);
    g_autoptr(GError) error = NULL;
    g_autoptr(IoFile) file = NULL;

    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE | IO_OPEN_CREATE, &file), 0);
    if (!qcow2_create(file, &options, &error))
        fail_msg("%s", error->message);
}

void
images_patch(const char *name, const void *from, const void *to, gsize length)
{
    g_autofree char *path = images_path(name);
    g_autoptr(IoFile) file = NULL;
    guint8 header[4096];
    guint8 *found;

    assert_int_equal(io_file_open(path, IO_OPEN_READ_WRITE, &file), 0);
    assert_int_equal(io_file_read(file, 0, header, sizeof(header)), 0);
    found = memmem(header, sizeof(header), from, length);
    assert_non_null(found);
    memcpy(found, to, length);
    assert_int_equal(io_file_write(file, 0, header, sizeof(header)), 0);
}

/* The header extension with the format loses its type, which makes it one that nobody knows. */
void
images_create_without_format(const char *name, const char *backing_name)
{
    images_create(name, backing_name, "raw");
    images_patch(name, "\xe2\x79\x2a\xca", "\x12\x34\x56\x78", 4);
}

void
images_write(const char *name, const char *content)
{
    g_autofree char *path = images_path(name);

    assert_true(g_file_set_contents(path, content, -1, NULL));
}

char *
images_checksum(const char *name)
{
    g_autofree char *path = images_path(name);
    g_autofree char *content = NULL;
    gsize length;

    assert_true(g_file_get_contents(path, &content, &length, NULL));
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, (guchar *)content, length);
}

GVariant *
images_parse(const char *format, ...)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    GVariant *options;
    va_list list;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);

    options = g_variant_parse(G_VARIANT_TYPE_VARDICT, text, NULL, NULL, &error);
    if (options == NULL)
        fail_msg("%s: %s", text, error->message);
    return options;
}

GVariant *
images_options(const char *node_name, const char *name)
{
    g_autofree char *path = images_path(name);

    return images_parse("{'driver': <'qcow2'>, 'node-name': <'%s'>, "
                        "'file': <{'driver': <'file'>, 'filename': <'%s'>}>}",
                        node_name,
                        path);
}

void
images_check_error(GError **error, int code, const char *text)
{
    assert_non_null(*error);
    if (!g_error_matches(*error, VBLK_ERROR, code) || strstr((*error)->message, text) == NULL)
        fail_msg(
            "expected code %d and '%s', got %d: %s", code, text, (*error)->code, (*error)->message);
    g_clear_error(error);
}
