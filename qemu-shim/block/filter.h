/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Filters */

#include "qemu-shim/block/driver.h"

/*
 * A filter says what its file says and is as long as that is; what a driver does otherwise it puts
 * in place of one of these. A filter has no backing node: the chain goes on below its file, so its
 * status is that of the whole chain below.
 */
BlockNode *filter_node_new(const BlockDriver *driver, BlockNode *file, gboolean is_read_only);

int filter_read(BlockNode *node, guint64 offset, void *buffer, gsize length);
int filter_write(BlockNode *node, guint64 offset, const void *buffer, gsize length);
int filter_write_zeroes(BlockNode *node, guint64 offset, guint64 length);
int filter_write_compressed(BlockNode *node, guint64 offset, const void *buffer, gsize length);
int filter_populate(BlockNode *node, guint64 offset, const void *buffer, gsize length);
int filter_populate_zeroes(BlockNode *node, guint64 offset, guint64 length);
int filter_discard(BlockNode *node, guint64 offset, guint64 length);
int filter_resize(BlockNode *node, guint64 length);
int filter_flush(BlockNode *node);
int filter_get_status(BlockNode *node,
                      guint64 offset,
                      guint64 length,
                      BlockStatus *ret_status,
                      guint64 *ret_length);
guint64 filter_get_cluster_size(BlockNode *node);
