/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image names */

#include <glib.h>

/*
 * What a user means by the name of an image: "json:{...}" is the options of a node; "null-co://",
 * "nbd://...", "blkdebug:CONFIG:IMAGE" and "file:PATH" name a protocol; all else is a path. Only
 * for names that a user gave: one inside an image is for block/backing.h.
 */

/* The options, an a{sv}, owned; those of a protocol but for "json:", which may be any node's. */
GVariant *image_name_parse(const char *name, GError **error);
gboolean image_name_is_json(const char *name);
/*
 * The options of an image of @format (NULL: that of the json: name) called @name, floating or
 * owned.
 */
GVariant *image_name_to_options(const char *name, const char *format, GError **error);
