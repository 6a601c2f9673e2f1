/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packed counts */

#include "qemu-shim/block/qcow2/counts.h"

#define BYTE_ORDER_BITS 3 /* a byte has 1 << 3 bits */

/* Where in its byte a number of less than 8 bits begins. */
static guint
shift_of(guint order, guint64 index)
{
    guint per_byte = 1u << (BYTE_ORDER_BITS - order);

    return (guint)(index % per_byte) << order;
}

static guint
mask_of(guint order)
{
    return (1u << (1u << order)) - 1;
}

guint64
qcow2_counts_get(const guint8 *block, guint order, guint64 index)
{
    guint64 count = 0;
    guint width;

    g_assert(order <= QCOW2_MAX_REFCOUNT_ORDER);
    if (order < BYTE_ORDER_BITS)
        return (guint)(block[index >> (BYTE_ORDER_BITS - order)] >> shift_of(order, index)) &
               mask_of(order);

    width = 1u << (order - BYTE_ORDER_BITS);
    for (guint i = 0; i < width; i++)
        count = count << 8 | block[index * width + i];
    return count;
}

void
qcow2_counts_set(guint8 *block, guint order, guint64 index, guint64 count)
{
    guint width;

    g_assert(order <= QCOW2_MAX_REFCOUNT_ORDER);
    if (order < BYTE_ORDER_BITS) {
        guint8 *byte = &block[index >> (BYTE_ORDER_BITS - order)];
        guint shift = shift_of(order, index);

        g_assert(count <= mask_of(order));
        *byte = (guint8)((*byte & ~(mask_of(order) << shift)) | (guint)count << shift);
        return;
    }

    width = 1u << (order - BYTE_ORDER_BITS);
    g_assert(width == 8 || count >> (width * 8) == 0);
    for (guint i = width; i > 0; i--, count >>= 8)
        block[index * width + i - 1] = (guint8)count;
}
