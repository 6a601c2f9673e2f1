/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Header writing */

#include <string.h>

#include "qemu-shim/block/qcow2/extensions.h"

/* A page: what reaches the file whole or not at all when the process dies. */
#define WRITTEN_AT_ONCE 4096

static void
append32(GByteArray *bytes, guint32 value)
{
    guint8 raw[4];

    qcow2_put32(raw, value);
    g_byte_array_append(bytes, raw, sizeof(raw));
}

static void
append64(GByteArray *bytes, guint64 value)
{
    guint8 raw[8];

    qcow2_put64(raw, value);
    g_byte_array_append(bytes, raw, sizeof(raw));
}

static void
append_fixed(GByteArray *bytes, const Qcow2Header *header)
{
    append32(bytes, QCOW2_MAGIC);
    append32(bytes, header->version);
    append64(bytes, 0); /* place of the backing name, set when it is known */
    append32(bytes, header->backing_name != NULL ? (guint32)strlen(header->backing_name) : 0);
    append32(bytes, header->cluster_bits);
    append64(bytes, header->size);
    append32(bytes, 0); /* not encrypted */
    append32(bytes, header->l1_entries);
    append64(bytes, header->l1_offset);
    append64(bytes, header->refcount_offset);
    append32(bytes, header->refcount_clusters);
    append32(bytes, header->n_snapshots);
    append64(bytes, header->snapshots_offset);
    if (header->version == 2)
        return;

    append64(bytes, header->incompatible);
    append64(bytes, header->compatible);
    append64(bytes, header->autoclear);
    append32(bytes, header->refcount_order);
    append32(bytes, header->header_length);
    if (header->rest != NULL)
        g_byte_array_append(
            bytes, g_bytes_get_data(header->rest, NULL), (guint)g_bytes_get_size(header->rest));
}

static GByteArray *
format_all(const Qcow2Header *header)
{
    GByteArray *bytes = g_byte_array_new();

    append_fixed(bytes, header);
    qcow2_extensions_append(header, bytes);
    if (header->backing_name != NULL) {
        qcow2_put64(bytes->data + QCOW2_AT_BACKING_OFFSET, bytes->len);
        g_byte_array_append(
            bytes, (const guint8 *)header->backing_name, (guint)strlen(header->backing_name));
    }
    return bytes;
}

GBytes *
qcow2_header_format(const Qcow2Header *header)
{
    g_autoptr(GByteArray) bytes = format_all(header);

    if (bytes->len > MIN((gsize)1 << header->cluster_bits, WRITTEN_AT_ONCE))
        return NULL;
    return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

gboolean
qcow2_header_is_same(const Qcow2Header *one, const Qcow2Header *other)
{
    g_autoptr(GByteArray) first = format_all(one);
    g_autoptr(GByteArray) second = format_all(other);

    return first->len == second->len && memcmp(first->data, second->data, first->len) == 0;
}
