/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copy up */

#include <errno.h>

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/qcow2/write.h"
#include "qemu-shim/io/zero.h"

/*
 * A job fills what this layer does not have, while a guest writes to it. The clusters of a run are
 * taken under the lock and filled without it; as they are linked, under the lock again, each
 * cluster that the guest has written meanwhile is left to the guest, and ours is given back.
 */

/* What is to be done with a cluster. */
typedef enum {
    POPULATE_SKIP,
    POPULATE_ZERO,
    POPULATE_DATA,
} Populate;

static int
judge_cluster_locked(Qcow2Image *image,
                     guint64 offset,
                     gboolean has_zeros,
                     gboolean has_backing,
                     Populate *ret_what)
{
    guint64 entry;
    int status = qcow2_get_entry_locked(image, offset >> image->header->cluster_bits, &entry);

    if (status < 0)
        return status;

    if (qcow2_entry_kind(entry) != QCOW2_UNALLOCATED)
        *ret_what = POPULATE_SKIP;
    else if (!has_zeros)
        *ret_what = POPULATE_DATA;
    else if (image->header->version >= 3)
        *ret_what = POPULATE_ZERO;
    else
        *ret_what = has_backing ? POPULATE_DATA : POPULATE_SKIP;
    return 0;
}

/* What is to be there: bytes, or the blocks of another file, or with neither zeros. */
typedef struct {
    const char *bytes;
    IoFile *file;
    guint64 offset; /* there */
} Source;

/* One kind, from @offset on. */
typedef struct {
    guint64 offset;
    guint64 length; /* of the guest; the end of the disk may cut it */
    Source source;
    Populate what;
} Run;

static Source
source_after(const Source *source, guint64 length)
{
    Source after = *source;

    if (after.bytes != NULL)
        after.bytes += length;
    after.offset += length;
    return after;
}

static gboolean
is_zero(const Source *source, guint64 from, gsize length)
{
    if (source->file != NULL)
        return FALSE;
    return source->bytes == NULL || buffer_is_zero(source->bytes + from, length);
}

static int
find_run(Qcow2Image *image,
         guint64 offset,
         const Source *source,
         guint64 end,
         gboolean has_below,
         Run *run)
{
    guint64 at;

    for (at = offset; at < end; at += image->cluster_size) {
        gsize part = (gsize)MIN(image->cluster_size, end - at);
        gboolean has_zeros = is_zero(source, at - offset, part);
        Populate what;
        int status;

        g_mutex_lock(&image->lock);
        status = judge_cluster_locked(image, at, has_zeros, has_below, &what);
        g_mutex_unlock(&image->lock);
        if (status < 0)
            return status;
        if (at > offset && what != run->what)
            break;
        run->what = what;
    }

    run->offset = offset;
    run->length = MIN(at, end) - offset;
    run->source = *source;
    return 0;
}

/* Where it is still nothing, @entry (plus the offset in the run, where it is one of data). */
static int
link_run_locked(Qcow2Image *image, const Run *run, guint64 host)
{
    for (guint64 done = 0; done < run->length; done += image->cluster_size) {
        guint64 index = (run->offset + done) >> image->header->cluster_bits;
        guint64 entry;
        int status = qcow2_get_entry_locked(image, index, &entry);

        if (status == 0 && qcow2_entry_kind(entry) == QCOW2_UNALLOCATED)
            status = qcow2_set_entry_locked(
                image, index, host != 0 ? (host + done) | QCOW2_COPIED : QCOW2_ZERO);
        else if (status == 0 && host != 0)
            qcow2_release_later_locked(image, host + done, image->cluster_size);
        if (status < 0)
            return status;
    }

    return 0;
}

static int
fill(Qcow2Image *image, const Run *run, guint64 host, guint64 whole)
{
    const Source *source = &run->source;
    guint64 given = source->bytes != NULL ? run->length : 0;
    int status = 0;

    block_event_raise(image->io, BLOCK_EVENT_WRITE_AIO);
    if (source->file != NULL)
        return io_file_clone(image->io, host, source->file, source->offset, whole);
    if (given > 0)
        status = io_file_write(image->io, host, source->bytes, (gsize)given);
    /* Past the end of the file all reads as zeros; the length is what is missing. */
    if (status == 0 && given < whole)
        status = io_file_write_zeroes(image->io, host + given, whole - given);
    return status;
}

/* What is lost with the batch at a power cut is done again: blocks that are shared, in no time. */
#define SHARED_WEIGHT 1024

static int
populate_data(Qcow2Image *image, const Run *run)
{
    guint64 weight = run->source.file != NULL ? SHARED_WEIGHT : 1;
    guint bits = image->header->cluster_bits;
    guint64 n_clusters = (run->length + image->cluster_size - 1) >> bits;
    guint64 host = 0;
    int status;

    g_mutex_lock(&image->lock);
    status = qcow2_allocate_locked(image, n_clusters, &host);
    g_mutex_unlock(&image->lock);
    if (status < 0)
        return status;

    status = fill(image, run, host, n_clusters << bits);

    g_mutex_lock(&image->lock);
    if (status < 0)
        qcow2_release_later_locked(image, host, n_clusters << bits);
    else
        status = link_run_locked(image, run, host);
    if (status == 0)
        status = qcow2_end_write_locked(image, (n_clusters << bits) / weight);
    g_mutex_unlock(&image->lock);
    return status;
}

static int
populate_run(Qcow2Image *image, const Run *run)
{
    switch (run->what) {
    case POPULATE_SKIP:
        return 0;
    case POPULATE_DATA:
        return populate_data(image, run);
    case POPULATE_ZERO: {
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);

        return link_run_locked(image, run, 0);
    }
    }

    g_assert_not_reached();
}

static int
populate(Qcow2Image *image,
         guint64 offset,
         guint64 length,
         const Source *what,
         gboolean has_backing)
{
    Source source = *what;
    guint64 end = offset + length;

    if (offset % image->cluster_size != 0 ||
        (end % image->cluster_size != 0 && end != image->header->size))
        return -EINVAL;

    while (offset < end) {
        Run run = {.what = POPULATE_SKIP};
        int status = find_run(image, offset, &source, end, has_backing, &run);

        if (status == 0)
            status = populate_run(image, &run);
        if (status < 0)
            return status;
        offset += run.length;
        source = source_after(&source, run.length);
    }

    return 0;
}

int
qcow2_populate(Qcow2Image *image,
               guint64 offset,
               const void *buffer,
               guint64 length,
               gboolean has_backing)
{
    Source source = {.bytes = buffer};

    return populate(image, offset, length, &source, has_backing);
}

int
qcow2_populate_clone(Qcow2Image *image,
                     guint64 offset,
                     guint64 length,
                     IoFile *from,
                     guint64 from_offset)
{
    Source source = {.file = from, .offset = from_offset};

    /* A cluster that the end of the disk cuts has more bytes than the guest. */
    if (length % image->cluster_size != 0)
        return -EOPNOTSUPP;
    return populate(image, offset, length, &source, TRUE);
}
