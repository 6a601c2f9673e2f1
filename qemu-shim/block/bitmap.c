/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Dirty bitmaps */

#include "qemu-shim/block/bitmap.h"

#define WORD_BITS 64

struct BlockBitmap {
    guint64 length;
    guint32 granularity;
    guint64 n_grains;

    GMutex lock; /* protects what follows */
    guint64 *words;
    guint64 n_dirty; /* grains */
};

BlockBitmap *
block_bitmap_new(guint64 length, guint32 granularity)
{
    guint64 n_grains = length / granularity + (length % granularity != 0);
    guint64 n_words = n_grains / WORD_BITS + 1;
    BlockBitmap *bitmap;
    guint64 *words;

    g_assert(granularity >= 512 && (granularity & (granularity - 1)) == 0);
    if (n_words > BLOCK_BITMAP_MAX_BYTES / sizeof(guint64))
        return NULL;
    words = g_try_new0(guint64, n_words);
    if (words == NULL)
        return NULL;

    bitmap = g_new0(BlockBitmap, 1);
    bitmap->length = length;
    bitmap->granularity = granularity;
    bitmap->n_grains = n_grains;
    bitmap->words = words;
    g_mutex_init(&bitmap->lock);
    return bitmap;
}

void
block_bitmap_free(BlockBitmap *bitmap)
{
    if (bitmap == NULL)
        return;

    g_mutex_clear(&bitmap->lock);
    g_free(bitmap->words);
    g_free(bitmap);
}

guint32
block_bitmap_get_granularity(const BlockBitmap *bitmap)
{
    return bitmap->granularity;
}

guint64
block_bitmap_get_length(const BlockBitmap *bitmap)
{
    return bitmap->length;
}

guint64
block_bitmap_count(BlockBitmap *bitmap)
{
    guint64 n_dirty;

    g_mutex_lock(&bitmap->lock);
    n_dirty = bitmap->n_dirty;
    g_mutex_unlock(&bitmap->lock);
    return n_dirty * bitmap->granularity;
}

/* The bits of one word from @bit on, of which @count are meant at most. */
static guint64
make_mask(guint bit, guint64 count)
{
    guint64 mask = ~G_GUINT64_CONSTANT(0) << bit;

    if (count < WORD_BITS - bit)
        mask &= (G_GUINT64_CONSTANT(1) << (bit + count)) - 1;
    return mask;
}

/* Called with the lock held. */
static void
change(BlockBitmap *bitmap, guint64 first, guint64 end, gboolean is_dirty)
{
    while (first < end) {
        guint bit = (guint)(first % WORD_BITS);
        guint64 mask = make_mask(bit, end - first);
        guint64 *word = &bitmap->words[first / WORD_BITS];
        guint64 changed = is_dirty ? mask & ~*word : mask & *word;

        *word ^= changed;
        if (is_dirty)
            bitmap->n_dirty += (guint)__builtin_popcountll(changed);
        else
            bitmap->n_dirty -= (guint)__builtin_popcountll(changed);
        first += WORD_BITS - bit;
    }
}

static guint64
cut_end(const BlockBitmap *bitmap, guint64 offset, guint64 length)
{
    if (offset >= bitmap->length)
        return offset;
    return offset + MIN(length, bitmap->length - offset);
}

static guint64
grain_after(const BlockBitmap *bitmap, guint64 offset)
{
    return offset / bitmap->granularity + (offset % bitmap->granularity != 0);
}

void
block_bitmap_set(BlockBitmap *bitmap, guint64 offset, guint64 length)
{
    guint64 end = cut_end(bitmap, offset, length);

    g_mutex_lock(&bitmap->lock);
    change(bitmap, offset / bitmap->granularity, grain_after(bitmap, end), TRUE);
    g_mutex_unlock(&bitmap->lock);
}

/* Grains that lie whole in the range; the last of the disk may be a short one. */
static guint64
end_of_whole(const BlockBitmap *bitmap, guint64 end)
{
    return end >= bitmap->length ? bitmap->n_grains : end / bitmap->granularity;
}

void
block_bitmap_clear(BlockBitmap *bitmap, guint64 offset, guint64 length)
{
    guint64 end = cut_end(bitmap, offset, length);

    g_mutex_lock(&bitmap->lock);
    change(bitmap, grain_after(bitmap, offset), end_of_whole(bitmap, end), FALSE);
    g_mutex_unlock(&bitmap->lock);
}

gboolean
block_bitmap_get(BlockBitmap *bitmap, guint64 offset)
{
    guint64 grain = offset / bitmap->granularity;
    gboolean is_dirty;

    if (offset >= bitmap->length)
        return FALSE;

    g_mutex_lock(&bitmap->lock);
    is_dirty = (bitmap->words[grain / WORD_BITS] >> (grain % WORD_BITS) & 1) != 0;
    g_mutex_unlock(&bitmap->lock);
    return is_dirty;
}

/* The first grain from @grain that is dirty, or is clean; n_grains: there is none. */
static guint64
find_grain(const BlockBitmap *bitmap, guint64 grain, gboolean is_dirty)
{
    while (grain < bitmap->n_grains) {
        guint64 word = bitmap->words[grain / WORD_BITS];
        guint64 found = (is_dirty ? word : ~word) &
                        make_mask((guint)(grain % WORD_BITS), WORD_BITS);

        grain = grain / WORD_BITS * WORD_BITS;
        if (found != 0)
            return MIN(grain + (guint)__builtin_ctzll(found), bitmap->n_grains);
        grain += WORD_BITS;
    }

    return bitmap->n_grains;
}

/* Called with the lock held. */
static gboolean
find_range(BlockBitmap *bitmap, guint64 offset, guint64 most, guint64 *ret_first, guint64 *ret_end)
{
    guint64 most_grains = MAX(most / bitmap->granularity, 1);

    if (offset >= bitmap->length)
        return FALSE;
    *ret_first = find_grain(bitmap, offset / bitmap->granularity, TRUE);
    if (*ret_first == bitmap->n_grains)
        return FALSE;

    *ret_end = find_grain(bitmap, *ret_first, FALSE);
    *ret_end = MIN(*ret_end, *ret_first + most_grains);
    return TRUE;
}

static void
range_to_bytes(const BlockBitmap *bitmap,
               guint64 first,
               guint64 end,
               guint64 *ret_offset,
               guint64 *ret_length)
{
    *ret_offset = first * bitmap->granularity;
    *ret_length = MIN(end * bitmap->granularity, bitmap->length) - *ret_offset;
}

gboolean
block_bitmap_find(BlockBitmap *bitmap,
                  guint64 offset,
                  guint64 most,
                  guint64 *ret_offset,
                  guint64 *ret_length)
{
    guint64 first, end;
    gboolean is_found;

    g_mutex_lock(&bitmap->lock);
    is_found = find_range(bitmap, offset, most, &first, &end);
    g_mutex_unlock(&bitmap->lock);

    if (is_found)
        range_to_bytes(bitmap, first, end, ret_offset, ret_length);
    return is_found;
}

gboolean
block_bitmap_take(BlockBitmap *bitmap,
                  guint64 offset,
                  guint64 most,
                  guint64 *ret_offset,
                  guint64 *ret_length)
{
    guint64 first, end;
    gboolean is_found;

    g_mutex_lock(&bitmap->lock);
    is_found = find_range(bitmap, offset, most, &first, &end);
    if (is_found)
        change(bitmap, first, end, FALSE);
    g_mutex_unlock(&bitmap->lock);

    if (is_found)
        range_to_bytes(bitmap, first, end, ret_offset, ret_length);
    return is_found;
}

void
block_bitmap_merge(BlockBitmap *bitmap, BlockBitmap *source)
{
    guint64 offset = 0;
    guint64 length = 0;

    g_assert(bitmap->length == source->length);
    while (block_bitmap_find(source, offset + length, G_MAXUINT64, &offset, &length))
        block_bitmap_set(bitmap, offset, length);
}
