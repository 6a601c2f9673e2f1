/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Opening nodes */

#include "qemu-shim/block/graph.h"
#include "qemu-shim/block/request.h"

/*
 * Opens what @request asks for and all below it, and gives names. The node is in no list until the
 * caller puts it there. On failure everything that was opened is closed again.
 */
BlockNode *block_open(BlockGraph *graph, const BlockRequest *request, GError **error);

/* The number of layers from @node down. */
guint block_open_get_depth(BlockNode *node);
