/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest writes */

#include "qemu-shim/block/qcow2/write.h"

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/event.h"

/*
 * A request is cut into runs of one kind, each as long as it can be: clusters that are ours alone
 * and side by side are overwritten where they are; whole clusters go to a contiguous new place and
 * are linked when their data is written; a cluster written in part is composed and linked under
 * the lock, so that what a job populates meanwhile is not lost.
 */
typedef enum {
    WRITE_HERE,
    WRITE_NEW,
    WRITE_PART,
} WriteKind;

typedef struct {
    WriteKind kind;
    guint64 host; /* not for WRITE_PART */
    gsize length;
} Run;

int
qcow2_end_write_locked(Qcow2Image *image, guint64 written)
{
    image->uncommitted += written;
    return image->uncommitted >= image->batch_limit ? qcow2_commit_locked(image) : 0;
}

/* Whether data may be written where it is: the cluster is ours alone, by the count, not the flag.
 */
static int
can_overwrite_locked(Qcow2Image *image, guint64 entry, gboolean *ret_can)
{
    guint64 count = 0;
    int status;

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
release_old_locked(Qcow2Image *image, guint64 entry)
{
    guint64 offset, length, end;

    switch (qcow2_entry_kind(entry)) {
    case QCOW2_IS_COMPRESSED:
        qcow2_entry_compressed_range(image, entry, &offset, &length);
        /* Sectors past the end of the file are nobody's. */
        end = MIN(offset + length, image->next_free * image->cluster_size);
        if (end > offset)
            qcow2_release_later_locked(image, offset, end - offset);
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

int
qcow2_link_locked(Qcow2Image *image, guint64 index, guint64 entry)
{
    guint64 old;
    int status = qcow2_get_entry_locked(image, index, &old);

    if (status == 0)
        status = qcow2_set_entry_locked(image, index, entry);
    if (status == 0)
        release_old_locked(image, old);
    return status;
}

/* The cluster at @index of the guest is now the one at @host. */
static int
link_cluster_locked(Qcow2Image *image, guint64 index, guint64 host)
{
    return qcow2_link_locked(image, index, host | QCOW2_COPIED);
}

/* Whole clusters from @offset on that cannot be overwritten, up to @length. */
static int
find_new_locked(Qcow2Image *image, guint64 offset, gsize length, gsize *ret_length)
{
    gsize done = 0;

    while (length - done >= image->cluster_size) {
        guint64 entry;
        gboolean is_ours = FALSE;
        int status = qcow2_get_entry_locked(
            image, (offset + done) >> image->header->cluster_bits, &entry);

        if (status == 0)
            status = can_overwrite_locked(image, entry, &is_ours);
        if (status < 0)
            return status;
        if (is_ours)
            break;
        done += (gsize)image->cluster_size;
    }

    *ret_length = done;
    return 0;
}

/* Of a run that lies side by side, the part that is ours alone; the first cluster is. */
static int
find_ours_locked(Qcow2Image *image, guint64 offset, gsize length, Run *run)
{
    gsize done = (gsize)(image->cluster_size - offset % image->cluster_size);

    while (done < length) {
        guint64 entry;
        gboolean is_ours = FALSE;
        int status = qcow2_get_entry_locked(
            image, (offset + done) >> image->header->cluster_bits, &entry);

        if (status == 0)
            status = can_overwrite_locked(image, entry, &is_ours);
        if (status < 0)
            return status;
        if (!is_ours)
            break;
        done += (gsize)image->cluster_size;
    }

    run->length = MIN(done, length);
    return 0;
}

static int
plan_run_locked(Qcow2Image *image, guint64 offset, gsize length, Run *run)
{
    gsize skip = (gsize)(offset % image->cluster_size);
    gboolean is_ours = FALSE;
    guint64 entry;
    int status = qcow2_get_entry_locked(image, offset >> image->header->cluster_bits, &entry);

    if (status == 0)
        status = can_overwrite_locked(image, entry, &is_ours);
    if (status < 0)
        return status;

    if (is_ours) {
        run->kind = WRITE_HERE;
        run->host = (entry & QCOW2_OFFSET_MASK) + skip;
        status = qcow2_find_run_locked(image, offset, entry, length, &run->length);
        return status < 0 ? status : find_ours_locked(image, offset, run->length, run);
    }

    if (skip == 0 && length >= image->cluster_size) {
        run->kind = WRITE_NEW;
        status = find_new_locked(image, offset, length, &run->length);
        return status < 0 ? status
                          : qcow2_allocate_locked(
                                image, run->length >> image->header->cluster_bits, &run->host);
    }

    run->kind = WRITE_PART;
    run->length = MIN((gsize)image->cluster_size - skip, length);
    return 0;
}

static int
write_part_locked(Qcow2Image *image,
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
    g_autofree char *cluster = g_try_malloc0(cluster_size);
    guint64 host = 0;
    int status = cluster != NULL ? 0 : -ENOMEM;

    block_event_raise(image->io, BLOCK_EVENT_COW_READ);
    if (status == 0 && (skip > 0 || skip + length < there))
        status = read_around(user_data, begin, cluster, there);
    if (status == 0)
        status = qcow2_allocate_locked(image, 1, &host);
    if (status < 0)
        return status;

    memcpy(cluster + skip, buffer, length);
    block_event_raise(image->io, BLOCK_EVENT_WRITE_AIO);
    status = io_file_write(image->io, host, cluster, cluster_size);
    if (status == 0)
        status = link_cluster_locked(image, begin >> image->header->cluster_bits, host);
    if (status < 0)
        qcow2_release_later_locked(image, host, cluster_size);
    return status < 0 ? status : qcow2_end_write_locked(image, cluster_size);
}

/* Data that is written becomes the guest's; had it failed, its clusters are nobody's again. */
static int
link_run_locked(Qcow2Image *image, guint64 offset, const Run *run, int status)
{
    gsize done = 0;

    for (; status == 0 && done < run->length; done += (gsize)image->cluster_size) {
        status = link_cluster_locked(
            image, (offset + done) >> image->header->cluster_bits, run->host + done);
        if (status < 0)
            break;
    }
    if (status < 0)
        qcow2_release_later_locked(image, run->host + done, run->length - done);
    return status < 0 ? status : qcow2_end_write_locked(image, run->length);
}

int
qcow2_write(Qcow2Image *image,
            guint64 offset,
            const void *buffer,
            gsize length,
            Qcow2ReadAround read_around,
            gpointer user_data)
{
    const char *at = buffer;

    while (length > 0) {
        Run run = {.kind = WRITE_PART};
        int status;

        g_mutex_lock(&image->lock);
        status = plan_run_locked(image, offset, length, &run);
        if (status == 0 && run.kind == WRITE_PART)
            status = write_part_locked(image, offset, at, run.length, read_around, user_data);
        g_mutex_unlock(&image->lock);
        if (status < 0)
            return status;

        if (run.kind != WRITE_PART) {
            block_event_raise(image->io, BLOCK_EVENT_WRITE_AIO);
            status = io_file_write(image->io, run.host, at, run.length);
        }
        if (run.kind == WRITE_NEW) {
            g_mutex_lock(&image->lock);
            status = link_run_locked(image, offset, &run, status);
            g_mutex_unlock(&image->lock);
        }
        if (status < 0)
            return status;

        at += run.length;
        offset += run.length;
        length -= run.length;
    }

    return 0;
}

/* A cluster that has a place keeps it, so that the guest's next write needs no new one. */
static int
zero_cluster(Qcow2Image *image, guint64 index)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);
    guint64 entry, kept = 0;
    int status = qcow2_get_entry_locked(image, index, &entry);

    if (status < 0)
        return status;
    if (qcow2_entry_kind(entry) == QCOW2_NORMAL || qcow2_entry_kind(entry) == QCOW2_ALLOCATED_ZERO)
        kept = entry & (QCOW2_OFFSET_MASK | QCOW2_COPIED);

    status = qcow2_set_entry_locked(image, index, kept | QCOW2_ZERO);
    if (status == 0 && kept == 0)
        release_old_locked(image, entry);
    return status;
}

/* Version 2 cannot say "zero"; where nothing is and nothing is below, zeros are read anyway. */
static int
is_zero_without_mark(Qcow2Image *image, guint64 index, gboolean has_backing, gboolean *ret_is_zero)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);
    guint64 entry;
    int status = qcow2_get_entry_locked(image, index, &entry);

    *ret_is_zero = status == 0 && entry == 0 && !has_backing;
    return status;
}

int
qcow2_write_zeroes(Qcow2Image *image,
                   guint64 offset,
                   guint64 length,
                   gboolean has_backing,
                   Qcow2ReadAround read_around,
                   gpointer user_data)
{
    g_autofree char *zeros = g_try_malloc0((gsize)image->cluster_size);

    if (zeros == NULL)
        return -ENOMEM;

    while (length > 0) {
        guint64 index = offset >> image->header->cluster_bits;
        gsize skip = (gsize)(offset % image->cluster_size);
        gsize part = (gsize)MIN(image->cluster_size - skip, length);
        gboolean is_whole = skip == 0 &&
                            (part == image->cluster_size || offset + part == image->header->size);
        gboolean is_zero = FALSE;
        int status = 0;

        if (is_whole && image->header->version >= 3) {
            status = zero_cluster(image, index);
            is_zero = TRUE;
        } else if (is_whole) {
            status = is_zero_without_mark(image, index, has_backing, &is_zero);
        }
        if (status == 0 && !is_zero)
            status = qcow2_write(image, offset, zeros, part, read_around, user_data);
        if (status < 0)
            return status;

        offset += part;
        length -= part;
    }

    return 0;
}
