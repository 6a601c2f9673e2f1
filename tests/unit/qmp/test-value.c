/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Value tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qmp/scan.h"
#include "qmp/value.h"
#include "qmp/writer.h"

static GVariant *
parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    GVariant *value = qmp_value_parse(text, strlen(text), &error);

    assert_int_equal(value == NULL, error != NULL);
    return value;
}

static void
refuses(const char *text, VblkError code)
{
    g_autoptr(GError) error = NULL;

    assert_null(qmp_value_parse(text, strlen(text), &error));
    assert_non_null(error);
    assert_true(g_error_matches(error, VBLK_ERROR, (int)code));
}

static char *
repeat(const char *text, guint count)
{
    GString *all = g_string_new(NULL);

    for (guint i = 0; i < count; i++)
        g_string_append(all, text);
    return g_string_free(all, FALSE);
}

/* Each line is json-glib's own idea of what may stand in JSON. */
static void
only_the_words_of_json_are_taken(void **state)
{
    const char *const bad[] = {
        "010",         "01.5",     "-01",
        "0x10",        "$10",      "0b1",
        "+1",          ".5",       "1.",
        "1e",          "1e+",      "-",
        "- 1",         "--1",      "1_0",
        "NaN",         "Infinity", "True",
        "nul",         "[-true]",  "var x = {}",
        "{a: 1}",      "/*x*/ 1",  "[1 /*x*/]",
        "// x\n1",     "# x\n1",   "\xef\xbb\xbf{}",
        "{\"a\" = 1}", "[1;2]",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        refuses(bad[i], VBLK_ERROR_INVALID_ARGUMENT);
}

static void
grammar_is_checked(void **state)
{
    const char *const bad[] = {
        "",         " ",          "{",           "[1 2]",   "[1,]",   "[,1]",  "[1,,2]",   "{,}",
        "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}",   "{\"a\"}", "{1:2}",  "[1:2]", ",",        ":",
        "1 2",      "{} {}",      "\"a\" \"b\"", "1{}",     "true[]", "1,",    "null\"\"",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        refuses(bad[i], VBLK_ERROR_INVALID_ARGUMENT);
}

static void
no_bracket_reaches_the_parser_unseen(void **state)
{
    static const struct {
        const char *before;
        const char *after;
    } hidings[] = {
        {"1 ", ""},           /* behind the value */
        {"[/* \" */", "\"]"}, /* behind a quote in a comment */
        {"['\\', ", "']"},    /* behind a backslash that does not escape for json-glib */
        {"var x = ", ""},
    };
    g_autofree char *deep = repeat("[", 200000);

    for (guint i = 0; i < G_N_ELEMENTS(hidings); i++) {
        g_autofree char *text = g_strconcat(hidings[i].before, deep, hidings[i].after, NULL);

        assert_null(parse(text));
    }
}

static void
integers_keep_their_value_or_are_refused(void **state)
{
    g_autoptr(GVariant) most = parse("9223372036854775807");
    g_autoptr(GVariant) least = parse("-9223372036854775808");
    g_autoptr(GVariant) zero = parse("-0");

    assert_true(g_variant_get_int64(most) == G_MAXINT64);
    assert_true(g_variant_get_int64(least) == G_MININT64);
    assert_true(g_variant_get_int64(zero) == 0);
    refuses("9223372036854775808", VBLK_ERROR_INVALID_ARGUMENT);
    refuses("-9223372036854775809", VBLK_ERROR_INVALID_ARGUMENT);
    refuses("18446744073709551615", VBLK_ERROR_INVALID_ARGUMENT);
    refuses("[99999999999999999999999999]", VBLK_ERROR_INVALID_ARGUMENT);
}

static void
reals_keep_their_value_or_are_refused(void **state)
{
    static const struct {
        const char *text;
        double value;
    } reals[] = {
        {"1.5", 1.5},
        {"-0.25", -0.25},
        {"1e3", 1000},
        {"1E+3", 1000},
        {"25e-2", 0.25},
        {"1.0", 1},
        {"0.1", 0.1},
        {"1.7976931348623157e308", 1.7976931348623157e308},
    };

    for (guint i = 0; i < G_N_ELEMENTS(reals); i++) {
        g_autoptr(GVariant) value = parse(reals[i].text);
        double real;

        assert_non_null(value);
        real = g_variant_get_double(value);
        assert_memory_equal(&real, &reals[i].value, sizeof(real));
    }
    refuses("1e999", VBLK_ERROR_INVALID_ARGUMENT);
    refuses("{\"a\":[-1e999]}", VBLK_ERROR_INVALID_ARGUMENT);
}

static void
strings_are_read_as_they_are_meant(void **state)
{
    static const struct {
        const char *text;
        const char *value;
    } strings[] = {
        {"\"\"", ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0001\\u00e9\\u20AC\"", "\x01\xc3\xa9\xe2\x82\xac"},
        {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80"},
        {"\"\xf0\x9f\x98\x80\"", "\xf0\x9f\x98\x80"},
        {"\"/* */ // # ' {[\"", "/* */ // # ' {["},
        {"'single \"quotes\"'", "single \"quotes\""},
        {"\"\\'\"", "'"}, /* QEMU takes it */
    };

    for (guint i = 0; i < G_N_ELEMENTS(strings); i++) {
        g_autoptr(GVariant) value = parse(strings[i].text);

        assert_non_null(value);
        assert_string_equal(g_variant_get_string(value, NULL), strings[i].value);
    }
}

static void
strings_that_cannot_be_kept_are_refused(void **state)
{
    const char *const bad[] = {
        "\"\\u0000\"",
        "\"a\\u0000b\"",
        "\"\\ud800\"",
        "\"\\ud800x\"",
        "\"\\ud800\\n\"",
        "\"\\ud800\\ud800\"",
        "\"\\udc00\"",
        "\"\\udc00\\ud800\"",
        "\"\\u12\"",
        "\"\\uZZZZ\"",
        "\"\\u\"",
        "\"\\q\"",
        "\"\\x41\"",
        "'\\n'",
        "'a\\'b'",
        "\"\t\"",
        "\"\xc3\"",
        "\"\xed\xa0\x80\"",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        refuses(bad[i], VBLK_ERROR_INVALID_ARGUMENT);
}

static void
two_members_of_one_name_are_refused(void **state)
{
    g_autoptr(GVariant)
        good = parse("{\"a\":{\"a\":1,\"b\":2},\"b\":[{\"a\":1},{\"a\":1}],\"\":0}");

    assert_non_null(good);
    refuses("{\"a\":1,\"a\":1}", VBLK_ERROR_INVALID_ARGUMENT);
    refuses("{\"a\":1,\"\\u0061\":2}", VBLK_ERROR_INVALID_ARGUMENT);
    refuses("[[{\"x\":{\"a\":{\"b\":1},\"c\":0,\"a\":{\"b\":1}}}]]", VBLK_ERROR_INVALID_ARGUMENT);
    refuses("{\"\":1,\"\":2}", VBLK_ERROR_INVALID_ARGUMENT);
}

/* A GVariant cannot be nested as deeply as JSON: what is taken must come out again. */
static void
the_deepest_value_survives_the_way_there_and_back(void **state)
{
    const char *const pairs[][2] = {{"[", "]"}, {"{\"a\":", "}"}};

    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autofree char *open = repeat(pairs[i][0], QMP_SCAN_MAX_DEPTH);
        g_autofree char *close = repeat(pairs[i][1], QMP_SCAN_MAX_DEPTH);
        g_autofree char *text = g_strconcat(open, "1", close, NULL);
        g_autofree char *deeper = g_strconcat("[", text, "]", NULL);
        g_autoptr(GVariant) value = parse(text);
        g_autofree char *again = NULL;

        assert_non_null(value);
        again = qmp_value_format(value);
        assert_string_equal(again, text);
        refuses(deeper, VBLK_ERROR_LIMIT);
    }
}

static void
values_survive_the_way_there_and_back(void **state)
{
    const char *const texts[] = {
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "[null,false,-1,1.5,\"\xe2\x82\xac\\n\\\"\\\\\",[[]],{}]",
        "{\"z\":1,\"a\":{\"\":[{\"b\":null}]},\"\\u007f\":\"\\u0001\"}",
        "\"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xef\xbf\xbf\"",
        "[9223372036854775807,-9223372036854775808,0.10000000000000001,1e300,1e22,1E-22,2.0]",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GVariant) value = parse(texts[i]);
        g_autoptr(GVariant) again = NULL;
        g_autofree char *formatted = NULL;
        g_autofree char *pretty = NULL;
        g_autoptr(GVariant) from_pretty = NULL;

        assert_non_null(value);
        formatted = qmp_value_format(value);
        pretty = qmp_value_format_pretty(value);
        again = parse(formatted);
        from_pretty = parse(pretty);
        assert_non_null(again);
        assert_true(g_variant_equal(value, again));
        assert_true(g_variant_equal(value, from_pretty));
        assert_null(strchr(formatted, '\n'));
    }
}

static void
our_own_types_are_written_as_json(void **state)
{
    static const struct {
        const char *variant;
        const char *text;
    } pairs[] = {
        {"byte 7", "7"},
        {"int16 -7", "-7"},
        {"uint16 7", "7"},
        {"int32 -7", "-7"},
        {"uint32 4294967295", "4294967295"},
        {"uint64 7", "7"},
        {"uint64 18446744073709551615", "9223372036854775807"},
        {"['a', 'b']", "[\"a\",\"b\"]"},
        {"[{'a': <1>}, {}]", "[{\"a\":1},{}]"},
        {"@as []", "[]"},
        {"@av [<1>, <'x'>, <@mv nothing>]", "[1,\"x\",null]"},
        {"@mv <2>", "2"},
        {"{'b': 'x', 'a': 'y'}", "{\"b\":\"x\",\"a\":\"y\"}"},
        {"'\\u0001\\u007f\\n\"\\u20ac'", "\"\\u0001\\u007F\\n\\\"\xe2\x82\xac\""},
        {"1.0", "1.0"},
        {"-1e22", "-1e+22"},
        {"1e-7", "9.9999999999999995e-08"},
        {"inf", "null"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autoptr(GVariant) value = g_variant_parse(NULL, pairs[i].variant, NULL, NULL, NULL);
        g_autofree char *text = NULL;

        assert_non_null(value);
        text = qmp_value_format(value);
        assert_string_equal(text, pairs[i].text);
    }
}

/* The written texts are what QEMU 7.2 answers to what is read. */
static void
the_wire_has_qemus_bytes(void **state)
{
    static const struct {
        const char *read;
        const char *written;
    } pairs[] = {
        {"{\"return\":{},\"id\":[1,null,true,[],{},[[2]]]}",
         "{\"return\": {}, \"id\": [1, null, true, [], {}, [[2]]]}"},
        {"\"\xc3\xa9\x7f\xf0\x9f\x98\x80\"", "\"\\u00E9\\u007F\\uD83D\\uDE00\""},
        {"\"\\b\\f\\n\\r\\t\\\"\\\\\\/\"", "\"\\b\\f\\n\\r\\t\\\"\\\\/\""},
        {"[2.0, -0.0, 1e22, 0.1, -5.50]", "[2, -0, 1e+22, 0.10000000000000001, -5.5]"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(pairs); i++) {
        g_autoptr(GVariant) value = parse(pairs[i].read);
        g_autoptr(GString) text = g_string_new(NULL);

        assert_non_null(value);
        qmp_writer_append(text, value, QMP_STYLE_WIRE);
        assert_string_equal(text->str, pairs[i].written);
    }
}

static void
members_of_another_type_are_named(void **state)
{
    g_autoptr(GVariant)
        object = parse("{\"n\":-1,\"s\":\"x\",\"o\":{},\"a\":[],\"d\":1.5,\"b\":true}");
    static const char *const members[] = {"n", "s", "o", "a", "d", "b", "missing"};

    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        const char *string = "kept";
        guint64 number = 7;
        gboolean is_true = 7;
        GVariant *child = NULL;
        g_autoptr(GError) error = NULL;

        assert_false(qmp_value_get_uint64(object, members[i], &number, &error));
        assert_non_null(strstr(error->message, members[i]));
        assert_int_equal(number, 7);
        if (!qmp_value_get_string(object, members[i], &string, NULL))
            assert_string_equal(string, "kept");
        else
            assert_string_equal(members[i], "s");
        if (!qmp_value_get_boolean(object, members[i], &is_true, NULL))
            assert_int_equal(is_true, 7);
        else
            assert_string_equal(members[i], "b");
        if (qmp_value_get_object(object, members[i], &child, NULL))
            assert_string_equal(members[i], "o");
        else if (qmp_value_get_array(object, members[i], &child, NULL))
            assert_string_equal(members[i], "a");
        if (child != NULL)
            g_variant_unref(child);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_words_of_json_are_taken),
        cmocka_unit_test(grammar_is_checked),
        cmocka_unit_test(no_bracket_reaches_the_parser_unseen),
        cmocka_unit_test(integers_keep_their_value_or_are_refused),
        cmocka_unit_test(reals_keep_their_value_or_are_refused),
        cmocka_unit_test(strings_are_read_as_they_are_meant),
        cmocka_unit_test(strings_that_cannot_be_kept_are_refused),
        cmocka_unit_test(two_members_of_one_name_are_refused),
        cmocka_unit_test(the_deepest_value_survives_the_way_there_and_back),
        cmocka_unit_test(values_survive_the_way_there_and_back),
        cmocka_unit_test(our_own_types_are_written_as_json),
        cmocka_unit_test(the_wire_has_qemus_bytes),
        cmocka_unit_test(members_of_another_type_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
