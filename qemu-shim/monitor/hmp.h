/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Human monitor */

#include "qemu-shim/monitor/shim.h"

/* What the command @line prints, line ends as QEMU's. Errors are part of it. */
char *hmp_execute(Shim *shim, const char *line);

/* A session of a person, or of a program that plays one: banner, prompt, a command a line. */
void hmp_serve(Shim *shim, GInputStream *input, GOutputStream *output);
