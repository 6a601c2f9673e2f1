/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Node options */

#include "qemu-shim/block/options.h"

#include <string.h>

#include "api/vblk-error.h"

/* Nesting comes from outside; a chain given inline may be as deep as JSON may be. */
#define MAX_NESTING 256

struct BlockOptions {
    char *prefix;         /* "file." for messages; "" at the top */
    gboolean is_list;     /* the keys are "0", "1" ... */
    GHashTable *values;   /* of char * to GVariant */
    GHashTable *children; /* of char * to BlockOptions */
};

static gboolean fill(BlockOptions *options, GVariant *values, guint nesting, GError **error);

static BlockOptions *
new_empty(const char *prefix)
{
    BlockOptions *options = g_new0(BlockOptions, 1);

    options->prefix = g_strdup(prefix);
    options->values = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)g_variant_unref);
    options->children = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)block_options_free);
    return options;
}

void
block_options_free(BlockOptions *options)
{
    if (options == NULL)
        return;

    g_hash_table_unref(options->values);
    g_hash_table_unref(options->children);
    g_free(options->prefix);
    g_free(options);
}

/* What messages call a key: "file.driver", "inject-error[0].event", "children[1]". */
static char *
name_key(BlockOptions *options, const char *key)
{
    if (!options->is_list)
        return g_strconcat(options->prefix, key, NULL);
    return g_strdup_printf("%.*s[%s]", (int)strlen(options->prefix) - 1, options->prefix, key);
}

static gboolean
set_error_at(BlockOptions *options, const char *key, const char *complaint, GError **error)
{
    g_autofree char *name = name_key(options, key);

    g_set_error(
        error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "Parameter '%s' %s", name, complaint);
    return FALSE;
}

static gboolean
set_type_error(BlockOptions *options, const char *key, const char *expected, GError **error)
{
    g_autofree char *name = name_key(options, key);

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "Invalid parameter type for '%s', expected: %s",
                name,
                expected);
    return FALSE;
}

void
block_options_set_missing(BlockOptions *options, const char *key, GError **error)
{
    set_error_at(options, key, "is missing", error);
}

static BlockOptions *
ensure_child(BlockOptions *options, const char *key)
{
    BlockOptions *child = g_hash_table_lookup(options->children, key);
    g_autofree char *name = NULL;
    g_autofree char *prefix = NULL;

    if (child != NULL)
        return child;

    name = name_key(options, key);
    prefix = g_strconcat(name, ".", NULL);
    child = new_empty(prefix);
    g_hash_table_insert(options->children, g_strdup(key), child);
    return child;
}

static gboolean
add(BlockOptions *options, const char *key, GVariant *value, guint nesting, GError **error);

static gboolean
add_list(BlockOptions *options, const char *key, GVariant *list, guint nesting, GError **error)
{
    BlockOptions *child = ensure_child(options, key);

    if (g_hash_table_size(child->values) + g_hash_table_size(child->children) > 0)
        return set_error_at(options, key, "is given twice", error);

    child->is_list = TRUE;
    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(list, i);
        g_autoptr(GVariant) element = g_variant_get_variant(boxed);
        g_autofree char *number = g_strdup_printf("%" G_GSIZE_FORMAT, i);

        if (!add(child, number, element, nesting + 1, error))
            return FALSE;
    }

    return TRUE;
}

static gboolean
add(BlockOptions *options, const char *key, GVariant *value, guint nesting, GError **error)
{
    const char *dot = strchr(key, '.');

    if (nesting > MAX_NESTING) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "options are nested more than %d deep",
                    MAX_NESTING);
        return FALSE;
    }
    if (dot != NULL && dot != key) {
        g_autofree char *head = g_strndup(key, (gsize)(dot - key));

        if (g_hash_table_contains(options->values, head))
            return set_error_at(options, head, "is given twice", error);
        return add(ensure_child(options, head), dot + 1, value, nesting + 1, error);
    }
    if (g_hash_table_contains(options->values, key))
        return set_error_at(options, key, "is given twice", error);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT))
        return fill(ensure_child(options, key), value, nesting + 1, error);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE("av")))
        return add_list(options, key, value, nesting, error);
    if (g_hash_table_contains(options->children, key))
        return set_error_at(options, key, "is given twice", error);

    g_hash_table_insert(options->values, g_strdup(key), g_variant_ref(value));
    return TRUE;
}

static gboolean
fill(BlockOptions *options, GVariant *values, guint nesting, GError **error)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, values);
    while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) owned = value;

        if (!add(options, key, owned, nesting, error))
            return FALSE;
    }

    return TRUE;
}

BlockOptions *
block_options_new(GVariant *options, GError **error)
{
    g_autoptr(BlockOptions) result = new_empty("");

    g_assert(g_variant_is_of_type(options, G_VARIANT_TYPE_VARDICT));
    return fill(result, options, 0, error) ? g_steal_pointer(&result) : NULL;
}

/*
 * Steals the value of @key: NULL where there is none; FALSE where options stand in its place.
 */
static gboolean
steal(BlockOptions *options,
      const char *key,
      const char *expected,
      GVariant **ret_value,
      GError **error)
{
    g_autofree char *stolen_key = NULL;

    if (g_hash_table_contains(options->children, key))
        return set_type_error(options, key, expected, error);

    *ret_value = NULL;
    g_hash_table_steal_extended(
        options->values, key, (gpointer *)&stolen_key, (gpointer *)ret_value);
    return TRUE;
}

gboolean
block_options_take_string(BlockOptions *options, const char *key, char **ret_value, GError **error)
{
    g_autoptr(GVariant) value = NULL;

    if (!steal(options, key, "string", &value, error))
        return FALSE;
    if (value == NULL)
        return TRUE;
    if (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return set_type_error(options, key, "string", error);

    g_free(*ret_value);
    *ret_value = g_variant_dup_string(value, NULL);
    return TRUE;
}

gboolean
block_options_take_boolean(BlockOptions *options,
                           const char *key,
                           gboolean *ret_value,
                           GError **error)
{
    g_autoptr(GVariant) value = NULL;
    const char *word;

    if (!steal(options, key, "boolean", &value, error))
        return FALSE;
    if (value == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN)) {
        *ret_value = g_variant_get_boolean(value);
        return TRUE;
    }

    word = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ? g_variant_get_string(value, NULL)
                                                              : "";
    if (g_str_equal(word, "on") || g_str_equal(word, "off")) {
        *ret_value = g_str_equal(word, "on");
        return TRUE;
    }
    return set_type_error(options, key, "boolean", error);
}

/* "64k": digits, then at most one of the letters that stand for powers of 1024. */
static gboolean
parse_size(const char *text, guint64 *ret_value)
{
    static const char suffixes[] = "bkmgtpe";
    const char *digits_end = text + strspn(text, "0123456789");
    g_autofree char *digits = g_strndup(text, (gsize)(digits_end - text));
    const char *suffix = NULL;
    guint64 value;
    guint shift = 0;

    if (*digits_end != '\0') {
        suffix = strchr(suffixes, g_ascii_tolower(*digits_end));
        if (suffix == NULL || digits_end[1] != '\0')
            return FALSE;
        shift = 10 * (guint)(suffix - suffixes);
    }
    if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT64, &value, NULL))
        return FALSE;
    if (value > G_MAXUINT64 >> shift)
        return FALSE;

    *ret_value = value << shift;
    return TRUE;
}

gboolean
block_options_take_size(BlockOptions *options, const char *key, guint64 *ret_value, GError **error)
{
    g_autoptr(GVariant) value = NULL;

    if (!steal(options, key, "integer", &value, error))
        return FALSE;
    if (value == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64)) {
        *ret_value = g_variant_get_uint64(value);
        return TRUE;
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT64) && g_variant_get_int64(value) >= 0) {
        *ret_value = (guint64)g_variant_get_int64(value);
        return TRUE;
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) &&
        parse_size(g_variant_get_string(value, NULL), ret_value))
        return TRUE;
    return set_type_error(options, key, "integer", error);
}

gboolean
block_options_take_enum(BlockOptions *options,
                        const char *key,
                        const char *const *words,
                        guint *ret_index,
                        GError **error)
{
    g_autofree char *word = NULL;

    if (!block_options_take_string(options, key, &word, error))
        return FALSE;
    if (word == NULL)
        return TRUE;

    for (guint i = 0; words[i] != NULL; i++) {
        if (g_str_equal(words[i], word)) {
            *ret_index = i;
            return TRUE;
        }
    }

    /* QEMU 7.2 names no more than the last part, and an element of an array not at all. */
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "Parameter '%s' does not accept value '%s'",
                options->is_list ? "null" : key,
                word);
    return FALSE;
}

gboolean
block_options_take_node(BlockOptions *options,
                        const char *key,
                        char **ret_name,
                        BlockOptions **ret_options,
                        gboolean *ret_is_null,
                        GError **error)
{
    g_autoptr(GVariant) value = NULL;

    if (g_hash_table_contains(options->children, key))
        return block_options_take_object(options, key, ret_options, error);
    if (!steal(options, key, "object", &value, error))
        return FALSE;
    if (value == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)) {
        *ret_name = g_variant_dup_string(value, NULL);
        return TRUE;
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_MAYBE)) {
        *ret_is_null = TRUE;
        return TRUE;
    }
    return set_type_error(options, key, "object", error);
}

gboolean
block_options_take_integer(BlockOptions *options,
                           const char *key,
                           gint64 least,
                           gint64 most,
                           gint64 *ret_value,
                           GError **error)
{
    g_autoptr(GVariant) value = NULL;
    gint64 number;

    if (!steal(options, key, "integer", &value, error))
        return FALSE;
    if (value == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT64))
        number = g_variant_get_int64(value);
    else if (!g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ||
             !g_ascii_string_to_signed(
                 g_variant_get_string(value, NULL), 10, G_MININT64, G_MAXINT64, &number, NULL))
        return set_type_error(options, key, "integer", error);
    if (number < least || number > most) {
        g_autofree char *complaint = g_strdup_printf(
            "is %" G_GINT64_FORMAT ", which is not from %" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
            number,
            least,
            most);

        return set_error_at(options, key, complaint, error);
    }

    *ret_value = number;
    return TRUE;
}

/* Whether the keys are the numbers from 0, as in the dotted form of an array. */
static gboolean
has_numbers(BlockOptions *options, guint *ret_count)
{
    guint count = g_hash_table_size(options->values) + g_hash_table_size(options->children);

    for (guint i = 0; i < count; i++) {
        g_autofree char *number = g_strdup_printf("%u", i);

        if (!block_options_contain(options, number))
            return FALSE;
    }

    *ret_count = count;
    return TRUE;
}

gboolean
block_options_take_list(BlockOptions *options,
                        const char *key,
                        BlockOptions **ret_list,
                        guint *ret_count,
                        GError **error)
{
    BlockOptions *child = g_hash_table_lookup(options->children, key);
    g_autofree char *stolen_key = NULL;

    if (child == NULL)
        return !g_hash_table_contains(options->values, key) ||
               set_type_error(options, key, "array", error);
    if (!has_numbers(child, ret_count))
        return set_type_error(options, key, "array", error);

    return g_hash_table_steal_extended(
        options->children, key, (gpointer *)&stolen_key, (gpointer *)ret_list);
}

gboolean
block_options_take_object(BlockOptions *options,
                          const char *key,
                          BlockOptions **ret_options,
                          GError **error)
{
    BlockOptions *child = g_hash_table_lookup(options->children, key);
    g_autofree char *stolen_key = NULL;

    if (child == NULL)
        return !g_hash_table_contains(options->values, key) ||
               set_type_error(options, key, "object", error);
    if (child->is_list)
        return set_type_error(options, key, "object", error);

    return g_hash_table_steal_extended(
        options->children, key, (gpointer *)&stolen_key, (gpointer *)ret_options);
}

void
block_options_take_ignored(BlockOptions *options, const char *key)
{
    g_hash_table_remove(options->values, key);
    g_hash_table_remove(options->children, key);
}

gboolean
block_options_contain(BlockOptions *options, const char *key)
{
    return g_hash_table_contains(options->values, key) ||
           g_hash_table_contains(options->children, key);
}

static void
copy_values(BlockOptions *options, const char *prefix, GVariantDict *dict)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, options->values);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        g_autofree char *name = g_strconcat(prefix, key, NULL);

        g_variant_dict_insert_value(dict, name, value);
    }

    g_hash_table_iter_init(&iter, options->children);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        g_autofree char *below = g_strconcat(prefix, key, ".", NULL);

        copy_values(value, below, dict);
    }
}

GVariant *
block_options_copy(BlockOptions *options, const char *const *keys)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    for (guint i = 0; keys != NULL && keys[i] != NULL; i++) {
        GVariant *value = g_hash_table_lookup(options->values, keys[i]);
        BlockOptions *child = g_hash_table_lookup(options->children, keys[i]);
        g_autofree char *prefix = g_strconcat(keys[i], ".", NULL);

        if (value != NULL)
            g_variant_dict_insert_value(&dict, keys[i], value);
        if (child != NULL)
            copy_values(child, prefix, &dict);
    }

    return g_variant_dict_end(&dict);
}

/* Any of the keys left; the one that sorts first, so that the message is always the same. */
static const char *
find_left(GHashTable *table, const char *than)
{
    GHashTableIter iter;
    gpointer key;
    const char *first = than;

    g_hash_table_iter_init(&iter, table);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        if (first == NULL || strcmp(key, first) < 0)
            first = key;
    }

    return first;
}

gboolean
block_options_finish(BlockOptions *options, GError **error)
{
    const char *left = find_left(options->children, find_left(options->values, NULL));

    return left == NULL || set_error_at(options, left, "is unexpected", error);
}
