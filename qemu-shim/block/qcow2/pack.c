/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Packed writing */

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/qcow2/compress.h"
#include "qemu-shim/block/qcow2/mapping.h"
#include "qemu-shim/block/qcow2/write.h"

/*
 * Compressed clusters stand one after the other in a host cluster, as many as fit, and each holds a
 * reference to it; none reaches into the next. The first that is put into a host cluster writes all
 * of it, so that the file has whole clusters. What is packed is counted and flushed like any data,
 * before the entry that points there.
 */

static gboolean
is_full(const Qcow2Image *image, gsize packed)
{
    guint64 used = image->pack_end % image->cluster_size;

    return used == 0 || packed > image->cluster_size - used;
}

/* Room for @packed bytes, in the cluster that was begun or in a new one. */
static int
find_room_locked(Qcow2Image *image, gsize packed, gboolean *ret_is_new, guint64 *ret_offset)
{
    int status;

    *ret_is_new = is_full(image, packed);
    *ret_offset = image->pack_end;
    if (*ret_is_new) {
        status = qcow2_allocate_locked(image, 1, ret_offset);
    } else {
        status = qcow2_add_reference_locked(image, image->pack_end);
        /* A cluster that takes no more references is as good as full. */
        if (status == -EOVERFLOW) {
            *ret_is_new = TRUE;
            status = qcow2_allocate_locked(image, 1, ret_offset);
        }
    }
    if (status == 0)
        image->pack_end = *ret_offset + packed;
    return status;
}

static guint64
make_entry(const Qcow2Image *image, guint64 offset, gsize packed)
{
    guint offset_bits = 62 - (image->header->cluster_bits - 8);
    guint64 more_sectors = (offset + packed - 1) / 512 - offset / 512;

    return QCOW2_COMPRESSED | more_sectors << offset_bits | offset;
}

/* @bytes: a cluster's worth, of which @packed are used and the rest is zeros. */
static int
write_packed_locked(Qcow2Image *image, guint64 index, const char *bytes, gsize packed)
{
    gboolean is_new = FALSE;
    guint64 offset = 0;
    int status = find_room_locked(image, packed, &is_new, &offset);

    if (status < 0)
        return status;

    block_event_raise(image->io, BLOCK_EVENT_WRITE_COMPRESSED);
    status = io_file_write(image->io, offset, bytes, is_new ? (gsize)image->cluster_size : packed);
    if (status == 0)
        status = qcow2_link_locked(image, index, make_entry(image, offset, packed));
    if (status < 0) {
        qcow2_release_later_locked(image, offset, packed);
        return status;
    }
    return qcow2_end_write_locked(image, packed);
}

int
qcow2_write_compressed(Qcow2Image *image, guint64 offset, const void *buffer, gsize length)
{
    gsize cluster_size = (gsize)image->cluster_size;
    g_autofree char *cluster = g_try_malloc0(cluster_size);
    g_autofree char *bytes = g_try_malloc0(cluster_size);
    gsize packed = 0;
    int status;

    if (cluster == NULL || bytes == NULL)
        return -ENOMEM;
    if (offset % cluster_size != 0 || length > cluster_size ||
        (length < cluster_size && offset + length != image->header->size))
        return -EINVAL;

    memcpy(cluster, buffer, length);
    status = qcow2_deflate(
        image->header->compression, cluster, cluster_size, bytes, cluster_size - 1, &packed);
    /* What does not become smaller is written as it is; the whole cluster, so nothing is read. */
    if (status == -ENOSPC)
        return qcow2_write(image, offset, buffer, length, NULL, NULL);
    if (status < 0)
        return status;

    g_mutex_lock(&image->lock);
    status = write_packed_locked(image, offset >> image->header->cluster_bits, bytes, packed);
    g_mutex_unlock(&image->lock);
    return status;
}
