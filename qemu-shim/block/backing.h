/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Backing names */

#include <glib.h>

/*
 * The path that @name in the header of the image @overlay means: as QEMU, relative names are
 * relative to the overlay's folder. Names that are no plain paths are refused.
 */
char *backing_resolve(const char *overlay, const char *name, GError **error);

/* Whether @name has a "scheme:" before any slash. */
gboolean backing_has_scheme(const char *name);
