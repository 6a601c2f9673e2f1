/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest mapping */

#include "qemu-shim/block/qcow2/mapping.h"

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/qcow2/compress.h"

Qcow2Kind
qcow2_entry_kind(guint64 entry)
{
    if ((entry & QCOW2_COMPRESSED) != 0)
        return QCOW2_DEFLATED;
    if ((entry & QCOW2_ZERO) != 0)
        return (entry & QCOW2_OFFSET_MASK) != 0 ? QCOW2_ALLOCATED_ZERO : QCOW2_PLAIN_ZERO;
    return (entry & QCOW2_OFFSET_MASK) != 0 ? QCOW2_NORMAL : QCOW2_UNALLOCATED;
}

/* The number of sectors is in the bits above an offset whose width depends on the cluster size. */
void
qcow2_entry_deflated_range(const Qcow2Image *image,
                           guint64 entry,
                           guint64 *ret_offset,
                           guint64 *ret_length)
{
    guint offset_bits = 62 - (image->header->cluster_bits - 8);
    guint64 offset = entry & ((G_GUINT64_CONSTANT(1) << offset_bits) - 1);
    guint64 more_sectors = (entry & ~(QCOW2_COMPRESSED | QCOW2_COPIED)) >> offset_bits;

    *ret_offset = offset;
    *ret_length = (more_sectors + 1) * 512 - offset % 512;
}

static BlockStatus
kind_status(Qcow2Kind kind)
{
    switch (kind) {
    case QCOW2_UNALLOCATED:
        return BLOCK_STATUS_UNALLOCATED;
    case QCOW2_PLAIN_ZERO:
    case QCOW2_ALLOCATED_ZERO:
        return BLOCK_STATUS_ZERO;
    case QCOW2_NORMAL:
    case QCOW2_DEFLATED:
        return BLOCK_STATUS_DATA;
    }

    g_assert_not_reached();
}

/* Bytes from @offset to the end of what one absent L2 table would cover. */
static guint64
bytes_to_next_table(const Qcow2Image *image, guint64 offset)
{
    guint64 covered = G_GUINT64_CONSTANT(1) << (image->l2_bits + image->header->cluster_bits);

    return covered - offset % covered;
}

int
qcow2_get_status_locked(Qcow2Image *image,
                        guint64 offset,
                        guint64 length,
                        BlockStatus *ret_status,
                        guint64 *ret_length)
{
    guint bits = image->header->cluster_bits;
    guint64 end = offset;
    BlockStatus first = BLOCK_STATUS_UNALLOCATED;

    while (end < offset + length) {
        guint64 index = end >> bits;
        guint64 entry;
        BlockStatus status;
        int result;

        /* A table that is not there says "unallocated" for all it would cover. */
        if ((image->l1[index >> image->l2_bits] & QCOW2_OFFSET_MASK) == 0) {
            if (end > offset && first != BLOCK_STATUS_UNALLOCATED)
                break;
            end += bytes_to_next_table(image, end);
            continue;
        }

        result = qcow2_get_entry_locked(image, index, &entry);
        if (result < 0)
            return result;
        status = kind_status(qcow2_entry_kind(entry));
        if (end == offset)
            first = status;
        else if (status != first)
            break;
        end = (index + 1) << bits;
    }

    *ret_status = first;
    *ret_length = MIN(end - offset, length);
    return 0;
}

static int
read_deflated(Qcow2Image *image, guint64 entry, gsize skip, void *buffer, gsize length)
{
    g_autofree char *deflated = NULL;
    g_autofree char *cluster = NULL;
    guint64 offset, deflated_length;
    int status;

    qcow2_entry_deflated_range(image, entry, &offset, &deflated_length);
    if (offset < image->cluster_size || offset >= image->next_free * image->cluster_size)
        return qcow2_image_fault(
            image, "compressed data at 0x%" G_GINT64_MODIFIER "x is not within the file", offset);

    /* At most two clusters: the field for the sectors is no wider. */
    deflated = g_malloc((gsize)deflated_length);
    cluster = g_malloc((gsize)image->cluster_size);
    status = io_file_read(image->io, offset, deflated, (gsize)deflated_length);
    if (status == 0)
        status = qcow2_inflate(image->header->compression,
                               deflated,
                               (gsize)deflated_length,
                               cluster,
                               (gsize)image->cluster_size);
    if (status == 0)
        memcpy(buffer, cluster + skip, length);
    return status;
}

/* How many bytes from @offset lie side by side in the file. */
static int
find_run(Qcow2Image *image, guint64 offset, guint64 entry, gsize length, gsize *ret_length)
{
    guint bits = image->header->cluster_bits;
    guint64 index = offset >> bits;
    guint64 host = entry & QCOW2_OFFSET_MASK;
    guint64 run = image->cluster_size - offset % image->cluster_size;

    while (run < length) {
        guint64 next;
        int status = qcow2_get_entry_locked(image, ++index, &next);

        if (status < 0)
            return status;
        host += image->cluster_size;
        if (qcow2_entry_kind(next) != QCOW2_NORMAL || (next & QCOW2_OFFSET_MASK) != host)
            break;
        run += image->cluster_size;
    }

    *ret_length = (gsize)MIN(run, length);
    return 0;
}

int
qcow2_read_locked(Qcow2Image *image, guint64 offset, void *buffer, gsize length)
{
    char *at = buffer;

    while (length > 0) {
        gsize skip = (gsize)(offset % image->cluster_size);
        gsize part = MIN((gsize)image->cluster_size - skip, length);
        guint64 entry;
        int status = qcow2_get_entry_locked(image, offset >> image->header->cluster_bits, &entry);

        if (status < 0)
            return status;

        switch (qcow2_entry_kind(entry)) {
        case QCOW2_NORMAL:
            status = find_run(image, offset, entry, length, &part);
            if (status == 0)
                status = io_file_read(image->io, (entry & QCOW2_OFFSET_MASK) + skip, at, part);
            break;
        case QCOW2_DEFLATED:
            status = read_deflated(image, entry, skip, at, part);
            break;
        case QCOW2_UNALLOCATED:
        case QCOW2_PLAIN_ZERO:
        case QCOW2_ALLOCATED_ZERO:
            /* A guest that zeroed it since the status was asked. */
            memset(at, 0, part);
            break;
        }
        if (status < 0)
            return status;

        at += part;
        offset += part;
        length -= part;
    }

    return 0;
}
