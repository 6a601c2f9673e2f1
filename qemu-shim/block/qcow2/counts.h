/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Packed counts */

#include <glib.h>

/*
 * A refcount block as it is in the file: numbers of 1 << @order bits, 1 to 64, from @index 0 on.
 * Those of less than a byte fill each byte from its low bits up; wider ones are big endian.
 */
#define QCOW2_MAX_REFCOUNT_ORDER 6

guint64 qcow2_counts_get(const guint8 *block, guint order, guint64 index);
void qcow2_counts_set(guint8 *block, guint order, guint64 index, guint64 count);
