/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Raw format */

#include "qemu-shim/block/node.h"
#include "qemu-shim/block/options.h"

/* A window on the file below: all of it, or from @offset, or @size bytes from there. */
typedef struct {
    guint64 offset;
    guint64 size;
    gboolean has_size;
} RawSettings;

gboolean raw_settings_take(BlockOptions *options, RawSettings *settings, GError **error);
/* Takes @file. */
BlockNode *
raw_node_open(BlockNode *file, gboolean is_read_only, const RawSettings *settings, GError **error);
