/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HMP arguments */

#include <glib.h>

typedef enum {
    HMP_DEVICE,
    HMP_FILE,
    HMP_STRING,
    HMP_SIZE, /* in MiB unless it has a suffix */
    HMP_FLAG, /* "-f": true, or the word of `flag_value` */
} HmpArgumentType;

typedef struct {
    const char *name; /* in the result: that of the QMP argument; NULL: accepted, no effect */
    HmpArgumentType type;
    gboolean is_optional;
    gboolean is_skippable; /* a word of another type belongs to the next argument */
    char letter;           /* of a flag */
    const char *flag_value;
} HmpArgument;

#define HMP_MAX_ARGUMENTS 4

/*
 * The words after the command by @arguments, as an a{sv}, floating. NULL where they do not fit: why
 * is appended to @out in QEMU's words, where @name calls the command.
 */
GVariant *hmp_words_parse(const char *name,
                          const HmpArgument arguments[HMP_MAX_ARGUMENTS],
                          char **words,
                          GString *out);
