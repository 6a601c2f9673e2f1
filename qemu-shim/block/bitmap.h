/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Dirty bitmaps */

#include <glib.h>

/*
 * One bit for each @granularity bytes of a disk: what was written since the bitmap was cleared. All
 * calls but new and free may come from any thread. Who keeps one up to date puts
 * block_bitmap_set() behind a watcher of the node, after the write: bits that are set before it
 * could be cleared and copied while the data is still on its way.
 */
typedef struct BlockBitmap BlockBitmap;

/* Bits take memory before anything is dirty: at most this much for one bitmap. */
#define BLOCK_BITMAP_MAX_BYTES (256u * 1024 * 1024)

/* @granularity is a power of two from 512. NULL where the disk is too long for it, or memory is. */
BlockBitmap *block_bitmap_new(guint64 length, guint32 granularity);
void block_bitmap_free(BlockBitmap *bitmap);

guint32 block_bitmap_get_granularity(const BlockBitmap *bitmap); /* bytes */
guint64 block_bitmap_get_length(const BlockBitmap *bitmap);      /* bytes of the disk */
guint64 block_bitmap_count(BlockBitmap *bitmap);                 /* dirty bytes, whole grains */

/* Ranges are cut at the end of the disk; setting takes in each grain that is touched, clearing only
 * those that lie inside. */
void block_bitmap_set(BlockBitmap *bitmap, guint64 offset, guint64 length);
void block_bitmap_clear(BlockBitmap *bitmap, guint64 offset, guint64 length);
gboolean block_bitmap_get(BlockBitmap *bitmap, guint64 offset);

/* The first dirty range at or after @offset, at most @most bytes long; FALSE: there is none. */
gboolean block_bitmap_find(BlockBitmap *bitmap,
                           guint64 offset,
                           guint64 most,
                           guint64 *ret_offset,
                           guint64 *ret_length);
/* Finds and clears at once, so that no write between the two is lost. */
gboolean block_bitmap_take(BlockBitmap *bitmap,
                           guint64 offset,
                           guint64 most,
                           guint64 *ret_offset,
                           guint64 *ret_length);
/* Sets what is set in @source, whose granularity may differ; both are of one length. */
void block_bitmap_merge(BlockBitmap *bitmap, BlockBitmap *source);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockBitmap, block_bitmap_free)
