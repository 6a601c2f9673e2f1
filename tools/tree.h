/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text trees */

#include <glib.h>

/* Prints @names (of char *) as virsh draws trees; @parents has the name of each one's parent or
 * NULL, in the same order. */
void tree_print(GPtrArray *names, GPtrArray *parents);
