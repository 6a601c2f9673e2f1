/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HMP argument tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/monitor/hmp-words.h"

static const HmpArgument stream[HMP_MAX_ARGUMENTS] = {
    {.type = HMP_FLAG, .letter = 'a'},
    {.name = "device", .type = HMP_DEVICE},
    {.name = "speed", .type = HMP_SIZE, .is_optional = TRUE, .is_skippable = TRUE},
    {.name = "base", .type = HMP_STRING, .is_optional = TRUE},
};
static const HmpArgument snapshot[HMP_MAX_ARGUMENTS] = {
    {.name = "mode", .type = HMP_FLAG, .letter = 'n', .flag_value = "existing"},
    {.name = "force", .type = HMP_FLAG, .letter = 'f'},
    {.name = "file", .type = HMP_FILE},
};
static const HmpArgument speed[HMP_MAX_ARGUMENTS] = {
    {.name = "speed", .type = HMP_SIZE},
};

static int
compare_words(gconstpointer left, gconstpointer right)
{
    return g_strcmp0(*(const char *const *)left, *(const char *const *)right);
}

/* The members of an object in an order that does not depend on how they are kept. */
static char *
sort_members(const char *text)
{
    g_autofree char *inner = g_strndup(text + 1, strlen(text) - 2);
    g_auto(GStrv) members = g_strsplit(inner, ", ", -1);

    qsort(members, g_strv_length(members), sizeof *members, compare_words);
    return g_strjoinv(", ", members);
}

static void
assert_members(const char *text, const char *wanted)
{
    g_autofree char *sorted_text = sort_members(text);
    g_autofree char *sorted_wanted = sort_members(wanted);

    assert_string_equal(sorted_text, sorted_wanted);
}

/* What @line is by @arguments, as text; or the complaint. */
static void
assert_parsed(const HmpArgument *arguments, const char *line, const char *wanted)
{
    g_auto(GStrv) words = g_strsplit_set(line, " ", -1);
    g_autoptr(GString) out = g_string_new(NULL);
    char *none[] = {NULL};
    GVariant *parsed = hmp_words_parse("name", arguments, line[0] != '\0' ? words : none, out);
    g_autofree char *text = NULL;

    if (parsed != NULL) {
        g_autoptr(GVariant) owned = g_variant_ref_sink(parsed);

        assert_int_equal(out->len, 0);
        text = g_variant_print(owned, FALSE);
        assert_members(text, wanted);
    } else {
        assert_string_equal(out->str, wanted);
    }
}

static void
test_optional_words_may_be_left_out(void **state)
{
    assert_parsed(stream, "d0", "{'device': <'d0'>}");
    assert_parsed(stream, "-a d0", "{'device': <'d0'>}");
    assert_parsed(stream, "", "name: block device name expected\n");
    assert_parsed(stream, "d0 1 base more", "name: extraneous characters at the end of line\n");
}

static void
test_a_base_may_follow_the_device(void **state)
{
    assert_parsed(stream, "d0 /base.qcow2", "{'device': <'d0'>, 'base': <'/base.qcow2'>}");
}

static void
test_flags_are_true_or_a_word(void **state)
{
    assert_parsed(snapshot, "-n x", "{'mode': <'existing'>, 'file': <'x'>}");
    assert_parsed(snapshot, "-f x", "{'file': <'x'>, 'force': <true>}");
    assert_parsed(snapshot, "-x x", "name: unsupported option -x\n");
    assert_parsed(snapshot, "-nf x", "name: unsupported option -nf\n");
    assert_parsed(snapshot, "-n", "name: filename expected\n");
}

static void
test_a_size_is_in_mebibytes_unless_it_says_otherwise(void **state)
{
    assert_parsed(speed, "0", "{'speed': <int64 0>}");
    assert_parsed(speed, "10", "{'speed': <int64 10485760>}");
    assert_parsed(speed, "10b", "{'speed': <int64 10>}");
    assert_parsed(speed, "3k", "{'speed': <int64 3072>}");
    assert_parsed(speed, "200M", "{'speed': <int64 209715200>}");
    assert_parsed(speed, "1.5M", "{'speed': <int64 1572864>}");
}

static void
test_what_is_no_size_is_refused(void **state)
{
    static const char *const words[] = {"",
                                        "x",
                                        "-1",
                                        "+1",
                                        "1x",
                                        "1MM",
                                        "0x10",
                                        "inf",
                                        "nan",
                                        "1e5",
                                        ".",
                                        "9999999999999",
                                        "99999999999999999999999999999999"};

    for (guint i = 0; i < G_N_ELEMENTS(words); i++)
        assert_parsed(speed, words[i], "invalid size\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optional_words_may_be_left_out),
        cmocka_unit_test(test_a_base_may_follow_the_device),
        cmocka_unit_test(test_flags_are_true_or_a_word),
        cmocka_unit_test(test_a_size_is_in_mebibytes_unless_it_says_otherwise),
        cmocka_unit_test(test_what_is_no_size_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
