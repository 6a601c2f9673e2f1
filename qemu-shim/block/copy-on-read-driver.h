/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Copy-on-read filter */

#include "qemu-shim/block/node.h"

/*
 * What is read from below the file's uppermost layer is stored in that layer. @bottom: only what
 * the layers down to this one have; NULL: whatever is below. Takes @file.
 */
BlockNode *
copy_on_read_node_open(BlockNode *file, gboolean is_read_only, BlockNode *bottom, GError **error);
