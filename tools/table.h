/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text tables */

#include <glib.h>

/* Columns as wide as their widest cell, with a rule below the titles, as virsh draws them. */
typedef struct Table Table;

/* Titles and cells are lists that end with NULL, as many in each row. */
Table *table_new(const char *title, ...) G_GNUC_NULL_TERMINATED;
void table_add(Table *table, const char *cell, ...) G_GNUC_NULL_TERMINATED;
/* Without titles where @is_quiet, as virsh -q. */
void table_print(Table *table, gboolean is_quiet);
void table_free(Table *table);

/* "256.000 MiB" */
char *format_size(guint64 bytes);

/* @text without what a terminal could take for a command. */
char *escape_text(const char *text);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Table, table_free)
