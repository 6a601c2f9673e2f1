/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* On-disk format */

#include <glib.h>

/*
 * A qcow2 file is an array of clusters (512 bytes to 2 MiB each); all numbers are big-endian.
 *
 *   cluster 0          header, its extensions, then the name of the backing file
 *   L1 table           one entry for each L2 table: its offset, and COPIED
 *   L2 tables          one cluster each, one entry for each guest cluster
 *   refcount table     one entry for each refcount block: its offset
 *   refcount blocks    one cluster each, one 16-bit count for each host cluster
 *
 * An L2 entry is 0 (look in the backing file), an offset of data with COPIED where nobody else uses
 * the cluster, an offset or 0 with the ZERO bit (reads as zeros; version 3), or, with the
 * COMPRESSED bit, offset and number of sectors of a compressed cluster, which starts at any byte.
 *
 * The ordering invariant, which all writing keeps (commit.c): what can be reached is durable before
 * what makes it reachable. Data, counts and new L2 tables come before the entries of L2 tables that
 * are linked and of the L1 table; refcount blocks before the refcount table, that before the header
 * where it moved; all of it before a header that forgets the backing file. Each "before" is a flush
 * that must succeed. So a crash leaves clusters nobody uses, never one that reads wrong.
 */
#define QCOW2_MAGIC 0x514649fbu

#define QCOW2_V2_HEADER_SIZE   72
#define QCOW2_V3_HEADER_SIZE   104
#define QCOW2_MIN_CLUSTER_BITS 9
#define QCOW2_MAX_CLUSTER_BITS 21
#define QCOW2_MAX_L1_BYTES     (32u * 1024 * 1024)
#define QCOW2_MAX_TABLE_BYTES  (8u * 1024 * 1024) /* refcount table */
#define QCOW2_MAX_NAME         1023
#define QCOW2_MAX_EXTENSIONS   64
#define QCOW2_MAX_SNAPSHOTS    65536

#define QCOW2_INCOMPATIBLE_DIRTY       (G_GUINT64_CONSTANT(1) << 0)
#define QCOW2_INCOMPATIBLE_CORRUPT     (G_GUINT64_CONSTANT(1) << 1)
#define QCOW2_INCOMPATIBLE_DATA_FILE   (G_GUINT64_CONSTANT(1) << 2)
#define QCOW2_INCOMPATIBLE_COMPRESSION (G_GUINT64_CONSTANT(1) << 3)
#define QCOW2_INCOMPATIBLE_EXTENDED_L2 (G_GUINT64_CONSTANT(1) << 4)
#define QCOW2_COMPATIBLE_LAZY          (G_GUINT64_CONSTANT(1) << 0)
#define QCOW2_AUTOCLEAR_BITMAPS        (G_GUINT64_CONSTANT(1) << 0)

#define QCOW2_EXTENSION_END            0u
#define QCOW2_EXTENSION_BACKING_FORMAT 0xe2792acau
#define QCOW2_EXTENSION_FEATURE_NAMES  0x6803f857u

#define QCOW2_COMPRESSION_ZLIB 0
#define QCOW2_COMPRESSION_ZSTD 1

#define QCOW2_COPIED      (G_GUINT64_CONSTANT(1) << 63)
#define QCOW2_COMPRESSED  (G_GUINT64_CONSTANT(1) << 62)
#define QCOW2_ZERO        G_GUINT64_CONSTANT(1)
#define QCOW2_OFFSET_MASK G_GUINT64_CONSTANT(0x00fffffffffffe00)
/* Bits that must be 0 in L1 entries and in L2 entries of clusters that are not compressed. */
#define QCOW2_L1_RESERVED (~(QCOW2_OFFSET_MASK | QCOW2_COPIED))
#define QCOW2_L2_RESERVED (~(QCOW2_OFFSET_MASK | QCOW2_COPIED | QCOW2_ZERO))

/* Places of header fields. */
#define QCOW2_AT_BACKING_OFFSET  8
#define QCOW2_AT_BACKING_SIZE    16
#define QCOW2_AT_REFCOUNT_OFFSET 48
#define QCOW2_AT_INCOMPATIBLE    72
#define QCOW2_AT_AUTOCLEAR       88

static inline guint64
qcow2_get64(const guint8 *bytes)
{
    guint64 value;

    __builtin_memcpy(&value, bytes, sizeof(value));
    return GUINT64_FROM_BE(value);
}

static inline guint32
qcow2_get32(const guint8 *bytes)
{
    guint32 value;

    __builtin_memcpy(&value, bytes, sizeof(value));
    return GUINT32_FROM_BE(value);
}

static inline guint16
qcow2_get16(const guint8 *bytes)
{
    return (guint16)(bytes[0] << 8 | bytes[1]);
}

static inline void
qcow2_put64(guint8 *bytes, guint64 value)
{
    guint64 big = GUINT64_TO_BE(value);

    __builtin_memcpy(bytes, &big, sizeof(big));
}

static inline void
qcow2_put32(guint8 *bytes, guint32 value)
{
    guint32 big = GUINT32_TO_BE(value);

    __builtin_memcpy(bytes, &big, sizeof(big));
}
