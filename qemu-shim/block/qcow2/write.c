/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writing */

#include "qemu-shim/block/qcow2/write.h"

#include <errno.h>
#include <string.h>

#include "qemu-shim/io/zero.h"

/* A batch: data that may wait for its metadata. Losing it costs a job that much work again. */
#define BATCH_BYTES (64u * 1024 * 1024)

static int
commit_full_batch(Qcow2Image *image, guint64 written)
{
    image->uncommitted += written;
    return image->uncommitted >= BATCH_BYTES ? qcow2_commit_locked(image) : 0;
}

/* Whether data may be written where it is: the cluster is ours alone, by the count, not the flag.
 */
static int
can_overwrite(Qcow2Image *image, guint64 entry, gboolean *ret_can)
{
    guint16 count = 0;
    int status = 0;

    *ret_can = FALSE;
    if (qcow2_entry_kind(entry) != QCOW2_NORMAL || (entry & QCOW2_COPIED) == 0)
        return 0;

    status = qcow2_get_refcount_locked(
        image, (entry & QCOW2_OFFSET_MASK) >> image->header->cluster_bits, &count);
    *ret_can = count == 1;
    return status;
}

/* @entry no longer points at what it did, once the table is written. */
static void
release_old(Qcow2Image *image, guint64 entry)
{
    guint64 offset, length;

    switch (qcow2_entry_kind(entry)) {
    case QCOW2_DEFLATED:
        qcow2_entry_deflated_range(image, entry, &offset, &length);
        qcow2_release_later_locked(image, offset, length);
        break;
    case QCOW2_NORMAL:
    case QCOW2_ALLOCATED_ZERO:
        qcow2_release_later_locked(image, entry & QCOW2_OFFSET_MASK, image->cluster_size);
        break;
    case QCOW2_UNALLOCATED:
    case QCOW2_PLAIN_ZERO:
        break;
    }
}

/* One cluster in a new place: the part that is written, and what was around it. */
static int
write_new_cluster(Qcow2Image *image,
                  guint64 entry,
                  guint64 offset,
                  const void *buffer,
                  gsize length,
                  Qcow2ReadAround read_around,
                  gpointer user_data)
{
    gsize cluster_size = (gsize)image->cluster_size;
    gsize skip = (gsize)(offset % cluster_size);
    guint64 begin = offset - skip;
    gsize there = (gsize)MIN(cluster_size, image->header->size - begin);
    g_autofree char *cluster = g_malloc0(cluster_size);
    guint64 host = 0;
    int status = 0;

    if (skip > 0 || skip + length < there)
        status = read_around(user_data, begin, cluster, there);
    if (status == 0)
        status = qcow2_allocate_locked(image, 1, &host);
    if (status < 0)
        return status;

    memcpy(cluster + skip, buffer, length);
    status = io_file_write(image->io, host, cluster, cluster_size);
    if (status == 0)
        status = qcow2_set_entry_locked(
            image, begin >> image->header->cluster_bits, host | QCOW2_COPIED);
    if (status < 0)
        return status;

    release_old(image, entry);
    return commit_full_batch(image, cluster_size);
}

int
qcow2_write_locked(Qcow2Image *image,
                   guint64 offset,
                   const void *buffer,
                   gsize length,
                   Qcow2ReadAround read_around,
                   gpointer user_data)
{
    const char *at = buffer;

    while (length > 0) {
        gsize skip = (gsize)(offset % image->cluster_size);
        gsize part = MIN((gsize)image->cluster_size - skip, length);
        guint64 entry;
        gboolean is_ours = FALSE;
        int status = qcow2_get_entry_locked(image, offset >> image->header->cluster_bits, &entry);

        if (status == 0)
            status = can_overwrite(image, entry, &is_ours);
        if (status == 0 && is_ours)
            status = io_file_write(image->io, (entry & QCOW2_OFFSET_MASK) + skip, at, part);
        else if (status == 0)
            status = write_new_cluster(image, entry, offset, at, part, read_around, user_data);
        if (status < 0)
            return status;

        at += part;
        offset += part;
        length -= part;
    }

    return 0;
}

/* A cluster that has a place keeps it, so that the guest's next write needs no new one. */
static int
zero_cluster(Qcow2Image *image, guint64 index, guint64 entry)
{
    guint64 kept = 0;

    if (qcow2_entry_kind(entry) == QCOW2_NORMAL || qcow2_entry_kind(entry) == QCOW2_ALLOCATED_ZERO)
        kept = entry & (QCOW2_OFFSET_MASK | QCOW2_COPIED);
    else
        release_old(image, entry);
    return qcow2_set_entry_locked(image, index, kept | QCOW2_ZERO);
}

int
qcow2_write_zeroes_locked(Qcow2Image *image,
                          guint64 offset,
                          guint64 length,
                          gboolean has_backing,
                          Qcow2ReadAround read_around,
                          gpointer user_data)
{
    g_autofree char *zeros = g_malloc0((gsize)image->cluster_size);

    while (length > 0) {
        guint64 index = offset >> image->header->cluster_bits;
        gsize skip = (gsize)(offset % image->cluster_size);
        gsize part = (gsize)MIN(image->cluster_size - skip, length);
        gboolean is_whole = skip == 0 &&
                            (part == image->cluster_size || offset + part == image->header->size);
        guint64 entry;
        int status = qcow2_get_entry_locked(image, index, &entry);

        if (status < 0)
            return status;
        if (is_whole && image->header->version >= 3)
            status = zero_cluster(image, index, entry);
        else if (is_whole && entry == 0 && !has_backing)
            status = 0; /* it reads as zeros already */
        else
            status = qcow2_write_locked(image, offset, zeros, part, read_around, user_data);
        if (status < 0)
            return status;

        offset += part;
        length -= part;
    }

    return 0;
}

/* What is to be done with a cluster that is still unallocated. */
typedef enum {
    POPULATE_SKIP,
    POPULATE_ZERO,
    POPULATE_DATA,
} Populate;

static int
judge_cluster(Qcow2Image *image,
              guint64 offset,
              const char *bytes,
              gsize length,
              gboolean has_backing,
              Populate *ret_what)
{
    guint64 entry;
    int status = qcow2_get_entry_locked(image, offset >> image->header->cluster_bits, &entry);

    if (status < 0)
        return status;

    if (qcow2_entry_kind(entry) != QCOW2_UNALLOCATED)
        *ret_what = POPULATE_SKIP;
    else if (bytes != NULL && !buffer_is_zero(bytes, length))
        *ret_what = POPULATE_DATA;
    else if (image->header->version >= 3)
        *ret_what = POPULATE_ZERO;
    else
        *ret_what = has_backing ? POPULATE_DATA : POPULATE_SKIP;
    return 0;
}

/* Contiguous clusters, written at once; the last may be cut by the end of the disk. */
static int
populate_data(Qcow2Image *image, guint64 offset, const char *bytes, gsize length)
{
    gsize cluster_size = (gsize)image->cluster_size;
    gsize whole = (length + cluster_size - 1) / cluster_size * cluster_size;
    guint64 index = offset >> image->header->cluster_bits;
    guint64 host = 0;
    int status = qcow2_allocate_locked(image, whole / cluster_size, &host);

    if (status == 0 && bytes != NULL)
        status = io_file_write(image->io, host, bytes, length);
    /* Past the end of the file all reads as zeros; the length is what is missing. */
    if (status == 0 && (bytes == NULL || whole > length))
        status = io_file_write_zeroes(
            image->io, host + (bytes != NULL ? length : 0), bytes != NULL ? whole - length : whole);
    for (gsize done = 0; status == 0 && done < whole; done += cluster_size)
        status = qcow2_set_entry_locked(image, index++, (host + done) | QCOW2_COPIED);
    return status == 0 ? commit_full_batch(image, whole) : status;
}

static int
populate_run(Qcow2Image *image, guint64 offset, const char *bytes, gsize length, Populate what)
{
    guint64 end = offset + length;
    int status = 0;

    switch (what) {
    case POPULATE_SKIP:
        return 0;
    case POPULATE_DATA:
        return populate_data(image, offset, bytes, length);
    case POPULATE_ZERO:
        for (; status == 0 && offset < end; offset += image->cluster_size)
            status = qcow2_set_entry_locked(
                image, offset >> image->header->cluster_bits, QCOW2_ZERO);
        return status;
    }

    g_assert_not_reached();
}

int
qcow2_populate_locked(Qcow2Image *image,
                      guint64 offset,
                      const void *buffer,
                      guint64 length,
                      gboolean has_backing)
{
    const char *bytes = buffer;
    guint64 end = offset + length;
    guint64 begin = offset; /* of the run */
    Populate run = POPULATE_SKIP;

    if (offset % image->cluster_size != 0 ||
        (end % image->cluster_size != 0 && end != image->header->size))
        return -EINVAL;

    for (guint64 at = offset; at < end; at += image->cluster_size) {
        gsize part = (gsize)MIN(image->cluster_size, end - at);
        Populate what;
        int status = judge_cluster(
            image, at, bytes != NULL ? bytes + (at - offset) : NULL, part, has_backing, &what);

        if (status == 0 && what != run) {
            status = populate_run(image,
                                  begin,
                                  bytes != NULL ? bytes + (begin - offset) : NULL,
                                  (gsize)(at - begin),
                                  run);
            begin = at;
            run = what;
        }
        if (status < 0)
            return status;
    }

    return populate_run(
        image, begin, bytes != NULL ? bytes + (begin - offset) : NULL, (gsize)(end - begin), run);
}
