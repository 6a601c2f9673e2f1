/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Object paths */

#include "daemon/object-path.h"

static char *
escape(const char *name)
{
    GString *escaped = g_string_new(NULL);

    for (const char *byte = name; *byte != '\0'; byte++) {
        if (g_ascii_isalnum(*byte))
            g_string_append_c(escaped, *byte);
        else
            g_string_append_printf(escaped, "_%02x", (guint)(guchar)*byte);
    }

    return g_string_free(escaped, FALSE);
}

char *
object_path_domain(const char *uuid)
{
    g_autofree char *name = g_strdelimit(g_strdup(uuid), "-", '_');

    return g_strdup_printf("%s/domains/%s", ROOT_PATH, name);
}

char *
object_path_disk(const char *uuid, const char *target)
{
    g_autofree char *domain = object_path_domain(uuid);
    g_autofree char *name = escape(target);

    return g_strdup_printf("%s/disks/%s", domain, name);
}

char *
object_path_snapshot(const char *uuid, const char *name)
{
    g_autofree char *domain = object_path_domain(uuid);
    g_autofree char *escaped = escape(name);

    return g_strdup_printf("%s/snapshots/%s", domain, escaped);
}

char *
object_path_job(const char *id)
{
    g_autofree char *name = escape(id);

    return g_strdup_printf("%s/jobs/%s", ROOT_PATH, name);
}
