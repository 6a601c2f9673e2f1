/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stream job */

#include "qemu-shim/job/stream.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/backing.h"
#include "qemu-shim/job/copy.h"

/*
 * Invariant: what a guest reads never changes. The job only writes clusters of the top layer that
 * are unallocated, with what reading through the chain gives for them; the header forgets the
 * chain when all of that is durable. So it can be stopped anywhere, and started again does not copy
 * what is there already.
 */
/* What is looked at in one step: so much that empty images pass quickly, so little that a job which
 * is told to stop does so at once. */
#define MAX_LOOK (64u * 1024 * 1024)

/* Whether the files can share blocks, so that nothing need be copied. */
typedef enum {
    SHARING_UNKNOWN,
    SHARING_WORKS,
    SHARING_REFUSED,
} Sharing;

/* So that a job that is killed, or a power cut, costs no more than the last few seconds of work. */
#define CHECKPOINT_US (2 * G_USEC_PER_SEC)

typedef struct {
    BlockGraph *graph; /* borrowed */
    BlockNode *top;
    BlockNode *base;  /* NULL: none */
    GPtrArray *chain; /* of BlockNode, owned: top and all that are merged; blocked meanwhile */
    char *backing_name;
    guint64 next;         /* what comes next; this and the next one are of the job's thread */
    gint64 checkpoint_us; /* when what was copied was last made durable */
    int sharing;          /* atomic, a Sharing */
    int error;            /* the first one that was ignored */
} Stream;

/* One extent: @length bytes that are all the same to us. */
typedef struct {
    guint64 offset;
    guint64 length;
    BlockStatus status;
    gboolean is_below; /* it is to be copied up */
} Extent;

static int
find_extent(Stream *stream, guint64 offset, guint64 most, Extent *extent)
{
    BlockStatus own;
    int status;

    extent->offset = offset;
    extent->length = most;
    extent->is_below = FALSE;
    status = block_node_get_status(stream->top, offset, most, &own, &extent->length);
    if (status < 0 || own != BLOCK_STATUS_UNALLOCATED)
        return status;

    status = block_node_get_status_above(
        stream->top, stream->base, offset, extent->length, &extent->status, &extent->length);
    extent->is_below = extent->status != BLOCK_STATUS_UNALLOCATED;
    return status;
}

/*
 * Whole clusters of the top layer: a lower layer with smaller ones may end an extent inside, then
 * the cluster is copied whole, reading through the chain. The end of the disk may cut the last.
 */
static void
widen(Stream *stream, Extent *extent)
{
    guint64 unit = block_node_get_cluster_size(stream->top);
    guint64 rest = block_node_get_length(stream->top) - extent->offset;

    if (extent->length % unit == 0 || extent->length == rest)
        return;
    if (extent->length > unit) {
        extent->length = extent->length / unit * unit;
        return;
    }

    /* The part says nothing of the rest of its cluster: read it all. */
    extent->length = MIN(unit, rest);
    extent->status = BLOCK_STATUS_DATA;
    extent->is_below = TRUE;
}

/* Zeros below an unallocated bottom need no mark where nothing stays below. */
static gboolean
is_to_copy(const Stream *stream, const Extent *extent)
{
    return extent->is_below && (extent->status == BLOCK_STATUS_DATA || stream->base != NULL);
}

/* Blocks that are shared are not moved, so there may be more of them. */
static guint64
max_piece(Stream *stream)
{
    return g_atomic_int_get(&stream->sharing) == SHARING_WORKS ? MAX_LOOK : COPY_MAX_PIECE;
}

static int
make_checkpoint(Stream *stream)
{
    gint64 now_us = g_get_monotonic_time();

    if (now_us - stream->checkpoint_us < CHECKPOINT_US)
        return 0;
    stream->checkpoint_us = now_us;
    return block_node_flush(stream->top);
}

static int
find_next(Job *job, CopyPiece *piece, CopyNext *ret_next)
{
    Stream *stream = job->state;
    guint64 unit = block_node_get_cluster_size(stream->top);
    guint64 rest = block_node_get_length(stream->top) - stream->next;
    Extent extent;
    int status;

    *ret_next = COPY_NEXT_END;
    if (rest == 0)
        return 0;

    /* Should looking fail, this is what may be skipped. */
    piece->offset = stream->next;
    piece->length = MIN(rest, unit);
    piece->kind = BLOCK_STATUS_DATA;
    status = make_checkpoint(stream);
    if (status == 0)
        status = find_extent(stream, stream->next, MIN(rest, MAX_LOOK), &extent);
    if (status == 0) {
        widen(stream, &extent);
        piece->length = extent.length;
        piece->kind = extent.status;
        *ret_next = is_to_copy(stream, &extent) ? COPY_NEXT_PIECE : COPY_NEXT_NOTHING;
    }
    if (*ret_next == COPY_NEXT_PIECE && extent.status == BLOCK_STATUS_DATA) {
        piece->length = MIN(extent.length, job_chunk(job, max_piece(stream), unit));
        piece->cost = piece->length;
    }

    stream->next += piece->length;
    return status;
}

static int
share_piece(Stream *stream, const CopyPiece *piece, guint64 *ret_done)
{
    int status;

    *ret_done = 0;
    if (g_atomic_int_get(&stream->sharing) == SHARING_REFUSED)
        return 0;

    status = block_node_populate_shared(stream->top, piece->offset, piece->length, ret_done);
    if (*ret_done > 0)
        g_atomic_int_set(&stream->sharing, SHARING_WORKS);
    if (status != -EOPNOTSUPP)
        return status;
    g_atomic_int_set(&stream->sharing, SHARING_REFUSED);
    return 0;
}

static int
copy_piece(Job *job, const CopyPiece *piece, void *buffer, gboolean *ret_is_read)
{
    Stream *stream = job->state;
    guint64 done = 0;
    int status;

    *ret_is_read = FALSE;
    if (piece->kind == BLOCK_STATUS_ZERO)
        return block_node_populate_zeroes(stream->top, piece->offset, piece->length);

    status = share_piece(stream, piece, &done);
    while (status == 0 && done < piece->length) {
        guint64 offset = piece->offset + done;
        gsize length = (gsize)MIN(piece->length - done, COPY_MAX_PIECE);

        *ret_is_read = TRUE;
        status = block_node_read(stream->top, offset, buffer, length);
        if (status < 0)
            return status;

        *ret_is_read = FALSE;
        status = block_node_populate(stream->top, offset, buffer, length);
        done += length;
    }

    return status;
}

static void
skip_piece(Job *job, const CopyPiece *piece, int status)
{
    Stream *stream = job->state;

    if (stream->error == 0)
        stream->error = status;
}

static const CopyOps copy_ops = {
    .find_next = find_next,
    .copy = copy_piece,
    .skip = skip_piece,
};

/* As in QEMU, a job that has nothing to do has no progress either: 0 of 0. */
static gboolean
has_work(const Stream *stream)
{
    return block_node_get_backing(stream->top) != stream->base;
}

static int
stream_run(Job *job)
{
    Stream *stream = job->state;
    int status;

    if (!has_work(stream))
        return 0;

    stream->checkpoint_us = g_get_monotonic_time();
    status = copy_run(job, &copy_ops);
    if (status == 0)
        status = block_node_flush(stream->top);
    return status < 0 ? status : stream->error;
}

/* As QEMU, the name the base was opened by; one that is relative to us means another file to who
 * reads it in the header. */
static char *
name_of_base(const Stream *stream)
{
    const char *name = block_node_get_filename(stream->base);

    return g_path_is_absolute(name) ? g_strdup(name)
                                    : backing_make_name(block_node_get_filename(stream->top), name);
}

static int
stream_conclude(Job *job)
{
    Stream *stream = job->state;
    const char *format = stream->base != NULL ? block_node_get_driver_name(stream->base) : NULL;
    g_autofree char *name = g_strdup(stream->backing_name);
    int status;

    if (block_node_get_backing(stream->top) == NULL)
        return 0;
    if (stream->base != NULL && name == NULL)
        name = name_of_base(stream);

    status = block_node_change_backing_name(stream->top, name, format);
    if (status == 0)
        block_graph_replace_backing(stream->graph, stream->top, stream->base);
    return status;
}

static void
stream_clean(Job *job)
{
    Stream *stream = job->state;

    for (guint i = 0; i < stream->chain->len; i++)
        block_graph_unblock(stream->graph, g_ptr_array_index(stream->chain, i));
    g_ptr_array_unref(stream->chain);
    block_node_unref(stream->base);
    block_node_unref(stream->top);
    g_free(stream->backing_name);
    g_free(stream);
    job->state = NULL;
}

static const JobType stream_type = {
    .name = "stream",
    .run = stream_run,
    .conclude = stream_conclude,
    .clean = stream_clean,
};

/* Top and every layer that is merged may not be used by another job meanwhile. */
static gboolean
block_chain(Stream *stream, GError **error)
{
    for (BlockNode *node = stream->top; node != NULL && node != stream->base;
         node = block_node_get_backing(node)) {
        if (!block_graph_block(
                stream->graph, node, "block device is in use by block job: stream", error))
            return FALSE;
        g_ptr_array_add(stream->chain, block_node_ref(node));
    }

    return TRUE;
}

/* QEMU goes on, and the snapshots read as zeros where they had nothing of their own. */
static gboolean
check_snapshots(const Stream *stream, GError **error)
{
    guint count = has_work(stream) ? block_node_count_snapshots(stream->top) : 0;

    if (count == 0)
        return TRUE;
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_OPERATION_INVALID,
                "Image '%s' holds %u internal snapshots that read from its backing file: delete "
                "them first",
                block_node_get_filename(stream->top),
                count);
    return FALSE;
}

Job *
stream_start(JobList *list,
             BlockGraph *graph,
             const JobOptions *job_options,
             const StreamOptions *options,
             GError **error)
{
    JobOptions with_length = *job_options;
    Stream *stream = g_new0(Stream, 1);
    Job *job = NULL;
    Job unstarted = {.state = stream};

    stream->graph = graph;
    stream->top = block_node_ref(options->top);
    stream->base = options->base != NULL ? block_node_ref(options->base) : NULL;
    stream->backing_name = g_strdup(options->backing_name);
    stream->chain = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);
    with_length.length = has_work(stream) ? block_node_get_length(options->top) : 0;

    if (block_node_is_read_only(options->top))
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID, "Block node is read-only");
    else if (check_snapshots(stream, error) && block_chain(stream, error))
        job = job_start(list, &stream_type, &with_length, stream, error);
    if (job == NULL)
        stream_clean(&unstarted);
    return job;
}
