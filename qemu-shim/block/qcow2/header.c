/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image header */

#include "qemu-shim/block/qcow2/header.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/qcow2/compress.h"
#include "qemu-shim/block/qcow2/extensions.h"

#define KNOWN_INCOMPATIBLE                                                                  \
    (QCOW2_INCOMPATIBLE_DIRTY | QCOW2_INCOMPATIBLE_CORRUPT | QCOW2_INCOMPATIBLE_DATA_FILE | \
     QCOW2_INCOMPATIBLE_COMPRESSION | QCOW2_INCOMPATIBLE_EXTENDED_L2)

static void
extension_free(Qcow2Extension *extension)
{
    g_bytes_unref(extension->data);
    g_free(extension);
}

Qcow2Header *
qcow2_header_new(void)
{
    Qcow2Header *header = g_new0(Qcow2Header, 1);

    header->extensions = g_ptr_array_new_with_free_func((GDestroyNotify)extension_free);
    return header;
}

void
qcow2_header_free(Qcow2Header *header)
{
    if (header == NULL)
        return;

    g_clear_pointer(&header->rest, g_bytes_unref);
    g_ptr_array_unref(header->extensions);
    g_free(header->backing_name);
    g_free(header->backing_format);
    g_free(header);
}

gboolean
qcow2_header_refuse(GError **error, const char *path, const char *format, ...)
{
    g_autofree char *reason = NULL;
    va_list list;

    va_start(list, format);
    reason = g_strdup_vprintf(format, list);
    va_end(list);
    g_set_error(
        error, VBLK_ERROR, VBLK_ERROR_IMAGE_INVALID, "cannot use '%s' as qcow2: %s", path, reason);
    return FALSE;
}

/* A table lies in whole clusters, in the file, and not over the header. */
static gboolean
check_table(const Qcow2Header *header,
            const char *path,
            const char *name,
            guint64 offset,
            guint64 length,
            guint64 file_length,
            GError **error)
{
    guint64 cluster = G_GUINT64_CONSTANT(1) << header->cluster_bits;

    if (offset < cluster || offset % cluster != 0)
        return qcow2_header_refuse(error,
                                   path,
                                   "%s is at offset %" G_GUINT64_FORMAT
                                   ", which is no cluster of its own",
                                   name,
                                   offset);
    if (offset > file_length || length > file_length - offset)
        return qcow2_header_refuse(error,
                                   path,
                                   "%s of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT
                                   " is past the end of the file (%" G_GUINT64_FORMAT " bytes)",
                                   name,
                                   length,
                                   offset,
                                   file_length);
    return TRUE;
}

static gboolean
check_sizes(const Qcow2Header *header, const char *path, GError **error)
{
    guint bits = header->cluster_bits;
    guint64 covered = G_GUINT64_CONSTANT(1) << (2 * bits - 3); /* by one L1 entry */
    guint64 needed;

    if (header->size > (G_GUINT64_CONSTANT(1) << 56))
        return qcow2_header_refuse(
            error, path, "virtual size %" G_GUINT64_FORMAT " is too big", header->size);
    if (header->size % 512 != 0)
        return qcow2_header_refuse(
            error, path, "virtual size %" G_GUINT64_FORMAT " is no multiple of 512", header->size);

    needed = header->size / covered + (header->size % covered != 0);
    if (header->l1_entries < needed)
        return qcow2_header_refuse(
            error,
            path,
            "L1 table of %u entries does not cover the virtual size %" G_GUINT64_FORMAT,
            header->l1_entries,
            header->size);
    if ((guint64)header->l1_entries * 8 > QCOW2_MAX_L1_BYTES)
        return qcow2_header_refuse(
            error, path, "L1 table of %u entries is too big", header->l1_entries);
    if (header->refcount_clusters == 0 ||
        (guint64)header->refcount_clusters << bits > QCOW2_MAX_TABLE_BYTES)
        return qcow2_header_refuse(error,
                                   path,
                                   "refcount table of %u clusters is empty or too big",
                                   header->refcount_clusters);
    if (header->n_snapshots > QCOW2_MAX_SNAPSHOTS)
        return qcow2_header_refuse(
            error, path, "%u internal snapshots are too many", header->n_snapshots);
    return TRUE;
}

static gboolean
check_tables(const Qcow2Header *header, const char *path, guint64 file_length, GError **error)
{
    guint64 l1_bytes = (guint64)header->l1_entries * 8;
    guint64 table_bytes = (guint64)header->refcount_clusters << header->cluster_bits;
    guint64 cluster = G_GUINT64_CONSTANT(1) << header->cluster_bits;
    guint64 l1_end = header->l1_offset + (l1_bytes + cluster - 1) / cluster * cluster;
    guint64 table_end = header->refcount_offset + table_bytes;

    if (header->l1_entries > 0 &&
        !check_table(header, path, "L1 table", header->l1_offset, l1_bytes, file_length, error))
        return FALSE;
    if (!check_table(header,
                     path,
                     "refcount table",
                     header->refcount_offset,
                     table_bytes,
                     file_length,
                     error))
        return FALSE;
    if (header->l1_entries > 0 && header->l1_offset < table_end && header->refcount_offset < l1_end)
        return qcow2_header_refuse(error, path, "L1 table and refcount table overlap");
    if (header->n_snapshots > 0 &&
        !check_table(
            header, path, "snapshot table", header->snapshots_offset, 0, file_length, error))
        return FALSE;
    return TRUE;
}

static gboolean
parse_v3_fields(Qcow2Header *header, const guint8 *bytes, const char *path, GError **error)
{
    header->incompatible = qcow2_get64(bytes + 72);
    header->compatible = qcow2_get64(bytes + 80);
    header->autoclear = qcow2_get64(bytes + QCOW2_AT_AUTOCLEAR);
    header->refcount_order = qcow2_get32(bytes + 96);
    header->header_length = qcow2_get32(bytes + 100);

    if (header->header_length < QCOW2_V3_HEADER_SIZE || header->header_length % 8 != 0 ||
        header->header_length > (1u << header->cluster_bits))
        return qcow2_header_refuse(
            error, path, "header length %u makes no sense", header->header_length);
    if (header->refcount_order > 6)
        return qcow2_header_refuse(
            error, path, "refcount order %u is no order", header->refcount_order);
    return TRUE;
}

static gboolean
parse_fixed(Qcow2Header *header, const guint8 *bytes, const char *path, GError **error)
{
    header->version = qcow2_get32(bytes + 4);
    header->cluster_bits = qcow2_get32(bytes + 20);
    header->size = qcow2_get64(bytes + 24);
    header->l1_entries = qcow2_get32(bytes + 36);
    header->l1_offset = qcow2_get64(bytes + 40);
    header->refcount_offset = qcow2_get64(bytes + QCOW2_AT_REFCOUNT_OFFSET);
    header->refcount_clusters = qcow2_get32(bytes + 56);
    header->n_snapshots = qcow2_get32(bytes + 60);
    header->snapshots_offset = qcow2_get64(bytes + 64);

    if (qcow2_get32(bytes) != QCOW2_MAGIC)
        return qcow2_header_refuse(error, path, "it does not begin with qcow2's magic bytes");
    if (header->version != 2 && header->version != 3)
        return qcow2_header_refuse(error, path, "version %u is not 2 or 3", header->version);
    if (header->cluster_bits < QCOW2_MIN_CLUSTER_BITS ||
        header->cluster_bits > QCOW2_MAX_CLUSTER_BITS)
        return qcow2_header_refuse(
            error, path, "cluster bits %u are not 9 to 21", header->cluster_bits);
    if (qcow2_get32(bytes + 32) != 0)
        return qcow2_header_refuse(error,
                                   path,
                                   "it is encrypted (method %u), which is not supported",
                                   qcow2_get32(bytes + 32));

    header->refcount_order = 4;
    header->header_length = QCOW2_V2_HEADER_SIZE;
    return header->version == 2 || parse_v3_fields(header, bytes, path, error);
}

static gboolean
parse_backing_name(Qcow2Header *header,
                   const guint8 *bytes,
                   guint64 cluster,
                   const char *path,
                   GError **error)
{
    guint64 offset = qcow2_get64(bytes + QCOW2_AT_BACKING_OFFSET);
    guint32 length = qcow2_get32(bytes + QCOW2_AT_BACKING_SIZE);
    const guint8 *name;

    if (offset == 0)
        return TRUE;
    if (offset < header->header_length || length == 0 || length > QCOW2_MAX_NAME ||
        offset > cluster || length > cluster - offset)
        return qcow2_header_refuse(error,
                                   path,
                                   "the backing file's name (%u bytes at %" G_GUINT64_FORMAT
                                   ") is not within the first cluster",
                                   length,
                                   offset);

    name = bytes + offset;
    for (guint32 i = 0; i < length; i++) {
        if (name[i] < 0x20 || name[i] == 0x7f)
            return qcow2_header_refuse(
                error, path, "the backing file's name has control characters");
    }
    if (!g_utf8_validate((const char *)name, length, NULL))
        return qcow2_header_refuse(error, path, "the backing file's name is not UTF-8");

    header->backing_name = g_strndup((const char *)name, length);
    return TRUE;
}

/* By the name that the image itself has for the first one, if any. */
static gboolean
check_known_features(const Qcow2Header *header, const char *path, GError **error)
{
    guint64 unknown = header->incompatible & ~KNOWN_INCOMPATIBLE;
    g_autofree char *name = NULL;

    if (unknown == 0)
        return TRUE;

    name = qcow2_extensions_name_feature(header, (guint)__builtin_ctzll(unknown));
    return qcow2_header_refuse(error,
                               path,
                               "it needs features we do not know: '%s' (incompatible bits "
                               "'0x%" G_GINT64_MODIFIER "x')",
                               name != NULL ? name : "unnamed",
                               unknown);
}

static gboolean
parse_variable(Qcow2Header *header, const guint8 *bytes, const char *path, GError **error)
{
    guint64 cluster = G_GUINT64_CONSTANT(1) << header->cluster_bits;
    guint64 backing_offset = qcow2_get64(bytes + QCOW2_AT_BACKING_OFFSET);
    gboolean is_compressed_otherwise = (header->incompatible & QCOW2_INCOMPATIBLE_COMPRESSION) != 0;

    if (!parse_backing_name(header, bytes, cluster, path, error))
        return FALSE;
    if (!qcow2_extensions_parse(
            header, bytes, backing_offset != 0 ? backing_offset : cluster, path, error) ||
        !check_known_features(header, path, error))
        return FALSE;

    if (header->header_length > QCOW2_V3_HEADER_SIZE) {
        header->compression = bytes[QCOW2_V3_HEADER_SIZE];
        header->rest = g_bytes_new(bytes + QCOW2_V3_HEADER_SIZE,
                                   header->header_length - QCOW2_V3_HEADER_SIZE);
    }
    if (header->compression > QCOW2_COMPRESSION_ZSTD ||
        is_compressed_otherwise != (header->compression != QCOW2_COMPRESSION_ZLIB))
        return qcow2_header_refuse(
            error, path, "compression type %u does not fit the feature bits", header->compression);
    return TRUE;
}

Qcow2Header *
qcow2_header_read(IoFile *io, GError **error)
{
    g_autoptr(Qcow2Header) header = qcow2_header_new();
    g_autofree guint8 *bytes = NULL;
    guint8 fixed[QCOW2_V3_HEADER_SIZE];
    guint64 file_length;
    int status = io_file_get_length(io, &file_length);

    if (status == 0)
        status = io_file_read(io, 0, fixed, sizeof(fixed));
    if (status < 0) {
        block_set_error(error, status, "cannot read the header of", io->path);
        return NULL;
    }
    if (file_length < QCOW2_V2_HEADER_SIZE) {
        qcow2_header_refuse(
            error, io->path, "%" G_GUINT64_FORMAT " bytes are too few for a header", file_length);
        return NULL;
    }
    if (!parse_fixed(header, fixed, io->path, error))
        return NULL;
    if (file_length < header->header_length) {
        qcow2_header_refuse(error,
                            io->path,
                            "%" G_GUINT64_FORMAT " bytes are too few for a header of %u",
                            file_length,
                            header->header_length);
        return NULL;
    }
    if (!check_sizes(header, io->path, error) ||
        !check_tables(header, io->path, file_length, error))
        return NULL;

    bytes = g_try_malloc0((gsize)1 << header->cluster_bits);
    status = bytes == NULL ? -ENOMEM : io_file_read(io, 0, bytes, (gsize)1 << header->cluster_bits);
    if (status < 0) {
        block_set_error(error, status, "cannot read the header of", io->path);
        return NULL;
    }
    if (!parse_variable(header, bytes, io->path, error))
        return NULL;

    return g_steal_pointer(&header);
}

static gboolean
refuse_feature(GError **error, const char *path, const char *what)
{
    g_set_error(
        error, VBLK_ERROR, VBLK_ERROR_OPERATION_UNSUPPORTED, "cannot use '%s': %s", path, what);
    return FALSE;
}

gboolean
qcow2_header_check_features(const Qcow2Header *header,
                            const char *path,
                            gboolean is_writable,
                            GError **error)
{
    if ((header->incompatible & QCOW2_INCOMPATIBLE_DATA_FILE) != 0)
        return refuse_feature(error, path, "its data is in another file: not supported yet");
    if ((header->incompatible & QCOW2_INCOMPATIBLE_EXTENDED_L2) != 0)
        return refuse_feature(error, path, "it has subclusters: not supported yet");
    if (!qcow2_can_inflate(header->compression))
        return refuse_feature(
            error, path, "its clusters are compressed by zstd, which this build does not have");
    if (!is_writable)
        return TRUE;

    if ((header->incompatible & QCOW2_INCOMPATIBLE_CORRUPT) != 0)
        return refuse_feature(
            error, path, "it is marked corrupt; 'qemu-img check -r all' may repair it");
    if ((header->autoclear & QCOW2_AUTOCLEAR_BITMAPS) != 0)
        return refuse_feature(error, path, "it holds dirty bitmaps: writing is not supported yet");
    return TRUE;
}
