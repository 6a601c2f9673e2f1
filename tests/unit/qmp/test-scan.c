/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Scanner tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qmp/framer.h"
#include "qmp/scan.h"
#include "qmp/value.h"

static gboolean
accepts(const char *bytes, gsize length)
{
    g_autoptr(QmpScan) scan = qmp_scan_new();
    g_autoptr(GError) error = NULL;
    gsize end;
    gboolean is_accepted = qmp_scan_feed(scan, bytes, length, &end, &error);

    assert_int_equal(is_accepted, error == NULL);
    return is_accepted;
}

static char *
repeat(const char *text, guint count)
{
    GString *all = g_string_new(NULL);

    for (guint i = 0; i < count; i++)
        g_string_append(all, text);
    return g_string_free(all, FALSE);
}

static void
messages_come_out_whole_wherever_they_are_cut(void **state)
{
    static const char stream[] = " {\"a\": \"}{\\\"\"}\r\n[1,[2]] {\"b\":{\"c\":[]}}\n\"x\" {}";
    const char *const wanted[] = {
        "{\"a\": \"}{\\\"\"}",
        "[1,[2]]",
        "{\"b\":{\"c\":[]}}",
        "\"x\"",
        "{}",
    };

    for (gsize cut = 0; cut <= strlen(stream); cut++) {
        g_autoptr(QmpFramer) framer = qmp_framer_new();
        const gsize parts[] = {cut, strlen(stream) - cut};
        const char *at = stream;
        guint found = 0;

        for (guint i = 0; i < 2; i++) {
            GBytes *message;

            qmp_framer_feed(framer, at, parts[i]);
            at += parts[i];
            while (qmp_framer_next(framer, &message, NULL) && message != NULL) {
                gsize length;
                const char *bytes = g_bytes_get_data(message, &length);

                assert_int_equal(length, strlen(wanted[found]));
                assert_memory_equal(bytes, wanted[found], length);
                g_bytes_unref(message);
                found++;
            }
        }
        assert_int_equal(found, G_N_ELEMENTS(wanted));
    }
}

static void
what_would_kill_the_parser_is_refused(void **state)
{
    g_autofree char *deep = repeat("[", 80000);
    g_autofree char *long_string = g_strnfill(QMP_SCAN_MAX_SIZE + 2, 'x');

    long_string[0] = '"';
    assert_false(accepts(deep, strlen(deep)));
    assert_false(accepts(long_string, strlen(long_string)));
}

static void
depth_is_limited_exactly(void **state)
{
    g_autofree char *most = repeat("[", QMP_SCAN_MAX_DEPTH);
    g_autofree char *one_more = repeat("[", QMP_SCAN_MAX_DEPTH + 1);

    assert_true(accepts(most, strlen(most)));
    assert_false(accepts(one_more, strlen(one_more)));
}

static void
tokens_are_limited(void **state)
{
    g_autofree char *many = repeat("1,", QMP_SCAN_MAX_TOKENS);
    g_autofree char *list = g_strconcat("[", many, NULL);

    assert_false(accepts(list, strlen(list)));
}

static void
bytes_that_are_no_json_are_refused(void **state)
{
    const char *const bad[] = {
        "}",
        "[}",
        "{]",
        "\"\xff\"",
        "\"\xc0\x80\"",
        "\"\xed\xa0\x80\"",
        "\"\xf5\x80\x80\x80\"",
        "\"\n\"",
        "\x01",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        assert_false(accepts(bad[i], strlen(bad[i])));
    assert_false(accepts("{\0}", 3));
    assert_true(accepts("\"\xe2\x82\xac\"", 5));
}

static void
values_survive_the_way_there_and_back(void **state)
{
    static const char text[] =
        "{\"a\":[1,-2,true,null,\"x\\u20ac\\n\"],\"b\":{\"c\":1.5},\"d\":9223372036854775807}";
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = qmp_value_parse(text, strlen(text), &error);
    g_autofree char *once = NULL;
    g_autofree char *twice = NULL;
    g_autoptr(GVariant) again = NULL;

    assert_non_null(value);
    once = qmp_value_format(value);
    again = qmp_value_parse(once, strlen(once), &error);
    assert_non_null(again);
    twice = qmp_value_format(again);
    assert_string_equal(once, twice);
    assert_true(g_variant_equal(value, again));
}

static void
members_of_another_type_are_named(void **state)
{
    g_autoptr(GVariant) object = qmp_value_parse("{\"n\":-1,\"s\":\"x\"}", 16, NULL);
    g_autoptr(GError) missing = NULL;
    g_autoptr(GError) negative = NULL;
    g_autoptr(GError) type = NULL;
    guint64 number = 7;

    assert_false(qmp_value_get_uint64(object, "m", &number, &missing));
    assert_string_equal(missing->message, "'m' is missing");
    assert_false(qmp_value_get_uint64(object, "n", &number, &negative));
    assert_string_equal(negative->message, "'n' is negative: '-1'");
    assert_false(qmp_value_get_uint64(object, "s", &number, &type));
    assert_string_equal(type->message, "'s' is of type 's', not an integer");
    assert_int_equal(number, 7);
}

static void
text_that_is_no_json_is_an_error(void **state)
{
    const char *const bad[] = {"", "{", "nul", "{\"a\":}", "[1 2]", "[1,]"};

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(qmp_value_parse(bad[i], strlen(bad[i]), &error));
        assert_non_null(error);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_whole_wherever_they_are_cut),
        cmocka_unit_test(what_would_kill_the_parser_is_refused),
        cmocka_unit_test(depth_is_limited_exactly),
        cmocka_unit_test(tokens_are_limited),
        cmocka_unit_test(bytes_that_are_no_json_are_refused),
        cmocka_unit_test(values_survive_the_way_there_and_back),
        cmocka_unit_test(members_of_another_type_are_named),
        cmocka_unit_test(text_that_is_no_json_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
