/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Backing names */

#include "qemu-shim/block/backing.h"

#include <string.h>

#include "api/vblk-error.h"

gboolean
backing_has_scheme(const char *name)
{
    const char *colon = strchr(name, ':');
    const char *slash = strchr(name, '/');

    return colon != NULL && (slash == NULL || colon < slash);
}

char *
backing_resolve(const char *overlay, const char *name, GError **error)
{
    g_autofree char *folder = NULL;

    if (backing_has_scheme(name)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_INVALID,
                    "the backing file '%s' that '%s' names is no plain path: refused",
                    name,
                    overlay);
        return NULL;
    }
    if (g_path_is_absolute(name))
        return g_strdup(name);

    folder = g_path_get_dirname(overlay);
    return g_strcmp0(folder, ".") == 0 && strchr(overlay, '/') == NULL
               ? g_strdup(name)
               : g_build_filename(folder, name, NULL);
}
