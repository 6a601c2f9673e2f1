/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Human monitor */

#include "qemu-shim/monitor/hmp-words.h"
#include "qemu-shim/monitor/shim.h"

/* A command is words over a QMP command, so that a person and a program do the same thing; or a
 * function of its own, where it only shows something. */
typedef struct HmpCommand HmpCommand;

struct HmpCommand {
    const char *name; /* with its short form: "cont|c" */
    HmpArgument arguments[HMP_MAX_ARGUMENTS];
    const char *usage; /* its arguments, for help; NULL: none */
    const char *help;
    const char *qmp; /* NULL: run */
    void (*run)(Shim *shim, GVariant *arguments, GString *out);
};

/* What the command @line prints, line ends as QEMU's. Errors are part of it. */
char *hmp_execute(Shim *shim, const char *line);
