/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Node options */

#include <glib.h>

/*
 * The options of one node, taken out one by one: what is left when all have taken theirs is
 * unexpected. Given as an a{sv} with QMP's names. Nested ones may be written flat with dots
 * ("file.filename"), as command lines do, and booleans and sizes as words ("on", "64k").
 *
 * Takers return FALSE with QEMU's words where the value is of a wrong type; where the key is
 * missing they return TRUE and leave *ret_value alone.
 */
typedef struct BlockOptions BlockOptions;

BlockOptions *block_options_new(GVariant *options, GError **error);
void block_options_free(BlockOptions *options);

/* The freed and replaced *ret_value starts as NULL or a default. */
gboolean
block_options_take_string(BlockOptions *options, const char *key, char **ret_value, GError **error);
gboolean block_options_take_boolean(BlockOptions *options,
                                    const char *key,
                                    gboolean *ret_value,
                                    GError **error);
gboolean
block_options_take_size(BlockOptions *options, const char *key, guint64 *ret_value, GError **error);
/* Within the bounds. */
gboolean block_options_take_integer(BlockOptions *options,
                                    const char *key,
                                    gint64 least,
                                    gint64 most,
                                    gint64 *ret_value,
                                    GError **error);
/* One of @words, which end with NULL. */
gboolean block_options_take_enum(BlockOptions *options,
                                 const char *key,
                                 const char *const *words,
                                 guint *ret_index,
                                 GError **error);
/* Another node: by name, by options, or null for "none"; all three unset where the key is missing.
 */
gboolean block_options_take_node(BlockOptions *options,
                                 const char *key,
                                 char **ret_name,
                                 BlockOptions **ret_options,
                                 gboolean *ret_is_null,
                                 GError **error);
/* The elements of an array, to be taken by their numbers "0", "1" ...; NULL where the key is
 * missing.
 */
gboolean block_options_take_list(BlockOptions *options,
                                 const char *key,
                                 BlockOptions **ret_list,
                                 guint *ret_count,
                                 GError **error);
/* Options below @key, NULL where it is missing. */
gboolean block_options_take_object(BlockOptions *options,
                                   const char *key,
                                   BlockOptions **ret_options,
                                   GError **error);

/* Takes what has no meaning here, whatever its value. */
void block_options_take_ignored(BlockOptions *options, const char *key);

gboolean block_options_contain(BlockOptions *options, const char *key);
/*
 * An a{sv} of those among @keys, ending with NULL, that are given: as they were given, and what is
 * below one of them flat, as "inject-error.0.event". Floating.
 */
GVariant *block_options_copy(BlockOptions *options, const char *const *keys);

void block_options_set_missing(BlockOptions *options, const char *key, GError **error);
/* Fails where a key is left. */
gboolean block_options_finish(BlockOptions *options, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockOptions, block_options_free)
