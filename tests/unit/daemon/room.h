/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Test room */

#include <glib.h>

/* A folder of a test's own, removed with all that is in it. */
char *room_new(void);
void room_free(char *room);

/* NULL-terminated, of what is in @path, in order; hidden files too. */
GStrv room_list(const char *path);
guint room_mode(const char *path);
