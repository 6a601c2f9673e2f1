/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text limits */

#include <glib.h>

/* Whether @text may be given to the parser; the error names the line. */
gboolean xml_text_check(const char *text, gsize max_size, GError **error);

/* Whether @value is valid UTF-8 of characters that XML can hold at all. */
gboolean xml_text_is_writable(const char *value);
