/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Journal tables */

#include <glib.h>

struct sqlite3;

/*
 * Opens the journal at @path, or makes it. One that is damaged is set aside as PATH.damaged-N, with
 * a warning, and a new one begins: its numbers start above all that the old one can have given, so
 * that no event's or job's number comes twice. One of a later version is refused.
 */
struct sqlite3 *journal_schema_open(const char *path, GError **error);

/* An error that names @path, with the code that fits SQLite's. */
void journal_schema_set_error(GError **error, struct sqlite3 *database, const char *path);
