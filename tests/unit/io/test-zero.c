/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zero detection tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qemu-shim/io/zero.h"

static void
test_any_single_byte_is_found(void **state)
{
    g_autofree char *buffer = g_malloc0(4099);

    for (gsize length = 0; length <= 4099; length = length * 2 + 1) {
        assert_true(buffer_is_zero(buffer, length));
        for (gsize at = 0; at < length; at += 1 + at / 7) {
            buffer[at] = 1;
            assert_false(buffer_is_zero(buffer, length));
            assert_true(buffer_is_zero(buffer, at));
            buffer[at] = 0;
        }
    }
}

static void
test_the_last_byte_counts(void **state)
{
    char buffer[64] = {0};

    buffer[63] = (char)0x80;
    assert_false(buffer_is_zero(buffer, sizeof(buffer)));
    assert_true(buffer_is_zero(buffer, sizeof(buffer) - 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_single_byte_is_found),
        cmocka_unit_test(test_the_last_byte_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
