/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Typed options */

#include <glib.h>

/*
 * An a{sv} whose members are taken one by one; what is left at the end was not expected. Values
 * that came from a command line are strings and are read as what they should be. The texts are
 * QEMU 7.2's.
 */
typedef struct BlockOptions BlockOptions;

/* Dotted names ("file.filename") are nested first. */
BlockOptions *block_options_new(GVariant *options, GError **error);
void block_options_free(BlockOptions *options);

gboolean block_options_has(BlockOptions *options, const char *name);
/* FALSE where it is of another type; *ret keeps what it was where there is no such member. */
gboolean
block_options_take_string(BlockOptions *options, const char *name, char **ret, GError **error);
gboolean
block_options_take_boolean(BlockOptions *options, const char *name, gboolean *ret, GError **error);
gboolean
block_options_take_size(BlockOptions *options, const char *name, guint64 *ret, GError **error);
/* Any value; NULL where there is none. */
GVariant *block_options_take(BlockOptions *options, const char *name);
gboolean block_options_finish(BlockOptions *options, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockOptions, block_options_free)
