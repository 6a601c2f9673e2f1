/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stream job */

#include "qemu-shim/job/stream.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/backing.h"

/*
 * Invariant: what a guest reads never changes. The job only writes clusters of the top layer that
 * are unallocated, with what reading through the chain gives for them; the header forgets the
 * chain when all of that is durable. So it can be stopped anywhere, and started again does not copy
 * what is there already.
 */
#define MAX_COPY (4u * 1024 * 1024)
/* What is looked at in one step: so much that empty images pass quickly, so little that a job which
 * is told to stop does so at once. */
#define MAX_LOOK (64u * 1024 * 1024)

typedef struct {
    BlockGraph *graph; /* borrowed */
    BlockNode *top;
    BlockNode *base;  /* NULL: none */
    GPtrArray *chain; /* of BlockNode, owned: top and all that are merged; blocked meanwhile */
    char *backing_name;
    char *buffer;
    int error; /* the first one that was ignored */
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
static int
copy_extent(Stream *stream, const Extent *extent, gboolean *ret_is_read)
{
    int status;

    *ret_is_read = FALSE;
    if (extent->status == BLOCK_STATUS_ZERO)
        return stream->base != NULL
                   ? block_node_populate_zeroes(stream->top, extent->offset, extent->length)
                   : 0;

    *ret_is_read = TRUE;
    status = block_node_read(stream->top, extent->offset, stream->buffer, (gsize)extent->length);
    if (status < 0)
        return status;

    *ret_is_read = FALSE;
    return block_node_populate(stream->top, extent->offset, stream->buffer, (gsize)extent->length);
}

/* What a failed step is to the job: skipped (*ret_done), tried again (*ret_done is 0), or its end.
 */
static int
handle_failure(Job *job, gboolean is_read, int status, guint64 unit, guint64 *ret_done)
{
    Stream *stream = job->state;
    int outcome = status;

    *ret_done = 0;
    if (job_handle_error(job, is_read, &outcome))
        return 0;
    if (stream->error == 0)
        stream->error = status;
    if (outcome < 0)
        return outcome;

    *ret_done = unit;
    job_advance(job, unit, 0);
    return 0;
}

/* One extent; 0 or how the job ends. */
static int
do_step(Job *job, guint64 offset, guint64 *ret_done)
{
    Stream *stream = job->state;
    guint64 unit = block_node_get_cluster_size(stream->top);
    guint64 rest = block_node_get_length(stream->top) - offset;
    gboolean is_read = TRUE;
    gboolean is_data = FALSE;
    Extent extent;
    int status = find_extent(stream, offset, MIN(rest, MAX_LOOK), &extent);

    if (status == 0) {
        widen(stream, &extent);
        is_data = extent.is_below && extent.status == BLOCK_STATUS_DATA;
        if (is_data)
            extent.length = MIN(extent.length, job_chunk(job, MAX(MAX_COPY, unit), unit));
        if (extent.is_below)
            status = copy_extent(stream, &extent, &is_read);
    }
    if (status < 0)
        return handle_failure(job, is_read, status, MIN(rest, unit), ret_done);

    *ret_done = extent.length;
    job_advance(job, extent.length, is_data ? extent.length : 0);
    return 0;
}

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
    guint64 length = block_node_get_length(stream->top);
    guint64 offset = 0;
    int status;

    if (!has_work(stream))
        return 0;

    while (offset < length && job_may_go_on(job)) {
        guint64 done;

        status = do_step(job, offset, &done);
        if (status < 0)
            return status;
        offset += done;
    }
    if (offset < length)
        return -ECANCELED;

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
    g_free(stream->buffer);
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
    stream->buffer = g_malloc(MAX(MAX_COPY, block_node_get_cluster_size(options->top)));
    with_length.length = has_work(stream) ? block_node_get_length(options->top) : 0;

    if (block_node_is_read_only(options->top))
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID, "Block node is read-only");
    else if (block_chain(stream, error))
        job = job_start(list, &stream_type, &with_length, stream, error);
    if (job == NULL)
        stream_clean(&unstarted);
    return job;
}
