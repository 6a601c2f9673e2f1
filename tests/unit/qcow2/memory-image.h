/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Images in memory */

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/qcow2/check.h"
#include "qemu-shim/block/qcow2/create.h"

/* A node on @io, which stays the caller's and outlives it; no file is opened by name. */
BlockNode *memory_image_open_raw(IoFile *io, gboolean is_read_only);
/* Takes a reference to @backing (NULL: none). NULL with @error where the image is refused. */
BlockNode *memory_image_open(IoFile *io, gboolean is_read_only, BlockNode *backing, GError **error);

/* An empty image; fails the test where that is not possible. */
IoFile *memory_image_create(const Qcow2CreateOptions *options);
/* With data in clusters 0 and 1, a zero cluster where there are such, and nothing else. */
IoFile *memory_image_create_sample(guint32 version, guint64 cluster_size, guint64 size);
/* Bytes of @io as they are now. */
GBytes *memory_image_get_bytes(IoFile *io);

void memory_image_put32(IoFile *io, guint64 offset, guint32 value);
void memory_image_put64(IoFile *io, guint64 offset, guint64 value);
guint32 memory_image_get32(IoFile *io, guint64 offset);
guint64 memory_image_get64(IoFile *io, guint64 offset);

/* Fails the test unless there are no corruptions; returns the number of leaks. */
guint64 memory_image_check(IoFile *io);

/* Fails the test unless @node reads as @length bytes of @expected. */
void memory_image_assert_reads(BlockNode *node, const void *expected, gsize length);
