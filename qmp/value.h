/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON values */

#include <glib.h>

/*
 * Outside this folder JSON is GVariant: objects are a{sv}, arrays are av, numbers x (int64) or d,
 * and b, s as expected; null is mv without a value. Text is scanned against the limits of
 * qmp/scan.h and checked by qmp/tokens.h before a parser sees it.
 *
 * As in QEMU, an object with two members of one name is refused, and a string may stand in single
 * quotes. Unlike QEMU we refuse, rather than change: integers beyond int64, numbers beyond double,
 * U+0000, and a backslash in single quotes.
 */
GVariant *qmp_value_parse(const char *text, gsize length, GError **error);

/* In qmp/writer.h's short style, or the pretty one. No newline at the end. Also takes the integer
 * types y, n, q, i, u, t, and as, aa{sv}, a{ss}.
 */
char *qmp_value_format(GVariant *value);
char *qmp_value_format_pretty(GVariant *value);

/*
 * Members of an a{sv} from a peer: FALSE with an error that names the member and both types where
 * it is missing or of another type. Strings are borrowed from the object; variants are returned
 * with a reference.
 */
gboolean qmp_value_get_string(GVariant *object, const char *name, const char **ret, GError **error);
gboolean qmp_value_get_uint64(GVariant *object, const char *name, guint64 *ret, GError **error);
gboolean qmp_value_get_boolean(GVariant *object, const char *name, gboolean *ret, GError **error);
gboolean qmp_value_get_object(GVariant *object, const char *name, GVariant **ret, GError **error);
gboolean qmp_value_get_array(GVariant *object, const char *name, GVariant **ret, GError **error);
