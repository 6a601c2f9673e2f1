/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Node filenames */

#include "qemu-shim/block/node.h"

/*
 * What QEMU 7.2 calls the file of @node: a plain name where that would open the same nodes again,
 * else "json:" and the options that would. Members stand in the order in which QEMU's dictionaries
 * list them, so that the text is the same. Main thread only.
 */
char *block_filename_make(BlockNode *node);
