/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest mapping */

#include "qemu-shim/block/qcow2/mapping.h"

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/qcow2/compress.h"

Qcow2Kind
qcow2_entry_kind(guint64 entry)
{
    if ((entry & QCOW2_COMPRESSED) != 0)
        return QCOW2_IS_COMPRESSED;
    if ((entry & QCOW2_ZERO) != 0)
        return (entry & QCOW2_OFFSET_MASK) != 0 ? QCOW2_ALLOCATED_ZERO : QCOW2_PLAIN_ZERO;
    return (entry & QCOW2_OFFSET_MASK) != 0 ? QCOW2_NORMAL : QCOW2_UNALLOCATED;
}

/* The number of sectors is in the bits above an offset whose width depends on the cluster size. */
void
qcow2_entry_compressed_range(const Qcow2Image *image,
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
    case QCOW2_IS_COMPRESSED:
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
        if (qcow2_numbers_get(image->l1, index >> image->l2_bits) == 0) {
            if (end > offset && first != BLOCK_STATUS_UNALLOCATED)
                break;
            end += bytes_to_next_table(image, end);
            continue;
        }

        /* What is before a corrupt entry can be told. */
        result = qcow2_get_entry_locked(image, index, &entry);
        if (result < 0 && end > offset)
            break;
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

int
qcow2_find_run_locked(Qcow2Image *image,
                      guint64 offset,
                      guint64 entry,
                      gsize length,
                      gsize *ret_length)
{
    guint64 index = offset >> image->header->cluster_bits;
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
qcow2_find_place_locked(Qcow2Image *image,
                        guint64 offset,
                        guint64 length,
                        guint64 *ret_host,
                        guint64 *ret_length)
{
    guint64 entry;
    gsize run = 0;
    int status = qcow2_get_entry_locked(image, offset >> image->header->cluster_bits, &entry);

    if (status < 0)
        return status;
    if (qcow2_entry_kind(entry) != QCOW2_NORMAL)
        return -ENOTSUP;

    status = qcow2_find_run_locked(image, offset, entry, (gsize)MIN(length, G_MAXSSIZE), &run);
    *ret_host = (entry & QCOW2_OFFSET_MASK) + offset % image->cluster_size;
    *ret_length = run;
    return status;
}

/* A part of what @entry maps @offset to, which is known to be of one kind. */
typedef struct {
    guint64 entry;
    guint64 offset;
    gsize length;
} Extent;

static int
find_extent_locked(Qcow2Image *image, guint64 offset, gsize length, Extent *extent)
{
    int status = qcow2_get_entry_locked(
        image, offset >> image->header->cluster_bits, &extent->entry);

    if (status < 0)
        return status;
    extent->offset = offset;
    extent->length = MIN((gsize)(image->cluster_size - offset % image->cluster_size), length);
    if (qcow2_entry_kind(extent->entry) == QCOW2_NORMAL)
        return qcow2_find_run_locked(image, offset, extent->entry, length, &extent->length);
    return 0;
}

/* The entry was judged as its table was loaded, so the bytes are in the file, or zeros past it. */
static int
read_compressed(const Qcow2Image *image, const Extent *extent, void *buffer)
{
    g_autofree char *packed = NULL;
    g_autofree char *cluster = NULL;
    guint64 offset, length;
    int status;

    /* At most two clusters: the field for the sectors is no wider. */
    qcow2_entry_compressed_range(image, extent->entry, &offset, &length);
    packed = g_try_malloc((gsize)length);
    cluster = g_try_malloc((gsize)image->cluster_size);
    if (packed == NULL || cluster == NULL)
        return -ENOMEM;

    block_event_raise(image->io, BLOCK_EVENT_READ_COMPRESSED);
    status = io_file_read(image->io, offset, packed, (gsize)length);
    if (status == 0)
        status = qcow2_inflate(
            image->header->compression, packed, (gsize)length, cluster, (gsize)image->cluster_size);
    if (status == 0)
        memcpy(buffer, cluster + extent->offset % image->cluster_size, extent->length);
    return status;
}

static int
read_extent(const Qcow2Image *image, const Extent *extent, void *buffer)
{
    guint64 skip = extent->offset % image->cluster_size;

    switch (qcow2_entry_kind(extent->entry)) {
    case QCOW2_NORMAL:
        block_event_raise(image->io, BLOCK_EVENT_READ_AIO);
        return io_file_read(
            image->io, (extent->entry & QCOW2_OFFSET_MASK) + skip, buffer, extent->length);
    case QCOW2_IS_COMPRESSED:
        return read_compressed(image, extent, buffer);
    case QCOW2_UNALLOCATED:
    case QCOW2_PLAIN_ZERO:
    case QCOW2_ALLOCATED_ZERO:
        /* A guest that zeroed it since the status was asked. */
        memset(buffer, 0, extent->length);
        return 0;
    }

    g_assert_not_reached();
}

static int
tell_of_bad_data(Qcow2Image *image, const Extent *extent, gboolean is_locked)
{
    g_autoptr(GMutexLocker) locker = is_locked ? NULL : g_mutex_locker_new(&image->lock);

    return qcow2_image_fault(image,
                             "the compressed data of guest cluster %" G_GUINT64_FORMAT
                             " (L2 entry 0x%" G_GINT64_MODIFIER "x) cannot be expanded",
                             extent->offset >> image->header->cluster_bits,
                             extent->entry);
}

static int
read_loop(Qcow2Image *image, guint64 offset, void *buffer, gsize length, gboolean is_locked)
{
    char *at = buffer;

    while (length > 0) {
        Extent extent;
        int status;

        if (!is_locked)
            g_mutex_lock(&image->lock);
        status = find_extent_locked(image, offset, length, &extent);
        if (!is_locked)
            g_mutex_unlock(&image->lock);

        if (status == 0)
            status = read_extent(image, &extent, at);
        if (status == -EBADMSG)
            status = tell_of_bad_data(image, &extent, is_locked);
        if (status < 0)
            return status;

        at += extent.length;
        offset += extent.length;
        length -= extent.length;
    }

    return 0;
}

int
qcow2_read(Qcow2Image *image, guint64 offset, void *buffer, gsize length)
{
    return read_loop(image, offset, buffer, length, FALSE);
}

int
qcow2_read_locked(Qcow2Image *image, guint64 offset, void *buffer, gsize length)
{
    return read_loop(image, offset, buffer, length, TRUE);
}
