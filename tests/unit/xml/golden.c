/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Golden files */

#include "tests/unit/xml/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GStrv
golden_list(const char *suffix)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new();
    g_autoptr(GDir) folder = g_dir_open(TEST_DATA, 0, NULL);
    const char *name;

    assert_non_null(folder);
    while ((name = g_dir_read_name(folder)) != NULL) {
        if (g_str_has_suffix(name, suffix))
            g_ptr_array_add(paths, g_build_filename(TEST_DATA, name, NULL));
    }
    g_ptr_array_sort(paths, compare_names);
    g_ptr_array_add(paths, NULL);
    assert_true(paths->len > 1);

    return (GStrv)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
}

char *
golden_read(const char *path)
{
    g_autoptr(GError) error = NULL;
    char *content = NULL;

    if (!g_file_get_contents(path, &content, NULL, &error))
        fail_msg("%s", error->message);

    return content;
}

char *
golden_sibling(const char *path, const char *suffix, const char *other)
{
    g_autofree char *stem = g_strndup(path, strlen(path) - strlen(suffix));

    return g_strconcat(stem, other, NULL);
}

void
golden_compare(const char *path, const char *actual)
{
    g_autofree char *expected = NULL;

    if (g_getenv("VBLK_TEST_REGENERATE") != NULL) {
        assert_true(g_file_set_contents(path, actual, -1, NULL));
        return;
    }
    expected = golden_read(path);
    if (!g_str_equal(expected, actual))
        print_error("%s differs\n", path);
    assert_string_equal(actual, expected);
}
