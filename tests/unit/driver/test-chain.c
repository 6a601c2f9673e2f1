/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chain */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "driver/chain.h"

/* As libvirt numbers a chain after snapshots: the index tells nothing of the position. */
static Chain *
chain_of_four(void)
{
    static const struct {
        const char *path;
        guint index;
        const char *backing_name;
    } layers[] = {
        {"/srv/sn3.qcow2", 6, "/srv/sn2.qcow2"},
        {"/srv/sn2.qcow2", 5, "old/sn1.qcow2"},
        {"/srv/old/sn1.qcow2", 4, "../base.img"},
        {"/srv/old/../base.img", 1, NULL},
    };
    Chain *chain = chain_new();

    for (guint i = 0; i < G_N_ELEMENTS(layers); i++) {
        const char *format = i < 3 ? "qcow2" : "raw";
        Layer *layer = layer_new(LAYER_FILE, layers[i].path, format, layers[i].index);

        layer->backing_name = g_strdup(layers[i].backing_name);
        assert_true(chain_append(chain, layer, NULL));
    }

    return chain;
}

static void
every_meaning_of_a_name_is_found(void **state)
{
    static const struct {
        const char *name;
        guint position;
    } cases[] = {
        {"vda[6]", 0},
        {"vda[5]", 1},
        {"vda[4]", 2},
        {"vda[1]", 3},
        {"/srv/sn3.qcow2", 0},
        {"/srv/sn2.qcow2", 1},
        {"/srv/old/sn1.qcow2", 2},
        {"/srv/old/../base.img", 3},
        {"/srv/base.img", 3},
        {"/srv//./sn2.qcow2", 1},
        {"sn2.qcow2", 1},
        {"./sn2.qcow2", 1},
        {"old/sn1.qcow2", 2},
        {"old/../old/sn1.qcow2", 2},
        {"../base.img", 3},
        {"../../srv/base.img", 3},
    };
    g_autoptr(Chain) chain = chain_of_four();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint position = G_MAXUINT;
        g_autoptr(GError) error = NULL;

        if (!chain_find(chain, "vda", cases[i].name, &position, &error))
            fail_msg("%s: %s", cases[i].name, error->message);
        assert_int_equal(position, cases[i].position);
    }
}

static void
what_is_not_there_is_refused_in_libvirts_words(void **state)
{
    static const struct {
        const char *name;
        const char *message;
    } cases[] = {
        {"x", "could not find image 'x' in chain for 'vda'"},
        {"", "could not find image '' in chain for 'vda'"},
        {"/srv", "could not find image '/srv' in chain for 'vda'"},
        {"sn1.qcow2", "could not find image 'sn1.qcow2' in chain for 'vda'"},
        {"sn3.qcow2", "could not find image 'sn3.qcow2' in chain for 'vda'"},
        {"vda[7]", "could not find backing store index '7' in chain for 'vda'"},
        {"vda[0]", "could not find backing store index '0' in chain for 'vda'"},
        {"vdb[5]", "requested target 'vdb' does not match target 'vda'"},
        {"[5]", "could not find image '[5]' in chain for 'vda'"},
        {"vda[]", "could not find image 'vda[]' in chain for 'vda'"},
        {"vda[5", "could not find image 'vda[5' in chain for 'vda'"},
        {"vda[-1]", "could not find image 'vda[-1]' in chain for 'vda'"},
        {"vda[5]]", "could not find image 'vda[5]]' in chain for 'vda'"},
        {"vda[4294967296]", "could not find image 'vda[4294967296]' in chain for 'vda'"},
        {"/srv/x[5]", "could not find image '/srv/x[5]' in chain for 'vda'"},
        {"json:{\"file\":\"sn2.qcow2\"}",
         "could not find image 'json:{\"file\":\"sn2.qcow2\"}' in chain for 'vda'"},
        {"file:/srv/sn2.qcow2", "could not find image 'file:/srv/sn2.qcow2' in chain for 'vda'"},
    };
    g_autoptr(Chain) chain = chain_of_four();

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint position = 77;
        g_autoptr(GError) error = NULL;

        assert_false(chain_find(chain, "vda", cases[i].name, &position, &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT));
        assert_string_equal(error->message, cases[i].message);
        assert_int_equal(position, 77);
    }
}

static void
a_recorded_name_captures_no_index(void **state)
{
    g_autoptr(Chain) chain = chain_of_four();
    Layer *layer = chain_layer(chain, 2);
    guint position = 0;

    g_free(layer->backing_name);
    layer->backing_name = g_strdup("vda[5]");

    assert_true(chain_find(chain, "vda", "vda[5]", &position, NULL));
    assert_int_equal(position, 1);
}

static void
a_recorded_scheme_is_found_as_text(void **state)
{
    g_autoptr(Chain) chain = chain_new();
    Layer *top = layer_new(LAYER_FILE, "/srv/top", "qcow2", 1);
    guint position = 0;

    top->backing_name = g_strdup("json:{\"driver\":\"nbd\"}");
    assert_true(chain_append(chain, top, NULL));
    assert_true(chain_append(chain, layer_new(LAYER_NETWORK, "nbd://host/x", "raw", 2), NULL));

    assert_true(chain_find(chain, "vda", "json:{\"driver\":\"nbd\"}", &position, NULL));
    assert_int_equal(position, 1);
    position = 0;
    assert_true(chain_find(chain, "vda", "nbd://host/x", &position, NULL));
    assert_int_equal(position, 1);
    assert_false(chain_find(chain, "vda", "nbd://host/./x", &position, NULL));
}

static void
nothing_is_found_in_an_empty_chain(void **state)
{
    g_autoptr(Chain) chain = chain_new();
    guint position = 0;

    assert_null(chain_active(chain));
    assert_int_equal(chain_depth(chain), 0);
    assert_false(chain_find(chain, "vda", "vda[1]", &position, NULL));
    assert_false(chain_find(chain, "vda", "/srv/x", &position, NULL));
}

static void
an_index_has_one_form_only(void **state)
{
    g_autofree char *target = NULL;
    guint index = 0;

    assert_true(chain_parse_index("sda[4294967295]", &target, &index));
    assert_string_equal(target, "sda");
    assert_int_equal(index, G_MAXUINT);
    assert_false(chain_parse_index("sda", &target, &index));
    assert_false(chain_parse_index("sda[+1]", &target, &index));
    assert_false(chain_parse_index("sda[ 1]", &target, &index));
    assert_false(chain_parse_index("sda]", &target, &index));
}

static void
a_loop_is_refused(void **state)
{
    static const char *const paths[] = {"/srv/sn3.qcow2", "/srv/base.img", "/srv/./sn2.qcow2"};
    g_autoptr(Chain) chain = chain_of_four();

    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(GError) error = NULL;

        assert_false(chain_append(chain, layer_new(LAYER_FILE, paths[i], "raw", 9), &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_IMAGE_INVALID));
        assert_non_null(strstr(error->message, paths[i]));
        assert_int_equal(chain_depth(chain), 4);
    }
}

static void
two_hundred_layers_are_the_most(void **state)
{
    g_autoptr(Chain) chain = chain_new();
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < CHAIN_MAX_DEPTH; i++) {
        g_autofree char *path = g_strdup_printf("/srv/%u", i);
        assert_true(chain_append(chain, layer_new(LAYER_FILE, path, "qcow2", i + 1), NULL));
    }

    assert_false(chain_append(chain, layer_new(LAYER_FILE, "/srv/200", "raw", 201), &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_LIMIT));
    assert_int_equal(chain_depth(chain), CHAIN_MAX_DEPTH);
}

static void
a_recorded_name_is_resolved_as_qemu_does(void **state)
{
    static const struct {
        const char *overlay;
        const char *name;
        const char *path;
    } cases[] = {
        {"/srv/a/top", "base", "/srv/a/base"},
        {"/srv/a/top", "../base", "/srv/a/../base"},
        {"/srv/a/top", "/base", "/base"},
        {"/top", "base", "/base"},
        {"/srv/a/top", "nbd:host:10809", "nbd:host:10809"},
        {"/srv/a/top", "b:ase", "b:ase"},
        {"/srv/a/top", "./b:ase", "/srv/a/./b:ase"},
        {"/srv/a:b/top", "base", "/srv/a:b/base"},
        {"/srv/a/top", "json:{}", "json:{}"},
        {"ssh://host/a/top", "base", "ssh://host/a/base"},
        {"rbd:top", "base", "rbd:base"},
        {"rbd:top", "/base", "/base"},
        {"/srv/a/top", "", "/srv/a/"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Layer) overlay = layer_new(LAYER_FILE, cases[i].overlay, "qcow2", 1);
        g_autofree char *path = chain_resolve_backing_path(overlay, cases[i].name);

        assert_string_equal(path, cases[i].path);
    }
}

static void
relative_names_are_joined_over_dropped_layers(void **state)
{
    g_autoptr(Chain) chain = chain_of_four();
    g_autofree char *across = chain_relative_name(chain, 1, 3);
    g_autofree char *next = chain_relative_name(chain, 2, 3);
    g_autofree char *absolute = chain_relative_name(chain, 0, 3);

    assert_string_equal(across, "old/../base.img");
    assert_string_equal(next, "../base.img");
    assert_null(absolute);
}

static void
merging_drops_only_what_is_between(void **state)
{
    g_autoptr(Chain) chain = chain_of_four();
    guint depth = chain_depth(chain);

    for (guint position = 0; position < depth; position++) {
        for (guint base = position + 1; base <= depth; base++) {
            gboolean has_base = base < depth;
            g_autoptr(Chain)
                merged = chain_without_between(chain, position, has_base ? base : G_MAXUINT);

            assert_int_equal(chain_depth(merged), position + 1 + depth - base);
            for (guint i = 0; i <= position; i++) {
                assert_string_equal(chain_layer(merged, i)->path, chain_layer(chain, i)->path);
                assert_ptr_not_equal(chain_layer(merged, i), chain_layer(chain, i));
            }
            for (guint i = base; i < depth; i++) {
                const Layer *kept = chain_layer(merged, position + 1 + i - base);
                assert_string_equal(kept->path, chain_layer(chain, i)->path);
                assert_int_equal(kept->index, chain_layer(chain, i)->index);
            }
        }
    }
    assert_int_equal(chain_depth(chain), 4);
}

static void
a_merged_layer_records_its_new_backing_file(void **state)
{
    g_autoptr(Chain) chain = chain_of_four();
    g_autoptr(Chain) to_base = chain_without_between(chain, 0, 3);
    g_autoptr(Chain) whole = chain_without_between(chain, 0, G_MAXUINT);
    g_autoptr(Chain) nothing_between = chain_without_between(chain, 1, 2);

    assert_string_equal(chain_active(to_base)->backing_name, "/srv/old/../base.img");
    assert_null(chain_active(whole)->backing_name);
    assert_string_equal(chain_layer(nothing_between, 1)->backing_name, "old/sn1.qcow2");
    assert_string_equal(chain_active(chain)->backing_name, "/srv/sn2.qcow2");
}

static void
a_new_active_layer_leaves_the_old_chain_alone(void **state)
{
    g_autoptr(Chain) chain = chain_of_four();
    g_autoptr(Chain)
        grown = chain_with_active(chain, layer_new(LAYER_BLOCK, "/dev/vg/sn4", "qcow2", 7));

    assert_int_equal(chain_depth(chain), 4);
    assert_int_equal(chain_depth(grown), 5);
    assert_string_equal(chain_active(grown)->path, "/dev/vg/sn4");
    assert_string_equal(chain_layer(grown, 4)->path, "/srv/old/../base.img");
}

static void
a_copy_holds_every_field(void **state)
{
    g_autoptr(Layer) layer = layer_new(LAYER_BLOCK, "/dev/sda", "raw", 3);
    layer->backing_name = g_strdup("b");
    layer->virtual_size = 1;
    layer->physical = 2;
    layer->allocated = 3;
    layer->data = 4;

    g_autoptr(Layer) copy = layer_copy(layer);

    assert_int_equal(copy->kind, LAYER_BLOCK);
    assert_string_equal(copy->path, "/dev/sda");
    assert_string_equal(copy->format, "raw");
    assert_string_equal(copy->backing_name, "b");
    assert_ptr_not_equal(copy->backing_name, layer->backing_name);
    assert_int_equal(copy->index, 3);
    assert_int_equal(copy->virtual_size, 1);
    assert_int_equal(copy->physical, 2);
    assert_int_equal(copy->allocated, 3);
    assert_int_equal(copy->data, 4);
    layer_free(NULL);
    chain_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_meaning_of_a_name_is_found),
        cmocka_unit_test(what_is_not_there_is_refused_in_libvirts_words),
        cmocka_unit_test(a_recorded_name_captures_no_index),
        cmocka_unit_test(a_recorded_scheme_is_found_as_text),
        cmocka_unit_test(nothing_is_found_in_an_empty_chain),
        cmocka_unit_test(an_index_has_one_form_only),
        cmocka_unit_test(a_loop_is_refused),
        cmocka_unit_test(two_hundred_layers_are_the_most),
        cmocka_unit_test(a_recorded_name_is_resolved_as_qemu_does),
        cmocka_unit_test(relative_names_are_joined_over_dropped_layers),
        cmocka_unit_test(merging_drops_only_what_is_between),
        cmocka_unit_test(a_merged_layer_records_its_new_backing_file),
        cmocka_unit_test(a_new_active_layer_leaves_the_old_chain_alone),
        cmocka_unit_test(a_copy_holds_every_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
