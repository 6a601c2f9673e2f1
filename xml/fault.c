/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Refusals */

#include "xml/fault.h"

#include "api/vblk-error.h"

#define MAX_MESSAGE 300 /* characters; enough for a path of usual length and what is wrong */

char *
xml_one_line(const char *message)
{
    g_autofree char *valid = g_utf8_make_valid(message, -1);
    GString *line = g_string_new(NULL);
    guint n_chars = 0;

    for (const char *p = g_strstrip(valid); *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (++n_chars > MAX_MESSAGE) {
            g_string_append(line, "...");
            break;
        }
        g_string_append_unichar(line, g_unichar_iscntrl(c) ? ' ' : c);
    }

    return g_string_free(line, FALSE);
}

gboolean
xml_refuse_valist(GError **error, guint line, const char *format, va_list arguments)
{
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    g_autofree char *shown = xml_one_line(message);

    g_set_error(error, VBLK_ERROR, VBLK_ERROR_XML, "line %u: %s", line, shown);

    return FALSE;
}

gboolean
xml_refuse(GError **error, guint line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)xml_refuse_valist(error, line, format, arguments); /* always FALSE */
    va_end(arguments);

    return FALSE;
}
