/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Command options */

#include "tools/option.h"

#include <string.h>

#include "api/virtblock.h"
#include "tools/i18n.h"

struct Arguments {
    GHashTable *values; /* option name (borrowed) -> GPtrArray of char *, owned */
};

static const Option *
find_option(const Option *options, const char *name, gsize length)
{
    for (const Option *option = options; option->name != NULL; option++) {
        if (strlen(option->name) == length && strncmp(option->name, name, length) == 0)
            return option;
    }

    return NULL;
}

/* The next option in the table's order that a bare word can stand for. */
static const Option *
find_open_option(const Arguments *arguments, const Option *options)
{
    for (const Option *option = options; option->name != NULL; option++) {
        if (option->kind == OPTION_LIST ||
            (option->kind != OPTION_FLAG && !arguments_has(arguments, option->name)))
            return option;
    }

    return NULL;
}

static gboolean
check_number(const Option *option, const char *value, GError **error)
{
    if (g_ascii_string_to_unsigned(value, 10, 0, G_MAXUINT64, NULL, NULL))
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                _("Numeric value '%s' for <%s> option is malformed or out of range"),
                value,
                option->name);
    return FALSE;
}

static gboolean
take_value(Arguments *arguments, const Option *option, const char *value, GError **error)
{
    GPtrArray *values = g_hash_table_lookup(arguments->values, option->name);

    if (values != NULL && option->kind != OPTION_LIST) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("option --%s already seen"),
                    option->name);
        return FALSE;
    }
    if (option->kind == OPTION_NUMBER && !check_number(option, value, error))
        return FALSE;

    if (values == NULL) {
        values = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(arguments->values, (gpointer)option->name, values);
    }
    g_ptr_array_add(values, g_strdup(value));
    return TRUE;
}

/* @word begins with "--"; a value may be the next of @words, which then moves on. */
static gboolean
take_option(Arguments *arguments,
            const char *command,
            const Option *options,
            const char *word,
            char ***words,
            GError **error)
{
    const char *name = word + 2;
    const char *equals = strchr(name, '=');
    gsize length = equals != NULL ? (gsize)(equals - name) : strlen(name);
    const Option *option = find_option(options, name, length);
    const char *value;

    if (option == NULL || (option->kind == OPTION_FLAG && equals != NULL)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("command '%s' doesn't support option %s"),
                    command,
                    word);
        return FALSE;
    }
    if (option->kind == OPTION_FLAG)
        return take_value(arguments, option, "", error);

    value = equals != NULL ? equals + 1 : **words;
    if (value == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("expected syntax: --%s <%s>"),
                    option->name,
                    option->kind == OPTION_NUMBER ? "number" : "string");
        return FALSE;
    }
    if (equals == NULL)
        (*words)++;

    return take_value(arguments, option, value, error);
}

static gboolean
take_word(Arguments *arguments, const Option *options, const char *word, GError **error)
{
    const Option *option = find_open_option(arguments, options);

    if (option != NULL)
        return take_value(arguments, option, word, error);

    g_set_error(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, _("unexpected data '%s'"), word);
    return FALSE;
}

static gboolean
check_required(const Arguments *arguments,
               const char *command,
               const Option *options,
               GError **error)
{
    for (const Option *option = options; option->name != NULL; option++) {
        if (!option->is_required || arguments_has(arguments, option->name))
            continue;

        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("command '%s' requires <%s> option"),
                    command,
                    option->name);
        return FALSE;
    }

    return TRUE;
}

Arguments *
arguments_parse(const char *command, const Option *options, char **words, GError **error)
{
    g_autoptr(Arguments) arguments = g_new0(Arguments, 1);
    gboolean has_options_ended = FALSE;

    arguments->values = g_hash_table_new_full(
        g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_ptr_array_unref);

    while (*words != NULL) {
        const char *word = *words++;
        gboolean is_option = !has_options_ended && g_str_has_prefix(word, "--");

        gboolean is_taken = TRUE;

        if (is_option && word[2] == '\0')
            has_options_ended = TRUE;
        else if (is_option)
            is_taken = take_option(arguments, command, options, word, &words, error);
        else
            is_taken = take_word(arguments, options, word, error);
        if (!is_taken)
            return NULL;
    }

    if (!check_required(arguments, command, options, error))
        return NULL;

    return g_steal_pointer(&arguments);
}

void
arguments_free(Arguments *arguments)
{
    if (arguments == NULL)
        return;

    g_hash_table_unref(arguments->values);
    g_free(arguments);
}

gboolean
arguments_has(const Arguments *arguments, const char *name)
{
    return g_hash_table_contains(arguments->values, name);
}

const char *
arguments_get(const Arguments *arguments, const char *name)
{
    GPtrArray *values = g_hash_table_lookup(arguments->values, name);

    return values != NULL ? g_ptr_array_index(values, 0) : NULL;
}

char **
arguments_get_list(const Arguments *arguments, const char *name)
{
    GPtrArray *values = g_hash_table_lookup(arguments->values, name);
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (values == NULL)
        return NULL;

    for (guint i = 0; i < values->len; i++)
        g_strv_builder_add(builder, g_ptr_array_index(values, i));
    return g_strv_builder_end(builder);
}

guint64
arguments_get_number(const Arguments *arguments, const char *name)
{
    const char *value = arguments_get(arguments, name);

    return value != NULL ? g_ascii_strtoull(value, NULL, 10) : 0;
}

char *
options_synopsis(const Option *options)
{
    GString *text = g_string_new(NULL);

    for (const Option *option = options; option->name != NULL; option++) {
        const char *gap = option == options ? "" : " ";

        if (option->is_required)
            g_string_append_printf(text, "%s<%s>", gap, option->name);
        else if (option->kind == OPTION_FLAG)
            g_string_append_printf(text, "%s[--%s]", gap, option->name);
        else if (option->kind == OPTION_LIST)
            g_string_append_printf(text, "%s[[--%s] <string>]...", gap, option->name);
        else
            g_string_append_printf(text,
                                   "%s[--%s <%s>]",
                                   gap,
                                   option->name,
                                   option->kind == OPTION_NUMBER ? "number" : "string");
    }

    return g_string_free(text, FALSE);
}
