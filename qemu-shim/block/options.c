/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Typed options */

#include "qemu-shim/block/options.h"

#include <string.h>

#include "api/vblk-error.h"

struct BlockOptions {
    GHashTable *members; /* name -> GVariant, owned */
};

BlockOptions *
block_options_new(GVariant *options, GError **error)
{
    g_autoptr(BlockOptions) self = g_new0(BlockOptions, 1);
    g_autoptr(GHashTable) nested = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_dict_unref);
    GHashTableIter groups;
    GVariantIter iter;
    const char *name;
    GVariant *value;
    gpointer key, dict;

    self->members = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
    g_variant_iter_init(&iter, options);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        const char *dot = strchr(name, '.');
        g_autofree char *group = NULL;

        if (dot == NULL) {
            g_hash_table_insert(self->members, g_strdup(name), value);
            continue;
        }

        group = g_strndup(name, (gsize)(dot - name));
        dict = g_hash_table_lookup(nested, group);
        if (dict == NULL) {
            dict = g_variant_dict_new(NULL);
            g_hash_table_insert(nested, g_steal_pointer(&group), dict);
        }
        g_variant_dict_insert_value(dict, dot + 1, value);
        g_variant_unref(value);
    }

    g_hash_table_iter_init(&groups, nested);
    while (g_hash_table_iter_next(&groups, &key, &dict)) {
        if (g_hash_table_contains(self->members, key)) {
            g_set_error(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        "Parameter '%s' is given twice",
                        (const char *)key);
            return NULL;
        }
        g_hash_table_insert(
            self->members, g_strdup(key), g_variant_ref_sink(g_variant_dict_end(dict)));
    }

    return g_steal_pointer(&self);
}

void
block_options_free(BlockOptions *options)
{
    if (options == NULL)
        return;

    g_hash_table_unref(options->members);
    g_free(options);
}

gboolean
block_options_has(BlockOptions *options, const char *name)
{
    return g_hash_table_contains(options->members, name);
}

GVariant *
block_options_take(BlockOptions *options, const char *name)
{
    GVariant *value = g_hash_table_lookup(options->members, name);

    if (value != NULL) {
        g_variant_ref(value);
        g_hash_table_remove(options->members, name);
    }
    return value;
}

static gboolean
refuse_type(GError **error, const char *name, const char *expected)
{
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "Invalid parameter type for '%s', expected: %s",
                name,
                expected);
    return FALSE;
}

gboolean
block_options_take_string(BlockOptions *options, const char *name, char **ret, GError **error)
{
    g_autoptr(GVariant) value = block_options_take(options, name);

    if (value == NULL)
        return TRUE;
    if (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return refuse_type(error, name, "string");

    *ret = g_variant_dup_string(value, NULL);
    return TRUE;
}

gboolean
block_options_take_boolean(BlockOptions *options, const char *name, gboolean *ret, GError **error)
{
    g_autoptr(GVariant) value = block_options_take(options, name);
    const char *text;

    if (value == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN)) {
        *ret = g_variant_get_boolean(value);
        return TRUE;
    }

    text = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ? g_variant_get_string(value, NULL)
                                                              : "";
    if (!g_str_equal(text, "on") && !g_str_equal(text, "off"))
        return refuse_type(error, name, "boolean");
    *ret = g_str_equal(text, "on");
    return TRUE;
}

gboolean
block_options_take_size(BlockOptions *options, const char *name, guint64 *ret, GError **error)
{
    g_autoptr(GVariant) value = block_options_take(options, name);

    if (value == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT64) && g_variant_get_int64(value) >= 0) {
        *ret = (guint64)g_variant_get_int64(value);
        return TRUE;
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) &&
        g_ascii_string_to_unsigned(g_variant_get_string(value, NULL), 10, 0, G_MAXINT64, ret, NULL))
        return TRUE;

    return refuse_type(error, name, "integer");
}

gboolean
block_options_finish(BlockOptions *options, GError **error)
{
    GHashTableIter iter;
    gpointer name;

    g_hash_table_iter_init(&iter, options->members);
    if (!g_hash_table_iter_next(&iter, &name, NULL))
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "Parameter '%s' is unexpected",
                (const char *)name);
    return FALSE;
}
