/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text tables */

#include "tools/table.h"

#include <stdio.h>

#define GAP 3

struct Table {
    GPtrArray *rows; /* of GStrv, owned; the titles first */
    guint n_columns;
};

/* Cells between a first one and the NULL that ends them. */
static char **
collect_cells(const char *first, va_list list)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    for (const char *cell = first; cell != NULL; cell = va_arg(list, const char *)) {
        g_autofree char *escaped = escape_text(cell);

        g_strv_builder_add(builder, escaped);
    }

    return g_strv_builder_end(builder);
}

Table *
table_new(const char *title, ...)
{
    Table *table = g_new0(Table, 1);
    char **titles;
    va_list list;

    va_start(list, title);
    titles = collect_cells(title, list);
    va_end(list);

    table->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    table->n_columns = g_strv_length(titles);
    g_ptr_array_add(table->rows, titles);
    return table;
}

void
table_add(Table *table, const char *cell, ...)
{
    char **cells;
    va_list list;

    va_start(list, cell);
    cells = collect_cells(cell, list);
    va_end(list);

    g_assert(g_strv_length(cells) == table->n_columns);
    g_ptr_array_add(table->rows, cells);
}

static void
print_row(char **cells, const glong *widths, guint n_columns)
{
    for (guint i = 0; i < n_columns; i++) {
        gboolean is_last = i + 1 == n_columns;
        glong padding = is_last ? 0 : widths[i] - g_utf8_strlen(cells[i], -1) + GAP;

        printf("%s%s%*s", i == 0 ? " " : "", cells[i], (int)padding, "");
    }
    putchar('\n');
}

void
table_print(Table *table, gboolean is_quiet)
{
    guint first = is_quiet ? 1 : 0;
    g_autofree glong *widths = g_new0(glong, table->n_columns);
    g_autofree char *rule = NULL;
    glong total = 1;

    for (guint row = first; row < table->rows->len; row++) {
        char **cells = g_ptr_array_index(table->rows, row);

        for (guint i = 0; i < table->n_columns; i++)
            widths[i] = MAX(widths[i], g_utf8_strlen(cells[i], -1));
    }
    for (guint i = 0; i < table->n_columns; i++)
        total += widths[i] + GAP;

    if (!is_quiet) {
        print_row(g_ptr_array_index(table->rows, 0), widths, table->n_columns);
        rule = g_strnfill((gsize)(total - 1), '-');
        puts(rule);
    }
    for (guint row = 1; row < table->rows->len; row++)
        print_row(g_ptr_array_index(table->rows, row), widths, table->n_columns);
}

void
table_free(Table *table)
{
    if (table == NULL)
        return;

    g_ptr_array_unref(table->rows);
    g_free(table);
}

char *
format_size(guint64 bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    guint unit = 0;

    while (value >= 1024 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }

    return g_strdup_printf("%.3f %s", value, units[unit]);
}

/* Control characters, and the marks that turn the direction of text, from names in images. */
static gboolean
is_harmless(gunichar character)
{
    return !g_unichar_iscntrl(character) && !(character >= 0x202a && character <= 0x202e) &&
           !(character >= 0x2066 && character <= 0x2069);
}

char *
escape_text(const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    GString *escaped = g_string_new(NULL);

    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);

        if (is_harmless(character))
            g_string_append_unichar(escaped, character);
        else
            g_string_append_printf(escaped, "\\u%04x", character);
    }

    return g_string_free(escaped, FALSE);
}
