/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making layers */

#include "api/vblk-layer.h"

/* From a member of the answer of Domain.BlockChain. */
VblkLayer *vblk_layer_new(GVariant *properties);
