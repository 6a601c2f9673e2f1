/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Command options */

#include <glib.h>

/*
 * Options as virsh has them: every option that takes a value may also be given by its place alone,
 * in the order of the table; "--name value" and "--name=value" are the same; "--" ends options.
 */
typedef enum {
    OPTION_FLAG,
    OPTION_STRING,
    OPTION_NUMBER, /* unsigned, decimal */
    OPTION_LIST,   /* takes all words that are left; may be given again */
} OptionKind;

typedef struct {
    const char *name;
    OptionKind kind;
    gboolean is_required;
    const char *help; /* untranslated */
} Option;

/* What was given for a table of options, which ends with an option without a name. */
typedef struct Arguments Arguments;

Arguments *
arguments_parse(const char *command, const Option *options, char **words, GError **error);
void arguments_free(Arguments *arguments);

gboolean arguments_has(const Arguments *arguments, const char *name);
const char *arguments_get(const Arguments *arguments, const char *name);    /* NULL: not given */
char **arguments_get_list(const Arguments *arguments, const char *name);    /* NULL: not given */
guint64 arguments_get_number(const Arguments *arguments, const char *name); /* 0: not given */

/* "<domain> <path> [--base <string>] [--wait]" */
char *options_synopsis(const Option *options);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Arguments, arguments_free)
