/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Token check */

#include <glib.h>

/*
 * Checks that @text, which has passed qmp/scan.h, is made of JSON's tokens alone, so that the
 * parser behind us cannot see other strings, numbers or brackets in it than we do.
 */
gboolean qmp_tokens_check(const char *text, gsize length, GError **error);
