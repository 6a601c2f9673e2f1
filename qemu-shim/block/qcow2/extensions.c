/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Header extensions */

#include "qemu-shim/block/qcow2/extensions.h"

#include <string.h>

/*
 * Between header and backing name: type and length of 32 bits each, then the data, padded to 8
 * bytes; type 0 ends the list. We know the backing format; all others are kept as they came, so
 * that a change of the header loses nothing. The feature name table has an entry of 48 bytes for
 * each feature: kind (0: incompatible), bit, and a name padded with NULs.
 */
#define FEATURE_BYTES     48
#define FEATURE_NAME_AT   2
#define KIND_INCOMPATIBLE 0

static gboolean
take_extension(Qcow2Header *header,
               guint32 type,
               const guint8 *data,
               guint32 length,
               const char *path,
               GError **error)
{
    Qcow2Extension *extension;

    for (guint i = 0; i < header->extensions->len; i++) {
        if (((Qcow2Extension *)g_ptr_array_index(header->extensions, i))->type == type)
            return qcow2_header_refuse(error, path, "header extension 0x%08x is there twice", type);
    }
    if (header->extensions->len == QCOW2_MAX_EXTENSIONS)
        return qcow2_header_refuse(
            error, path, "more than %d header extensions", QCOW2_MAX_EXTENSIONS);

    if (type == QCOW2_EXTENSION_BACKING_FORMAT) {
        if (header->backing_format != NULL || length == 0 || length > 15 ||
            memchr(data, 0, length) != NULL || !g_utf8_validate((const char *)data, length, NULL))
            return qcow2_header_refuse(
                error, path, "the backing format of %u bytes is no name", length);
        header->backing_format = g_strndup((const char *)data, length);
        return TRUE;
    }

    extension = g_new0(Qcow2Extension, 1);
    extension->type = type;
    extension->data = g_bytes_new(data, length);
    g_ptr_array_add(header->extensions, extension);
    return TRUE;
}

gboolean
qcow2_extensions_parse(Qcow2Header *header,
                       const guint8 *bytes,
                       guint64 end,
                       const char *path,
                       GError **error)
{
    guint64 at = header->header_length;

    while (at + 8 <= end) {
        guint32 type = qcow2_get32(bytes + at);
        guint32 length = qcow2_get32(bytes + at + 4);

        if (type == QCOW2_EXTENSION_END)
            return TRUE;
        at += 8;
        if (length > end - at)
            return qcow2_header_refuse(
                error, path, "header extension 0x%08x of %u bytes is too long", type, length);
        if (!take_extension(header, type, bytes + at, length, path, error))
            return FALSE;
        at += ((guint64)length + 7) / 8 * 8;
    }

    return TRUE;
}

char *
qcow2_extensions_name_feature(const Qcow2Header *header, guint bit)
{
    for (guint i = 0; i < header->extensions->len; i++) {
        const Qcow2Extension *extension = g_ptr_array_index(header->extensions, i);
        gsize length;
        const guint8 *data = g_bytes_get_data(extension->data, &length);

        for (gsize at = 0;
             extension->type == QCOW2_EXTENSION_FEATURE_NAMES && at + FEATURE_BYTES <= length;
             at += FEATURE_BYTES) {
            const char *name = (const char *)data + at + FEATURE_NAME_AT;

            if (data[at] == KIND_INCOMPATIBLE && data[at + 1] == bit) {
                g_autofree char *raw = g_strndup(name, FEATURE_BYTES - FEATURE_NAME_AT);

                return g_strescape(raw, NULL);
            }
        }
    }

    return NULL;
}

static void
append32(GByteArray *bytes, guint32 value)
{
    guint8 raw[4];

    qcow2_put32(raw, value);
    g_byte_array_append(bytes, raw, sizeof(raw));
}

static void
append_extension(GByteArray *bytes, guint32 type, const void *data, gsize length)
{
    static const guint8 padding[8];

    append32(bytes, type);
    append32(bytes, (guint32)length);
    g_byte_array_append(bytes, data, (guint)length);
    g_byte_array_append(bytes, padding, (guint)((8 - length % 8) % 8));
}

/* The backing format comes first, so that it shares a sector with the header where it can. */
void
qcow2_extensions_append(const Qcow2Header *header, GByteArray *bytes)
{
    if (header->backing_format != NULL)
        append_extension(bytes,
                         QCOW2_EXTENSION_BACKING_FORMAT,
                         header->backing_format,
                         strlen(header->backing_format));
    for (guint i = 0; i < header->extensions->len; i++) {
        const Qcow2Extension *extension = g_ptr_array_index(header->extensions, i);

        append_extension(bytes,
                         extension->type,
                         g_bytes_get_data(extension->data, NULL),
                         g_bytes_get_size(extension->data));
    }
    append_extension(bytes, QCOW2_EXTENSION_END, "", 0);
}
