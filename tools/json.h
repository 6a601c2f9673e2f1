/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON output */

#include <glib.h>

/* Prints @value (a floating reference is taken) on one line, or indented for people. */
void json_print(GVariant *value, gboolean is_pretty);
