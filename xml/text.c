/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text limits */

/*
 * A scan of the raw text, linear in its size, before libxml2 builds anything from it. libxml2
 * compares each attribute of an element with all the others (40,000 of them take 11 s), builds
 * what it reads before a caller can look at it, and knows entities, which can grow without end. So
 * size, encoding, DOCTYPE, depth and number of attributes are judged here.
 *
 * The scan does not decide whether the text is well formed. Up to the first fault it sees the same
 * tags as the parser, and at the first fault the parser gives up; where the scan finds no end of a
 * comment or tag, it leaves the rest to the parser's message.
 */

#include "xml/text.h"

#include <string.h>

#include "xml/domain-xml.h"
#include "xml/fault.h"

typedef struct {
    const char *text;
    guint depth;
} Scan;

static guint
line_of(const char *text, const char *at)
{
    guint line = 1;

    for (const char *p = text; p < at; p++)
        line += *p == '\n';

    return line;
}

/* The start after @end in @from, or the end of the text: then the parser names the fault. */
static const char *
skip_past(const char *from, const char *end)
{
    const char *found = strstr(from, end);

    return found != NULL ? found + strlen(end) : from + strlen(from);
}

/* libxml2 is told to ignore the declared encoding: better refuse than misread the text. */
static gboolean
check_declaration(const char *text, GError **error)
{
    g_autofree char *declaration = g_strndup(text, (gsize)(skip_past(text, "?>") - text));
    g_autofree char *encoding = NULL;
    const char *value = strstr(declaration, "encoding");
    gsize length;

    if (value == NULL)
        return TRUE;
    value += strlen("encoding");
    value += strspn(value, " \t\r\n=\"'");
    length = strcspn(value, " \t\r\n\"'?");
    encoding = g_strndup(value, length);
    if (g_ascii_strcasecmp(encoding, "UTF-8") != 0 && g_ascii_strcasecmp(encoding, "US-ASCII") != 0)
        return xml_refuse(error, 1, "encoding '%s' is refused, only UTF-8 is read", encoding);

    return TRUE;
}

/* @at stands on the '<' of a start tag. */
static gboolean
scan_start_tag(Scan *scan, const char **at, GError **error)
{
    const char *start = *at;
    const char *p = start + 1;
    guint n_attributes = 0;
    char quote = '\0';

    for (; *p != '\0' && (quote != '\0' || *p != '>'); p++) {
        if (quote != '\0')
            quote = *p == quote ? '\0' : quote;
        else if (*p == '"' || *p == '\'')
            quote = *p;
        else if (*p == '=' && ++n_attributes > XML_MAX_ATTRIBUTES)
            return xml_refuse(error,
                              line_of(scan->text, p),
                              "an element has more than '%d' attributes",
                              XML_MAX_ATTRIBUTES);
    }
    *at = *p == '\0' ? p : p + 1;

    if (*p == '>' && p[-1] == '/')
        return TRUE;
    if (++scan->depth > XML_MAX_DEPTH)
        return xml_refuse(error,
                          line_of(scan->text, start),
                          "elements are nested deeper than '%d' levels",
                          XML_MAX_DEPTH);

    return TRUE;
}

/* @at stands on a '<', and is moved behind what it begins. */
static gboolean
scan_markup(Scan *scan, const char **at, GError **error)
{
    const char *p = *at;

    if (g_str_has_prefix(p, "<!--")) {
        *at = skip_past(p + 4, "-->");
    } else if (g_str_has_prefix(p, "<![CDATA[")) {
        *at = skip_past(p, "]]>");
    } else if (p[1] == '?') {
        *at = skip_past(p, "?>");
    } else if (p[1] == '!') {
        return xml_refuse(error, line_of(scan->text, p), "a document type declaration is refused");
    } else if (p[1] == '/') {
        scan->depth -= scan->depth > 0;
        *at = skip_past(p, ">");
    } else {
        return scan_start_tag(scan, at, error);
    }

    return TRUE;
}

gboolean
xml_text_check(const char *text, gsize max_size, GError **error)
{
    Scan scan = {.text = text};
    gsize length = strnlen(text, max_size + 1);
    const char *invalid;
    const char *at = text;

    if (length == 0)
        return xml_refuse(error, 1, "the document is empty");
    if (length > max_size)
        return xml_refuse(
            error, 1, "the document has more than '%" G_GSIZE_FORMAT "' bytes", max_size);
    if (!g_utf8_validate(text, (gssize)length, &invalid))
        return xml_refuse(error, line_of(text, invalid), "the text is not valid UTF-8");
    if (g_str_has_prefix(text, "<?xml") && !check_declaration(text, error))
        return FALSE;

    while ((at = strchr(at, '<')) != NULL) {
        if (!scan_markup(&scan, &at, error))
            return FALSE;
    }

    return TRUE;
}

gboolean
xml_text_is_writable(const char *value)
{
    if (!g_utf8_validate(value, -1, NULL))
        return FALSE;

    for (const char *p = value; *p != '\0'; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0xfffe || c == 0xffff)
            return FALSE;
    }

    return TRUE;
}
