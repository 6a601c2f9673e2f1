/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Engine errors */

#include "qemu-shim/block/errors.h"

#include <errno.h>

#include "api/vblk-error.h"

static const struct {
    int number;
    VblkError code;
    const char *text; /* NULL: the system's */
} meanings[] = {
    {ENOENT, VBLK_ERROR_IMAGE_MISSING, NULL},
    {ENOTDIR, VBLK_ERROR_IMAGE_MISSING, NULL},
    {EACCES, VBLK_ERROR_IMAGE_ACCESS, NULL},
    {EPERM, VBLK_ERROR_IMAGE_ACCESS, NULL},
    {EROFS, VBLK_ERROR_IMAGE_ACCESS, NULL},
    {ELOOP, VBLK_ERROR_IMAGE_INVALID, NULL},
    {ENXIO, VBLK_ERROR_IMAGE_INVALID, NULL},
    {EISDIR, VBLK_ERROR_IMAGE_INVALID, NULL},
    {EMEDIUMTYPE, VBLK_ERROR_IMAGE_INVALID, "it is neither a regular file nor a block device"},
    {EAGAIN, VBLK_ERROR_IMAGE_IN_USE, "another process uses the image"},
    {ENOSPC, VBLK_ERROR_NO_SPACE, NULL},
    {EDQUOT, VBLK_ERROR_NO_SPACE, NULL},
    {ENOTSUP, VBLK_ERROR_OPERATION_UNSUPPORTED, NULL},
};

void
block_set_error(GError **error, int status, const char *doing, const char *path)
{
    VblkError code = VBLK_ERROR_FAILED;
    const char *text = g_strerror(-status);

    for (guint i = 0; i < G_N_ELEMENTS(meanings); i++) {
        if (meanings[i].number != -status)
            continue;
        code = meanings[i].code;
        if (meanings[i].text != NULL)
            text = meanings[i].text;
    }

    g_set_error(error, VBLK_ERROR, (int)code, "%s '%s': %s", doing, path, text);
}
