/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Message tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qmp/message.h"
#include "qmp/qmp-error.h"
#include "qmp/value.h"

static GVariant *
parse(const char *text)
{
    GVariant *value = qmp_value_parse(text, strlen(text), NULL);

    assert_non_null(value);
    return value;
}

/* Takes @message. */
static void
assert_text(GVariant *message, const char *text)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(message);
    g_autofree char *written = qmp_value_format(owned);

    assert_string_equal(written, text);
}

static void
messages_have_their_members_in_order(void **state)
{
    g_autoptr(GError) failure = g_error_new(QMP_ERROR, QMP_ERROR_DEVICE_NOT_FOUND, "no '\xff'");
    g_autoptr(GVariant) id = g_variant_ref_sink(g_variant_new_string("a"));

    assert_text(qmp_message_new_greeting(7002022, "pkg"),
                "{\"QMP\":{\"version\":{\"qemu\":{\"micro\":22,\"minor\":2,\"major\":7},"
                "\"package\":\"pkg\"},\"capabilities\":[]}}");
    assert_text(qmp_message_new_return(NULL, id), "{\"return\":{},\"id\":\"a\"}");
    assert_text(qmp_message_new_error(failure, NULL),
                "{\"error\":{\"class\":\"DeviceNotFound\",\"desc\":\"no '\xef\xbf\xbd'\"}}");
    assert_text(qmp_message_new_event("STOP", NULL, 3000005),
                "{\"timestamp\":{\"seconds\":3,\"microseconds\":5},\"event\":\"STOP\"}");
    assert_text(qmp_message_new_command("stop", NULL, 7), "{\"execute\":\"stop\",\"id\":7}");
}

static void
errors_of_other_domains_are_generic(void **state)
{
    g_autoptr(GError) failure = g_error_new(VBLK_ERROR, VBLK_ERROR_LIMIT, "x");

    assert_text(qmp_message_new_error(failure, NULL),
                "{\"error\":{\"class\":\"GenericError\",\"desc\":\"x\"}}");
}

static void
a_greeting_tells_the_version(void **state)
{
    static const char *const others[] = {
        "[]",
        "{\"QMP\": []}",
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2}}}}",
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": -1, \"minor\": 2, \"major\": 7}}}}",
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 1000, \"minor\": 2, \"major\": 7}}}}",
    };
    g_autoptr(GVariant)
        greeting = parse("{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, "
                         "\"major\": 7}, \"package\": \"pkg\"}}}");
    g_autofree char *package = NULL;
    guint version;

    assert_true(qmp_message_read_greeting(greeting, &version, &package));
    assert_int_equal(version, 7002022);
    assert_string_equal(package, "pkg");

    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        g_autoptr(GVariant) other = parse(others[i]);

        assert_false(qmp_message_read_greeting(other, &version, &package));
    }
}

static void
an_event_has_a_time_that_can_be(void **state)
{
    static const char *const bad_times[] = {
        "{\"event\": \"STOP\"}",
        "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1}}",
        "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": -1, \"microseconds\": -1}}",
        "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 9223372036855, \"microseconds\": 0}}",
        "{\"event\": \"STOP\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 1000000}}",
    };
    g_autoptr(GVariant) event = parse("{\"timestamp\": {\"seconds\": 2, \"microseconds\": 3}, "
                                      "\"event\": \"STOP\", \"data\": {\"a\": 1}}");
    g_autoptr(GVariant) data = NULL;
    gint64 before_us = g_get_real_time();
    const char *name;
    gint64 time_us;

    assert_true(qmp_message_read_event(event, &name, &data, &time_us));
    assert_string_equal(name, "STOP");
    assert_int_equal(g_variant_n_children(data), 1);
    assert_int_equal(time_us, 2000003);

    for (guint i = 0; i < G_N_ELEMENTS(bad_times); i++) {
        g_autoptr(GVariant) other = parse(bad_times[i]);
        g_autoptr(GVariant) none = NULL;

        assert_true(qmp_message_read_event(other, &name, &none, &time_us));
        assert_int_equal(g_variant_n_children(none), 0);
        assert_true(time_us >= before_us);
    }
}

static void
commands_have_three_members_at_most(void **state)
{
    static const char *const faults[][2] = {
        {"[]", "QMP input must be a JSON object"},
        {"{}", "QMP input lacks member 'execute'"},
        {"{\"execute\": 1}", "QMP input member 'execute' must be a string"},
        {"{\"execute\": \"a\", \"arguments\": []}",
         "QMP input member 'arguments' must be an object"},
        {"{\"execute\": \"a\", \"extra\": 1}", "QMP input member 'extra' is unexpected"},
    };
    g_autoptr(GVariant) command = parse("{\"execute\": \"a\", \"id\": [1]}");
    g_autoptr(GVariant) id = qmp_message_get_id(command);
    g_autoptr(GVariant) arguments = NULL;
    const char *name;

    assert_true(qmp_message_read_command(command, &name, &arguments, NULL));
    assert_string_equal(name, "a");
    assert_int_equal(g_variant_n_children(arguments), 0);
    assert_non_null(id);

    for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autoptr(GVariant) other = parse(faults[i][0]);
        g_autoptr(GVariant) none = NULL;
        g_autoptr(GError) error = NULL;

        assert_false(qmp_message_read_command(other, &name, &none, &error));
        assert_string_equal(error->message, faults[i][1]);
        assert_null(none);
    }
}

static void
an_answer_is_a_value_or_a_failure(void **state)
{
    static const char *const faults[] = {
        "1",
        "{}",
        "{\"id\": 1}",
        "{\"return\": 1}",
        "{\"return\": 1, \"id\": \"1\"}",
        "{\"return\": 1, \"id\": 1.0}",
        "{\"error\": \"x\", \"id\": 1}",
        "{\"return\": 1, \"error\": {\"desc\": \"x\"}, \"id\": 1}",
    };
    g_autoptr(GVariant) good = parse("{\"return\": null, \"id\": 5}");
    g_autoptr(GVariant) bad = parse("{\"id\": 6, \"error\": {\"class\": \"DeviceNotActive\"}}");
    g_autoptr(GVariant) value = NULL;
    g_autoptr(GVariant) no_value = NULL;
    g_autoptr(GError) no_failure = NULL;
    g_autoptr(GError) failure = NULL;
    gint64 id;

    assert_true(qmp_message_read_answer(good, &id, &value, &no_failure, NULL));
    assert_int_equal(id, 5);
    assert_non_null(value);
    assert_null(no_failure);
    assert_true(qmp_message_read_answer(bad, &id, &no_value, &failure, NULL));
    assert_int_equal(id, 6);
    assert_null(no_value);
    assert_true(g_error_matches(failure, QMP_ERROR, QMP_ERROR_DEVICE_NOT_ACTIVE));

    for (guint i = 0; i < G_N_ELEMENTS(faults); i++) {
        g_autoptr(GVariant) other = parse(faults[i]);
        g_autoptr(GError) error = NULL;

        assert_false(qmp_message_read_answer(other, &id, &no_value, &no_failure, &error));
        assert_non_null(error);
        assert_null(no_value);
        assert_null(no_failure);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_their_members_in_order),
        cmocka_unit_test(errors_of_other_domains_are_generic),
        cmocka_unit_test(a_greeting_tells_the_version),
        cmocka_unit_test(an_event_has_a_time_that_can_be),
        cmocka_unit_test(commands_have_three_members_at_most),
        cmocka_unit_test(an_answer_is_a_value_or_a_failure),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
