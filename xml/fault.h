/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Refusals */

#include <glib.h>

/*
 * Messages quote names out of the text, which may be long and hold anything that XML can: a line
 * end, a control character. One line of valid UTF-8 and of limited length is made of that.
 */
char *xml_one_line(const char *message);

/* Sets VBLK_ERROR_XML "line N: ..." and returns FALSE. */
gboolean xml_refuse(GError **error, guint line, const char *format, ...) G_GNUC_PRINTF(3, 4);
gboolean xml_refuse_valist(GError **error, guint line, const char *format, va_list arguments)
    G_GNUC_PRINTF(3, 0);
