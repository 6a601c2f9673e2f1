/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* qcow2 driver */

#include "qemu-shim/block/node.h"
#include "qemu-shim/block/qcow2/image.h"

/* The image of a node whose driver is "qcow2"; borrowed. */
Qcow2Image *qcow2_node_get_image(BlockNode *node);
