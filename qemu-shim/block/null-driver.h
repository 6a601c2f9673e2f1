/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Null protocol */

#include "qemu-shim/block/node.h"
#include "qemu-shim/block/options.h"

/* Takes every write and keeps none. QEMU has two, which differ in how they wait: "null-co" and
 * "null-aio". */
typedef struct {
    guint64 size;
    guint64 latency_ns;
    gboolean reads_zeroes; /* says so; it reads as zeros in any case */
} NullSettings;

gboolean null_settings_take(BlockOptions *options, NullSettings *settings, GError **error);
BlockNode *null_node_open(gboolean is_aio,
                          gboolean is_read_only,
                          const NullSettings *settings,
                          GError **error);
