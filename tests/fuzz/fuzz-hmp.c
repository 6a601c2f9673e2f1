/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HMP line fuzzer */

/*
 * A line is taken apart as the human monitor does it, then read as the arguments of each kind of
 * command. There are arguments, all of the types that they were asked for, or a complaint. No
 * command is run: it would open what files it is told.
 */

#include <stddef.h>
#include <stdint.h>

#include "qemu-shim/monitor/hmp-words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const HmpArgument tables[][HMP_MAX_ARGUMENTS] = {
    {{.name = NULL}},
    {{.name = "device", .type = HMP_DEVICE}, {.name = "size", .type = HMP_SIZE}},
    {{.type = HMP_FLAG, .letter = 'a'},
     {.name = "device", .type = HMP_DEVICE},
     {.name = "size", .type = HMP_SIZE, .is_optional = TRUE, .is_skippable = TRUE},
     {.name = "string", .type = HMP_STRING, .is_optional = TRUE}},
    {{.name = "mode", .type = HMP_FLAG, .letter = 'n', .flag_value = "existing"},
     {.name = "force", .type = HMP_FLAG, .letter = 'f'},
     {.name = "device", .type = HMP_DEVICE},
     {.name = "file", .type = HMP_FILE, .is_optional = TRUE}},
};

static void
check_arguments(GVariant *arguments)
{
    gboolean is_forced;
    const char *mode;
    gint64 size;

    g_assert(g_variant_is_of_type(arguments, G_VARIANT_TYPE_VARDICT));
    if (g_variant_lookup(arguments, "size", "x", &size))
        g_assert(size >= 0);
    if (g_variant_lookup(arguments, "mode", "&s", &mode))
        g_assert(g_str_equal(mode, "existing"));
    if (g_variant_lookup(arguments, "force", "b", &is_forced))
        g_assert(is_forced);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *line = g_strndup((const char *)data, size);
    g_auto(GStrv) words = NULL;

    /* The session lets nothing else through. */
    if (!g_utf8_validate(line, -1, NULL) || !g_shell_parse_argv(line, NULL, &words, NULL))
        return 0;

    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        g_autoptr(GString) out = g_string_new(NULL);
        g_autoptr(GVariant) arguments = hmp_words_parse(words[0], tables[i], words + 1, out);

        g_assert((arguments == NULL) == (out->len > 0));
        if (arguments != NULL)
            check_arguments(g_variant_ref_sink(arguments));
    }

    return 0;
}
