/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compress filter */

#include "qemu-shim/block/node.h"

/* What is written is written compressed. Takes @file, which must be able to. */
BlockNode *compress_node_open(BlockNode *file, gboolean is_read_only, GError **error);
