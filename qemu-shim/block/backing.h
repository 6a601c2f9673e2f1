/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backing names */

#include "qemu-shim/block/request.h"

/*
 * What an image says about its backing file is said by whoever made the image, so it is a plain
 * path or it is refused: no "json:", no "nbd:" or any other scheme, no control characters, and no
 * format that would have to be guessed from content that a guest wrote.
 */

/* The path meant by @name in the header of @overlay: relative to the folder of @overlay. */
char *backing_resolve(const char *overlay, const char *name, GError **error);
/*
 * The name that makes the header of @overlay mean @path, both as this process names them: without a
 * folder where they share one, so that they can be moved together, else absolute.
 */
char *backing_make_name(const char *overlay, const char *path);
/* Refuses an unrecorded (NULL) or unknown format of the backing file @name of @overlay. */
gboolean backing_get_format(const char *overlay,
                            const char *name,
                            const char *recorded,
                            BlockFormat *ret_format,
                            GError **error);

/* Whether @name has a "scheme:" before any slash. */
gboolean backing_has_scheme(const char *name);
