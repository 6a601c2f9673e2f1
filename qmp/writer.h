/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON writer */

#include <glib.h>

/*
 * Appends @value, of the types that qmp/value.h tells, to @text: in one line, or (@is_pretty) with
 * one member in each. json-glib's own generator is not used because 1.6 writes 1e22 as "1e+22.0",
 * which no parser takes.
 */
void qmp_writer_append(GString *text, GVariant *value, gboolean is_pretty);
