/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Protocols */

#include "qemu-shim/block/driver.h"

/*
 * A protocol is an IoFile, which is its state: whoever stands on it goes there without a detour.
 * What a driver of a protocol needs beyond opening is here.
 */

/* Takes @file. */
BlockNode *
protocol_node_new(const BlockDriver *driver, const char *filename, IoFile *file, guint64 length);

void protocol_close(BlockNode *node);
int protocol_read(BlockNode *node, guint64 offset, void *buffer, gsize length);
int protocol_write(BlockNode *node, guint64 offset, const void *buffer, gsize length);
int protocol_write_zeroes(BlockNode *node, guint64 offset, guint64 length);
int protocol_resize(BlockNode *node, guint64 length);
int protocol_flush(BlockNode *node);
int protocol_get_status(BlockNode *node,
                        guint64 offset,
                        guint64 length,
                        BlockStatus *ret_status,
                        guint64 *ret_length);

#define PROTOCOL_OPERATIONS                                                                       \
    .is_protocol = TRUE, .close = protocol_close, .read = protocol_read, .write = protocol_write, \
    .write_zeroes = protocol_write_zeroes, .resize = protocol_resize, .flush = protocol_flush,    \
    .get_status = protocol_get_status
