/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Node bytes */

#include "qemu-shim/block/node.h"
#include "qemu-shim/io/file.h"

/*
 * The bytes of @node as those above read and write them: a protocol's own file, or one whose
 * operations are the node's. It belongs to the node. Past the end it reads zeros, and what is
 * written there makes the node longer, where it can be.
 */
IoFile *block_node_as_io(BlockNode *node);
