/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON output */

#include "tools/json.h"

#include <stdio.h>

#include <json-glib/json-glib.h>

void
json_print(GVariant *value, gboolean is_pretty)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(value);
    g_autoptr(JsonNode) node = json_gvariant_serialize(owned);
    g_autofree char *text = json_to_string(node, is_pretty);

    puts(text);
    fflush(stdout);
}
