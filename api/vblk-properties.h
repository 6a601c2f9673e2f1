/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Property values */

#include <glib.h>

/* Members of an a{sv} from the daemon. A missing or mistyped member reads as 0 or NULL, so that a
 * daemon of another version does no harm; so does an empty string. Strings are borrowed. */
const char *vblk_properties_get_string(GVariant *properties, const char *name);
gboolean vblk_properties_get_boolean(GVariant *properties, const char *name);
int vblk_properties_get_int(GVariant *properties, const char *name, int fallback);
guint vblk_properties_get_uint(GVariant *properties, const char *name);
guint64 vblk_properties_get_uint64(GVariant *properties, const char *name);
double vblk_properties_get_double(GVariant *properties, const char *name);

/* @properties (an a{sv} that is taken) with the members of @changed in place of its own. */
GVariant *vblk_properties_merge(GVariant *properties, GVariant *changed);
