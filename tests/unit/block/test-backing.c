/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Backing name tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/backing.h"
#include "tests/unit/block/images.h"

static void
test_relative_names_are_relative_to_the_overlay(void **state)
{
    static const struct {
        const char *overlay, *name, *path;
    } table[] = {
        {"/images/top.qcow2", "base.qcow2", "/images/base.qcow2"},
        {"/images/top.qcow2", "../base.qcow2", "/images/../base.qcow2"},
        {"/images/top.qcow2", "/other/base.qcow2", "/other/base.qcow2"},
        {"top.qcow2", "base.qcow2", "base.qcow2"},
        {"folder/top.qcow2", "base.qcow2", "folder/base.qcow2"},
        {"/top.qcow2", "base.qcow2", "/base.qcow2"},
        {"/images/top.qcow2", "./with:colon", "/images/./with:colon"},
        {"/images/top.qcow2", "folder/with:colon", "/images/folder/with:colon"},
        {"/images/top.qcow2",
         "smiles \xf0\x9f\x99\x82.qcow2",
         "/images/smiles \xf0\x9f\x99\x82.qcow2"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *path = backing_resolve(table[i].overlay, table[i].name, NULL);

        assert_non_null(path);
        assert_string_equal(path, table[i].path);
    }
}

static void
test_names_that_are_no_plain_paths_are_refused(void **state)
{
    static const char *const names[] = {
        "",
        "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}",
        "nbd:unix:/run/socket",
        "nbd://host/export",
        "http://host/base",
        "https://host/base",
        "ssh://host/base",
        "fat:rw:/etc",
        "fd:3",
        "file:base.qcow2",
        "file:///etc/passwd",
        "host_device:/dev/sda",
        "blkdebug::base",
        "C:base",
        ":base",
        "base\nnext",
        "base\x1b[2J",
        "base\x7f",
        "\xff\xfe",
    };

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(backing_resolve("/images/top.qcow2", names[i], &error));
        images_assert_error(error, VBLK_ERROR_IMAGE_INVALID, "/images/top.qcow2");
    }
}

static void
test_refusals_have_no_control_characters(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_null(backing_resolve("/images/top.qcow2", "a\x1b]0;title\x07\nb", &error));
    for (const char *at = error->message; *at != '\0'; at++)
        assert_false(g_ascii_iscntrl(*at));
}

static void
test_a_made_name_means_the_file_it_was_made_of(void **state)
{
    g_autofree char *elsewhere = g_canonicalize_filename("other/base", NULL);
    const struct {
        const char *overlay, *path, *name;
    } table[] = {
        {"folder/top", "folder/base", "base"},
        {"top", "base", "base"},
        {"/folder/top", "/folder/base", "/folder/base"},
        {"folder/top", "other/base", elsewhere},
        {"top", "other/base", elsewhere},
        {"folder/top", "folder/a:b", "./a:b"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autofree char *name = backing_make_name(table[i].overlay, table[i].path);
        g_autofree char *resolved = backing_resolve(table[i].overlay, name, NULL);
        g_autofree char *meant = g_canonicalize_filename(table[i].path, NULL);
        g_autofree char *found = NULL;

        assert_string_equal(name, table[i].name);
        assert_non_null(resolved);
        found = g_canonicalize_filename(resolved, NULL);
        assert_string_equal(found, meant);
    }
}

static void
test_a_format_is_never_guessed(void **state)
{
    g_autoptr(GError) error = NULL;
    BlockFormat format;

    assert_false(backing_get_format("top", "base", NULL, &format, &error));
    images_assert_error(error, VBLK_ERROR_IMAGE_INVALID, "qemu-img rebase -u");
    assert_false(backing_get_format("top", "base", "vmdk", &format, &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_UNSUPPORTED, "'vmdk'");
    assert_false(backing_get_format("top", "base", "file", &format, &error));
    images_assert_error(error, VBLK_ERROR_OPERATION_UNSUPPORTED, "'file'");
    assert_true(backing_get_format("top", "base", "raw", &format, &error));
    assert_int_equal(format, BLOCK_FORMAT_RAW);
    assert_true(backing_get_format("top", "base", "qcow2", &format, &error));
    assert_int_equal(format, BLOCK_FORMAT_QCOW2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_relative_names_are_relative_to_the_overlay),
        cmocka_unit_test(test_names_that_are_no_plain_paths_are_refused),
        cmocka_unit_test(test_refusals_have_no_control_characters),
        cmocka_unit_test(test_a_made_name_means_the_file_it_was_made_of),
        cmocka_unit_test(test_a_format_is_never_guessed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
