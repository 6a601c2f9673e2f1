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
object_path_of_domain(const char *uuid)
{
    char *path = g_strconcat(OBJECT_PATH_ROOT "/domains/", uuid, NULL);

    return g_strdelimit(path, "-", '_');
}

char *
object_path_of_disk(const char *uuid, const char *target)
{
    g_autofree char *domain = object_path_of_domain(uuid);
    g_autofree char *escaped = escape(target);

    return g_strconcat(domain, "/disks/", escaped, NULL);
}

char *
object_path_of_snapshot(const char *uuid, const char *name)
{
    g_autofree char *domain = object_path_of_domain(uuid);
    g_autofree char *escaped = escape(name);

    return g_strconcat(domain, "/snapshots/", escaped, NULL);
}

char *
object_path_of_job(const char *id)
{
    g_autofree char *escaped = escape(id);

    return g_strconcat(OBJECT_PATH_ROOT "/jobs/", escaped, NULL);
}
