/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Durable files */

#include <glib.h>

/*
 * A document is replaced as a whole or not at all: the new text goes to a temporary file in the
 * same folder, reaches the disk there, and then takes the old one's name. The two halves are apart
 * so that the journal can stand between them: what it has recorded is finished after a crash, what
 * it has not is thrown away.
 */
typedef struct {
    char *temporary; /* takes the place of `final`; NULL: `final` is removed */
    char *final;
} FileChange; /* both relative to the state folder */

/* Writes @content to a new temporary file beside @final. Nothing is left when it fails. */
FileChange *
file_change_stage(const char *root, const char *final, const char *content, GError **error);
FileChange *file_change_new(const char *temporary, const char *final);
void file_change_free(FileChange *change);

/* May be done again after it was done. */
gboolean file_change_apply(const FileChange *change, const char *root, GError **error);
void file_change_discard(const FileChange *change, const char *root);

/* Makes the folder, and those above it, for us alone. */
gboolean files_make_folder(const char *path, GError **error);
/* Removes the temporary files in @folder that nobody recorded. */
void files_remove_leftovers(const char *folder);
/* Refuses more than @max_size bytes, and what is no text. */
char *files_read(const char *path, gsize max_size, GError **error);

/* A name as a file name and back: bytes that do not belong there as %XX. */
char *files_escape_name(const char *name);
char *files_unescape_name(const char *file_name); /* NULL: no escaped name */

/* "cannot VERB 'PATH': reason of @errno_value", with the code that fits it. */
void files_set_error(GError **error, const char *verb, const char *path, int errno_value);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FileChange, file_change_free)
