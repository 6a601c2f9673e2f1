/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Backing names */

#include "qemu-shim/block/backing.h"

#include <string.h>

#include "api/vblk-error.h"

/* As QEMU tells a scheme from a path: a colon before any slash. */
gboolean
backing_has_scheme(const char *name)
{
    return name[strcspn(name, ":/")] == ':';
}

static gboolean
has_control_characters(const char *name)
{
    for (const char *at = name; *at != '\0'; at++) {
        if (g_ascii_iscntrl(*at))
            return TRUE;
    }

    return FALSE;
}

static char *
refuse(const char *overlay, const char *name, const char *reason, GError **error)
{
    g_autofree char *printable = g_strescape(name, NULL);

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_IMAGE_INVALID,
                "the backing file name '%s' inside '%s' is refused: %s",
                printable,
                overlay,
                reason);
    return NULL;
}

char *
backing_resolve(const char *overlay, const char *name, GError **error)
{
    g_autofree char *folder = NULL;
    const char *slash = strrchr(overlay, '/');

    if (*name == '\0')
        return refuse(overlay, name, "it is empty", error);
    if (!g_utf8_validate(name, -1, NULL))
        return refuse(overlay, name, "it is not UTF-8", error);
    if (has_control_characters(name))
        return refuse(overlay, name, "it has control characters", error);
    if (backing_has_scheme(name))
        return refuse(overlay, name, "only plain paths are followed", error);
    if (*name == '/' || slash == NULL)
        return g_strdup(name);

    folder = g_strndup(overlay, (gsize)(slash - overlay) + 1);
    return g_strconcat(folder, name, NULL);
}

char *
backing_make_name(const char *overlay, const char *path)
{
    g_autofree char *folder = g_path_get_dirname(overlay);
    g_autofree char *path_folder = g_path_get_dirname(path);
    g_autofree char *base_name = g_path_get_basename(path);

    if (g_path_is_absolute(path))
        return g_strdup(path);
    if (!g_str_equal(folder, path_folder))
        return g_canonicalize_filename(path, NULL);
    return backing_has_scheme(base_name) ? g_strconcat("./", base_name, NULL)
                                         : g_steal_pointer(&base_name);
}

gboolean
backing_get_format(const char *overlay,
                   const char *name,
                   const char *recorded,
                   BlockFormat *ret_format,
                   GError **error)
{
    g_autofree char *printable = g_strescape(recorded != NULL ? recorded : name, NULL);

    if (recorded == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_INVALID,
                    "'%s' does not record the format of its backing file '%s', and guessing it is "
                    "not safe; record it with: qemu-img rebase -u -f qcow2 -F FORMAT -b '%s' '%s'",
                    overlay,
                    printable,
                    printable,
                    overlay);
        return FALSE;
    }
    if (!block_format_from_string(recorded, ret_format) || !block_format_is_image(*ret_format)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_UNSUPPORTED,
                    "'%s' records the format '%s' for its backing file, where only 'raw' and "
                    "'qcow2' are supported",
                    overlay,
                    printable);
        return FALSE;
    }

    return TRUE;
}
