/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stored chains */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/chain-text.h"

static void
a_chain_is_read_back_as_it_was(void **state)
{
    static const LayerKind kinds[] = {LAYER_FILE, LAYER_BLOCK, LAYER_NETWORK, LAYER_OTHER};
    g_autoptr(Chain) chain = chain_new();

    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *path = g_strdup_printf("/srv/it's \"%u\"\n", i);
        Layer *layer = layer_new(kinds[i], path, "qcow2", i + 5);

        layer->backing_name = i < 2 ? g_strdup("[('") : NULL;
        assert_true(chain_append(chain, layer, NULL));
    }

    g_autofree char *text = chain_to_text(chain);
    g_autoptr(GError) error = NULL;
    g_autoptr(Chain) read = chain_from_text(text, &error);

    assert_null(error);
    assert_int_equal(chain_depth(read), G_N_ELEMENTS(kinds));
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const Layer *before = chain_layer(chain, i);
        const Layer *after = chain_layer(read, i);

        assert_int_equal(after->kind, before->kind);
        assert_string_equal(after->path, before->path);
        assert_string_equal(after->format, before->format);
        assert_int_equal(after->index, before->index);
        assert_true(g_strcmp0(after->backing_name, before->backing_name) == 0);
    }
}

static void
an_empty_chain_is_read_back(void **state)
{
    g_autoptr(Chain) chain = chain_new();
    g_autofree char *text = chain_to_text(chain);
    g_autoptr(Chain) read = chain_from_text(text, NULL);

    assert_non_null(read);
    assert_int_equal(chain_depth(read), 0);
}

static void
damaged_text_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "[(0, '/a', 'raw', uint32 1)]",
        "[(0, '/a', 'raw', uint32 1, '')",
        "[(-1, '/a', 'raw', uint32 1, '')]",
        "[(4, '/a', 'raw', uint32 1, '')]",
        "[(0, '/a', 'raw', uint32 1, ''), (0, '/a', 'raw', 2, '')]",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(chain_from_text(texts[i], &error));
        assert_non_null(error);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_is_read_back_as_it_was),
        cmocka_unit_test(an_empty_chain_is_read_back),
        cmocka_unit_test(damaged_text_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
