/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HMP arguments */

#include "qemu-shim/monitor/hmp-words.h"

#include <string.h>

#define MEBI_SHIFT 20

/* "200", "200M", "1.5G". */
static gboolean
parse_size(const char *word, gint64 *ret)
{
    static const char suffixes[] = "bkmgtpe";
    char *end;
    double number = g_ascii_strtod(word, &end);
    const char *suffix = *end != '\0' ? strchr(suffixes, g_ascii_tolower(*end)) : NULL;
    guint shift = suffix != NULL ? (guint)(suffix - suffixes) * 10 : MEBI_SHIFT;

    /* No sign, no "inf", no hexadecimal floats. */
    if (strspn(word, "0123456789.") != (gsize)(end - word) || end == word)
        return FALSE;
    if (*end != '\0' && (suffix == NULL || end[1] != '\0'))
        return FALSE;

    number *= (double)(G_GUINT64_CONSTANT(1) << shift);
    if (number >= (double)G_MAXINT64)
        return FALSE;
    *ret = (gint64)number;
    return TRUE;
}

static const HmpArgument *
find_flag(const HmpArgument arguments[HMP_MAX_ARGUMENTS], const char *word)
{
    for (guint i = 0; i < HMP_MAX_ARGUMENTS; i++) {
        if (arguments[i].type == HMP_FLAG && word[1] == arguments[i].letter && word[2] == '\0')
            return &arguments[i];
    }

    return NULL;
}

static void
insert_flag(GVariantDict *dict, const HmpArgument *flag)
{
    if (flag->name == NULL)
        return;
    if (flag->flag_value != NULL)
        g_variant_dict_insert(dict, flag->name, "s", flag->flag_value);
    else
        g_variant_dict_insert(dict, flag->name, "b", TRUE);
}

static gboolean
take_flags(const char *name,
           const HmpArgument arguments[HMP_MAX_ARGUMENTS],
           char ***words,
           GVariantDict *dict,
           GString *out)
{
    for (; (*words)[0] != NULL && (*words)[0][0] == '-'; (*words)++) {
        const HmpArgument *flag = find_flag(arguments, (*words)[0]);

        if (flag == NULL) {
            g_string_append_printf(out, "%s: unsupported option %s\n", name, (*words)[0]);
            return FALSE;
        }
        insert_flag(dict, flag);
    }

    return TRUE;
}

static void
complain(GString *out, const char *name, HmpArgumentType type)
{
    switch (type) {
    case HMP_DEVICE:
        g_string_append_printf(out, "%s: block device name expected\n", name);
        break;
    case HMP_FILE:
        g_string_append_printf(out, "%s: filename expected\n", name);
        break;
    case HMP_STRING:
        g_string_append_printf(out, "%s: string expected\n", name);
        break;
    case HMP_SIZE:
        g_string_append(out, "invalid size\n");
        break;
    case HMP_FLAG:
        g_assert_not_reached();
    }
}

static gboolean
take_word(const char *name,
          const HmpArgument *argument,
          char ***words,
          GVariantDict *dict,
          GString *out)
{
    const char *word = (*words)[0];
    gint64 size;

    if (word == NULL && argument->is_optional)
        return TRUE;
    if (argument->type == HMP_SIZE && word != NULL && parse_size(word, &size)) {
        g_variant_dict_insert(dict, argument->name, "x", size);
        (*words)++;
        return TRUE;
    }
    if (argument->type == HMP_SIZE && word != NULL && argument->is_skippable)
        return TRUE;
    if (argument->type == HMP_SIZE || word == NULL) {
        complain(out, name, argument->type);
        return FALSE;
    }

    g_variant_dict_insert(dict, argument->name, "s", word);
    (*words)++;
    return TRUE;
}

GVariant *
hmp_words_parse(const char *name,
                const HmpArgument arguments[HMP_MAX_ARGUMENTS],
                char **words,
                GString *out)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
    gboolean has_flags = FALSE;

    for (guint i = 0; i < HMP_MAX_ARGUMENTS; i++)
        has_flags = has_flags || arguments[i].type == HMP_FLAG;
    if (has_flags && !take_flags(name, arguments, &words, &dict, out))
        return NULL;

    for (guint i = 0; i < HMP_MAX_ARGUMENTS; i++) {
        if (arguments[i].name != NULL && arguments[i].type != HMP_FLAG &&
            !take_word(name, &arguments[i], &words, &dict, out))
            return NULL;
    }
    if (words[0] != NULL) {
        g_string_append_printf(out, "%s: extraneous characters at the end of line\n", name);
        return NULL;
    }

    return g_variant_dict_end(&dict);
}
