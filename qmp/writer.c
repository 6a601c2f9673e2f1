/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON writer */

#include "qmp/writer.h"

#include <math.h>
#include <string.h>

#define INDENT 4

typedef struct {
    GString *text;
    QmpStyle style;
    guint depth;
} Writer;

static void write_value(Writer *writer, GVariant *value);

static gboolean
is_plain(const Writer *writer, char byte)
{
    if ((guchar)byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)
        return FALSE;
    return (guchar)byte < 0x80 || writer->style == QMP_STYLE_SHORT;
}

static void
write_escaped(Writer *writer, gunichar character)
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = character < 0x80 ? strchr(special, (int)character) : NULL;

    if (found != NULL)
        g_string_append_printf(writer->text, "\\%c", letters[found - special]);
    else if (character <= 0xffff)
        g_string_append_printf(writer->text, "\\u%04X", character);
    else
        g_string_append_printf(writer->text,
                               "\\u%04X\\u%04X",
                               0xd800 + ((character - 0x10000) >> 10),
                               0xdc00 + ((character - 0x10000) & 0x3ff));
}

static void
write_string(Writer *writer, const char *string)
{
    g_string_append_c(writer->text, '"');
    while (*string != '\0') {
        const char *begin = string;

        while (*string != '\0' && is_plain(writer, *string))
            string++;
        g_string_append_len(writer->text, begin, string - begin);
        if (*string != '\0') {
            write_escaped(writer, g_utf8_get_char(string));
            string = g_utf8_next_char(string);
        }
    }
    g_string_append_c(writer->text, '"');
}

static void
write_double(Writer *writer, double real)
{
    char digits[G_ASCII_DTOSTR_BUF_SIZE];

    /* JSON has no word for the others. */
    if (!isfinite(real)) {
        g_string_append(writer->text, "null");
        return;
    }

    g_ascii_dtostr(digits, sizeof(digits), real);
    g_string_append(writer->text, digits);
    /* So that it comes back as a double; QEMU does not see to that. */
    if (writer->style != QMP_STYLE_WIRE && strpbrk(digits, ".e") == NULL)
        g_string_append(writer->text, ".0");
}

static void
break_line(Writer *writer)
{
    if (writer->style == QMP_STYLE_PRETTY)
        g_string_append_printf(writer->text, "\n%*s", (int)(writer->depth * INDENT), "");
}

static void
write_member(Writer *writer, GVariant *entry)
{
    g_autoptr(GVariant) name = g_variant_get_child_value(entry, 0);
    g_autoptr(GVariant) value = g_variant_get_child_value(entry, 1);

    write_string(writer, g_variant_get_string(name, NULL));
    g_string_append(writer->text, writer->style == QMP_STYLE_SHORT ? ":" : ": ");
    write_value(writer, value);
}

static void
write_children(Writer *writer, GVariant *value)
{
    gboolean is_object = g_variant_is_of_type(value, G_VARIANT_TYPE("a{s*}"));
    gsize count = g_variant_n_children(value);

    g_string_append_c(writer->text, is_object ? '{' : '[');
    writer->depth++;
    for (gsize i = 0; i < count; i++) {
        g_autoptr(GVariant) child = g_variant_get_child_value(value, i);

        if (i > 0)
            g_string_append(writer->text, writer->style == QMP_STYLE_WIRE ? ", " : ",");
        break_line(writer);
        if (is_object)
            write_member(writer, child);
        else
            write_value(writer, child);
    }
    writer->depth--;
    if (count > 0)
        break_line(writer);
    g_string_append_c(writer->text, is_object ? '}' : ']');
}

static void
write_boxed(Writer *writer, GVariant *value)
{
    g_autoptr(GVariant) inner = NULL;

    if (g_variant_n_children(value) == 0) {
        g_string_append(writer->text, "null");
        return;
    }

    inner = g_variant_get_child_value(value, 0);
    write_value(writer, inner);
}

static gint64
get_integer(GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BYTE))
        return g_variant_get_byte(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT16))
        return g_variant_get_int16(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT16))
        return g_variant_get_uint16(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_INT32))
        return g_variant_get_int32(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT32))
        return g_variant_get_uint32(value);
    /* Peers read int64; what does not fit is as good as unlimited. */
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_UINT64))
        return (gint64)MIN(g_variant_get_uint64(value), (guint64)G_MAXINT64);
    return g_variant_get_int64(value);
}

static void
write_value(Writer *writer, GVariant *value)
{
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_BOOLEAN:
        g_string_append(writer->text, g_variant_get_boolean(value) ? "true" : "false");
        break;
    case G_VARIANT_CLASS_BYTE:
    case G_VARIANT_CLASS_INT16:
    case G_VARIANT_CLASS_UINT16:
    case G_VARIANT_CLASS_INT32:
    case G_VARIANT_CLASS_UINT32:
    case G_VARIANT_CLASS_INT64:
    case G_VARIANT_CLASS_UINT64:
        g_string_append_printf(writer->text, "%" G_GINT64_FORMAT, get_integer(value));
        break;
    case G_VARIANT_CLASS_DOUBLE:
        write_double(writer, g_variant_get_double(value));
        break;
    case G_VARIANT_CLASS_STRING:
        write_string(writer, g_variant_get_string(value, NULL));
        break;
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
        write_boxed(writer, value);
        break;
    case G_VARIANT_CLASS_ARRAY:
        write_children(writer, value);
        break;
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
        g_assert_not_reached();
    }
}

void
qmp_writer_append(GString *text, GVariant *value, QmpStyle style)
{
    Writer writer = {text, style, 0};

    write_value(&writer, value);
}
