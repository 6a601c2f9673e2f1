/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Throttle filter */

#include "qemu-shim/block/throttle-group.h"

/* Takes @file. */
BlockNode *throttle_node_open(BlockNode *file, gboolean is_read_only, ThrottleGroup *group);
/* For a reopen. */
void throttle_node_set_group(BlockNode *node, ThrottleGroup *group);
