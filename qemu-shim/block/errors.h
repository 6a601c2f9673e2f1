/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Engine errors */

#include <glib.h>

/* Turns a negative errno of the engine into a VBLK_ERROR: "@doing 'path': reason". */
void block_set_error(GError **error, int status, const char *doing, const char *path);
