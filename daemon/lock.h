/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* State lock */

#include <glib.h>

/*
 * Only one daemon works on a state folder. The lock belongs to the open file: it goes with the
 * process, however that ends, and is not handed on to programs we start.
 */

/* A descriptor that holds the lock on the file @path, which is made; -1 on failure. Where somebody
 * else has it, *ret_is_held is set too. */
int lock_take(const char *path, gboolean *ret_is_held, GError **error);
