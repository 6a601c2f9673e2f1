/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durable files */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <glib/gstdio.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "daemon/files.h"
#include "room.h"

static int
set_up(void **state)
{
    *state = room_new();
    return 0;
}

static int
tear_down(void **state)
{
    room_free(*state);
    return 0;
}

static void
assert_holds(const char *room, const char *file, const char *expected)
{
    g_autofree char *path = g_build_filename(room, file, NULL);
    g_autofree char *text = files_read(path, 1000, NULL);

    assert_non_null(text);
    assert_string_equal(text, expected);
}

static void
a_staged_document_appears_when_it_is_applied(void **state)
{
    g_autoptr(FileChange) first = file_change_stage(*state, "a.xml", "one", NULL);
    g_autoptr(FileChange) second = NULL;

    assert_true(file_change_apply(first, *state, NULL));
    second = file_change_stage(*state, "a.xml", "two", NULL);
    assert_holds(*state, "a.xml", "one");
    assert_true(file_change_apply(second, *state, NULL));
    assert_holds(*state, "a.xml", "two");
}

static void
applying_again_changes_nothing(void **state)
{
    g_autoptr(FileChange) write = file_change_stage(*state, "a.xml", "one", NULL);
    g_autoptr(FileChange) removal = file_change_new(NULL, "b.xml");

    assert_true(file_change_apply(write, *state, NULL));
    assert_true(file_change_apply(write, *state, NULL));
    assert_holds(*state, "a.xml", "one");
    assert_true(file_change_apply(removal, *state, NULL));
    assert_true(file_change_apply(removal, *state, NULL));
}

static void
a_discarded_document_leaves_nothing(void **state)
{
    g_autoptr(FileChange) change = file_change_stage(*state, "a.xml", "one", NULL);
    g_auto(GStrv) names = NULL;

    file_change_discard(change, *state);
    names = room_list(*state);
    assert_null(names[0]);
}

static void
staging_where_there_is_no_folder_names_the_file(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_null(file_change_stage(*state, "none/a.xml", "one", &error));
    assert_true(error->domain == VBLK_ERROR);
    assert_non_null(strstr(error->message, "none/a.xml"));
}

static void
documents_are_for_us_alone(void **state)
{
    mode_t mask = umask(0);
    g_autofree char *folder = g_build_filename(*state, "deep", "folder", NULL);
    g_autofree char *file = g_build_filename(folder, "a.xml", NULL);
    g_autoptr(FileChange) change = NULL;

    assert_true(files_make_folder(folder, NULL));
    change = file_change_stage(*state, "deep/folder/a.xml", "one", NULL);
    assert_true(file_change_apply(change, *state, NULL));
    umask(mask);
    assert_int_equal(room_mode(folder), 0700);
    assert_int_equal(room_mode(file), 0600);
}

static void
what_is_too_large_or_no_text_is_not_read(void **state)
{
    static const char *const contents[] = {"12345", "a\xff"};
    g_autofree char *path = g_build_filename(*state, "a.xml", NULL);

    for (guint i = 0; i < G_N_ELEMENTS(contents); i++) {
        g_autoptr(GError) error = NULL;

        assert_true(g_file_set_contents(path, contents[i], -1, NULL));
        assert_null(files_read(path, 4, &error));
        assert_non_null(strstr(error->message, path));
    }
}

static void
a_fifo_is_read_as_empty_and_does_not_hang(void **state)
{
    g_autofree char *path = g_build_filename(*state, "a.xml", NULL);
    g_autofree char *text = NULL;

    assert_int_equal(mkfifo(path, 0600), 0);
    text = files_read(path, 100, NULL);
    assert_string_equal(text, "");
}

static void
names_come_back_from_their_file_names(void **state)
{
    static const struct {
        const char *name;
        const char *file;
    } cases[] = {
        {"web1", "web1"},
        {"web.1-a_b", "web.1-a_b"},
        {".hidden", "%2Ehidden"},
        {"..", "%2E."},
        {"a/b", "a%2Fb"},
        {"100%", "100%25"},
        {"two words", "two%20words"},
        {"\xc3\xbc", "%C3%BC"},
        {"new\nline", "new%0Aline"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *file = files_escape_name(cases[i].name);
        g_autofree char *name = files_unescape_name(cases[i].file);

        assert_string_equal(file, cases[i].file);
        assert_string_equal(name, cases[i].name);
    }
}

static void
file_names_we_would_not_write_are_no_names(void **state)
{
    static const char *const files[] = {"%", "%zz", "%41", "%2f", "a b", ".hidden", "%FF", "%00"};

    for (guint i = 0; i < G_N_ELEMENTS(files); i++)
        assert_null(files_unescape_name(files[i]));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(a_staged_document_appears_when_it_is_applied),
        TEST(applying_again_changes_nothing),
        TEST(a_discarded_document_leaves_nothing),
        TEST(staging_where_there_is_no_folder_names_the_file),
        TEST(documents_are_for_us_alone),
        TEST(what_is_too_large_or_no_text_is_not_read),
        TEST(a_fifo_is_read_as_empty_and_does_not_hang),
        TEST(names_come_back_from_their_file_names),
        TEST(file_names_we_would_not_write_are_no_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
