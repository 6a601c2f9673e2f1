/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Node option tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/options.h"
#include "qemu-shim/block/request.h"
#include "tests/unit/block/images.h"

static BlockRequest *
request(const char *text, GError **error)
{
    g_autoptr(GVariant) options = images_parse("%s", text);

    return block_request_new(options, error);
}

static void
test_errors_have_the_words_of_qemu(void **state)
{
    static const struct {
        const char *options, *message;
    } table[] = {
        {"{'node-name': <'a'>}", "Parameter 'driver' is missing"},
        {"{'driver': <'qcow9'>}", "Parameter 'driver' does not accept value 'qcow9'"},
        {"{'driver': <'qcow2'>}", "Parameter 'file' is missing"},
        {"{'driver': <'qcow2'>, 'file': <{'filename': <'x'>}>}",
         "Parameter 'file.driver' is missing"},
        {"{'driver': <'qcow2'>, 'file.filename': <'x'>}", "Parameter 'file.driver' is missing"},
        {"{'driver': <'file'>}", "Parameter 'filename' is missing"},
        {"{'driver': <'file'>, 'filename': <int64 5>}",
         "Invalid parameter type for 'filename', expected: string"},
        {"{'driver': <'file'>, 'filename': <'x'>, 'read-only': <'maybe'>}",
         "Invalid parameter type for 'read-only', expected: boolean"},
        {"{'driver': <'file'>, 'filename': <'x'>, 'locking': <'never'>}",
         "Parameter 'locking' does not accept value 'never'"},
        {"{'driver': <'raw'>, 'file': <'f'>, 'offset': <int64 -1>}",
         "Invalid parameter type for 'offset', expected: integer"},
        {"{'driver': <'raw'>, 'file': <'f'>, 'offset': <'17e'>}",
         "Invalid parameter type for 'offset', expected: integer"},
        {"{'driver': <'raw'>, 'file': <'f'>, 'backing': <'b'>}",
         "Parameter 'backing' is unexpected"},
        {"{'driver': <'qcow2'>, 'file.driver': <'file'>, 'file.filename': <'x'>, "
         "'file.bar': <'y'>}",
         "Parameter 'file.bar' is unexpected"},
        {"{'driver': <'qcow2'>, 'file': <'f'>, 'file.driver': <'file'>}",
         "Parameter 'file' is given twice"},
        {"{'driver': <'qcow2'>, 'file': <true>}",
         "Invalid parameter type for 'file', expected: object"},
        {"{'driver': <{'x': <'y'>}>}", "Invalid parameter type for 'driver', expected: string"},
        {"{'driver': <'file'>, 'filename': <'x'>, 'node-name': <'a b'>}",
         "Invalid node-name: 'a b'"},
        {"{'driver': <'file'>, 'filename': <'x'>, 'node-name': <'#block1'>}",
         "Invalid node-name: '#block1'"},
        {"{'driver': <'file'>, 'filename': <'x'>, 'node-name': <''>}", "Invalid node-name: ''"},
        {"{'driver': <'file'>, 'filename': <'x'>, 'force-share': <true>}",
         "force-share=on can only be used with read-only images"},
        {"{'driver': <'qcow2'>, 'file': <'f'>, 'backing': <{'driver': <'file'>, 'filename': "
         "<'x'>, 'read-only': <false>}>}",
         "Parameter 'backing.read-only' cannot be off"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(request(table[i].options, &error));
        images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, table[i].message);
    }
}

static void
test_flat_and_nested_options_are_the_same(void **state)
{
    static const char *const forms[] = {
        "{'driver': <'raw'>, 'offset': <uint64 65536>, 'read-only': <true>, "
        "'file': <{'driver': <'file'>, 'filename': <'x'>, 'node-name': <'f'>}>}",
        "{'driver': <'raw'>, 'offset': <'64k'>, 'read-only': <'on'>, "
        "'file.driver': <'file'>, 'file.filename': <'x'>, 'file.node-name': <'f'>}",
        "{'driver': <'raw'>, 'offset': <int64 65536>, 'read-only': <true>, "
        "'file': <{'driver': <'file'>, 'filename': <'x'>}>, 'file.node-name': <'f'>}",
    };

    for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(BlockRequest) parsed = request(forms[i], &error);

        assert_null(error);
        assert_int_equal(parsed->format, BLOCK_FORMAT_RAW);
        assert_int_equal(parsed->settings.raw.offset, 65536);
        assert_true(parsed->is_read_only);
        assert_string_equal(parsed->file.request->filename, "x");
        assert_string_equal(parsed->file.request->node_name, "f");
        assert_true(parsed->file.request->is_read_only);
    }
}

static void
test_a_backing_node_is_read_only_without_asking(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockRequest) parsed = request(
        "{'driver': <'qcow2'>, 'file': <'f'>, 'backing': <{'driver': <'qcow2'>, 'file': "
        "<{'driver': <'file'>, 'filename': <'x'>}>}>}",
        &error);

    assert_null(error);
    assert_false(parsed->is_read_only);
    assert_true(parsed->backing.request->is_read_only);
    assert_true(parsed->backing.request->file.request->is_read_only);
}

static void
test_tuning_is_accepted_and_null_is_no_backing(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockRequest) parsed = request(
        "{'driver': <'qcow2'>, 'backing': <@mv nothing>, 'cache': <{'direct': <true>}>, "
        "'discard': <'unmap'>, 'l2-cache-size': <int64 1>, 'cache.no-flush': <false>, "
        "'file': <{'driver': <'file'>, 'filename': <'x'>, 'aio': <'native'>}>}",
        &error);

    assert_null(error);
    assert_true(parsed->backing.is_null);
}

static void
test_nesting_has_a_limit(void **state)
{
    g_autoptr(GString) key = g_string_new(NULL);
    g_autoptr(GVariant) options = NULL;
    g_autoptr(GError) error = NULL;
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    for (guint i = 0; i < 100000; i++)
        g_string_append(key, "a.");
    g_variant_dict_insert(&dict, key->str, "s", "x");
    options = g_variant_ref_sink(g_variant_dict_end(&dict));

    assert_null(block_options_new(options, &error));
    images_assert_error(error, VBLK_ERROR_LIMIT, "nested");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_have_the_words_of_qemu),
        cmocka_unit_test(test_flat_and_nested_options_are_the_same),
        cmocka_unit_test(test_a_backing_node_is_read_only_without_asking),
        cmocka_unit_test(test_tuning_is_accepted_and_null_is_no_backing),
        cmocka_unit_test(test_nesting_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
