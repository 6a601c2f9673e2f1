/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Debug rule fuzzing */

#include <stdint.h>

#include "qemu-shim/block/blkdebug-rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever the file says: rules or an error, and no answer that is no errno. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_auto(BlkdebugRules) rules = {0};
    g_autoptr(GError) error = NULL;

    blkdebug_rules_init(&rules);
    if (!blkdebug_rules_parse(&rules, text, "rules", &error)) {
        g_assert_nonnull(error);
        return 0;
    }

    for (guint i = 0; i < 2 * BLOCK_EVENT_COUNT; i++) {
        int status;

        blkdebug_rules_raise(&rules, (BlockEvent)(i % BLOCK_EVENT_COUNT));
        status = blkdebug_rules_check(
            &rules, (BlkdebugRequest)(i % BLKDEBUG_REQUESTS), (guint64)i * 512, 512);
        g_assert_cmpint(status, <=, 0);
        g_assert_cmpint(status, >=, -4095);
    }

    return 0;
}
