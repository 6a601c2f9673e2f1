/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Debug filter */

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/node.h"
#include "qemu-shim/block/options.h"

/*
 * Fails or holds back requests, by the rules of blkdebug-rules.h and by breakpoints. The limits
 * (align, max-transfer and their kin) are checked as QEMU does and then left: they shape requests
 * in QEMU, where ours go through as they are.
 */
typedef struct BlkdebugSettings BlkdebugSettings;

BlkdebugSettings *blkdebug_settings_take(BlockOptions *options, GError **error);
void blkdebug_settings_free(BlkdebugSettings *settings);

/* Takes @file; keeps nothing of @settings. */
BlockNode *blkdebug_node_open(BlockNode *file,
                              gboolean is_read_only,
                              const BlkdebugSettings *settings,
                              GError **error);

/*
 * Breakpoints on the first blkdebug node from @node down its files. -ENOTSUP: there is none;
 * -ENOENT: no such event or tag. The next request that follows the event waits, under that tag,
 * until it is resumed; and the breakpoint is gone.
 */
int blkdebug_break(BlockNode *node, const char *event, const char *tag);
/* Those that wait go on as well. */
int blkdebug_remove_break(BlockNode *node, const char *tag);
int blkdebug_resume(BlockNode *node, const char *tag);
gboolean blkdebug_is_suspended(BlockNode *node, const char *tag);
/* Until some request waits under @tag; not on the thread that is to make it. */
int blkdebug_wait_suspended(BlockNode *node, const char *tag);
/* From now on nothing waits: the process ends. */
void blkdebug_open(BlockNode *node);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlkdebugSettings, blkdebug_settings_free)
