/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* QMP commands */

#include "qemu-shim/monitor/shim.h"

typedef enum {
    ARGUMENT_STRING,
    ARGUMENT_WORD, /* a string that is one of those listed */
    ARGUMENT_INTEGER,
    ARGUMENT_BOOLEAN,
    ARGUMENT_ARRAY,
    ARGUMENT_ANY,
} ArgumentType;

typedef struct {
    const char *name;
    ArgumentType type;
    gboolean is_required;
    const char *const *words; /* of ARGUMENT_WORD, ends with NULL */
} Argument;

/* Arguments are checked against the table before a handler sees them. NULL with @error, or the
 * value to return, floating or owned, NULL standing for an empty object. */
typedef GVariant *(*CommandHandler)(Shim *shim, GVariant *arguments, GError **error);

typedef struct {
    const char *name;
    const Argument *arguments; /* ends with ARGUMENT_END; NULL: whatever the handler takes */
    CommandHandler handler;
} QmpCommand;

/* Tables, each ending with a command without a name. */
extern const QmpCommand block_qmp_commands[];
extern const QmpCommand job_qmp_commands[];
extern const QmpCommand object_qmp_commands[];
extern const QmpCommand system_qmp_commands[];

/* By its name, or the one it had in 2011 with underscores. */
gboolean command_is_known(const char *name);
GVariant *command_execute(Shim *shim, const char *name, GVariant *arguments, GError **error);
/* Of char *, owned. */
GPtrArray *command_list_names(void);

#define ARGUMENT_END                    \
    {                                   \
        NULL, ARGUMENT_ANY, FALSE, NULL \
    }
