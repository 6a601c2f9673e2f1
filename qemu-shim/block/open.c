/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Opening nodes */

#include "qemu-shim/block/open.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/backing.h"
#include "qemu-shim/block/compress-driver.h"
#include "qemu-shim/block/copy-on-read-driver.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/registry.h"
#include "qemu-shim/block/throttle-driver.h"
#include "qemu-shim/io/host.h"

/*
 * The way down a chain. Each layer knows those above it, so that a header which names one of them
 * is found before its locks would be in the way of our own, and before it is read for ever.
 */
typedef struct Layer Layer;
struct Layer {
    const Layer *above; /* NULL: the top */
    IoIdentity identity;
    gboolean has_identity;
    const char *filename;
    guint depth; /* 1 at the top */
};

static BlockNode *
open_node(BlockGraph *graph, const BlockRequest *request, const Layer *above, GError **error);

guint
block_open_get_depth(BlockNode *node)
{
    guint depth = 0;

    for (; node != NULL; node = block_node_get_backing(node))
        depth++;
    return depth;
}

static gboolean
check_depth(guint depth, const char *filename, GError **error)
{
    if (depth <= BLOCK_MAX_DEPTH)
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_LIMIT,
                "the backing chain is deeper than %d layers at '%s'",
                BLOCK_MAX_DEPTH,
                filename);
    return FALSE;
}

static gboolean
check_loop(const Layer *layer, GError **error)
{
    for (const Layer *above = layer->above; above != NULL; above = above->above) {
        if (!layer->has_identity || !above->has_identity ||
            layer->identity.device != above->identity.device ||
            layer->identity.inode != above->identity.inode)
            continue;
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_INVALID,
                    "the backing chain is a loop: '%s' is backed by '%s', which is the same file "
                    "as '%s' above it",
                    layer->above->filename,
                    layer->filename,
                    above->filename);
        return FALSE;
    }

    return TRUE;
}

/* What every node has of its request. */
static void
dress(BlockGraph *graph, BlockNode *node, const BlockRequest *request)
{
    const BlockTuning *tuning = &request->tuning;

    block_registry_name(graph, node, request->node_name);
    node->strong = request->strong != NULL ? g_variant_ref(request->strong) : NULL;
    node->detect_zeroes = tuning->detect_zeroes;
    node->has_unmap = tuning->has_unmap;
    node->is_direct = tuning->is_direct;
    node->is_without_flush = tuning->is_without_flush;
}

static BlockNode *
open_file(const BlockRequest *request, GError **error)
{
    g_autoptr(GError) write_error = NULL;
    BlockNode *node;

    if (request->is_read_only)
        node = file_node_open(request->filename, FALSE, error);
    else
        node = file_node_open(request->filename, TRUE, &write_error);

    if (write_error != NULL && request->is_auto_read_only &&
        g_error_matches(write_error, VBLK_ERROR, VBLK_ERROR_IMAGE_ACCESS))
        node = file_node_open(request->filename, FALSE, error);
    else if (write_error != NULL)
        g_propagate_error(error, g_steal_pointer(&write_error));
    if (node == NULL)
        return NULL;

    if (request->format == BLOCK_FORMAT_HOST_DEVICE &&
        !g_str_equal(block_node_get_driver_name(node), "host_device")) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_INVALID,
                    "'host_device' driver requires '%s' to be either a character or block device",
                    request->filename);
        block_node_unref(node);
        return NULL;
    }

    return node;
}

static BlockNode *
open_protocol(BlockGraph *graph, const BlockRequest *request, GError **error)
{
    BlockNode *node = NULL;

    switch (request->format) {
    case BLOCK_FORMAT_FILE:
    case BLOCK_FORMAT_HOST_DEVICE:
        node = open_file(request, error);
        break;
    case BLOCK_FORMAT_NULL_CO:
    case BLOCK_FORMAT_NULL_AIO:
        node = null_node_open(request->format == BLOCK_FORMAT_NULL_AIO,
                              request->is_read_only,
                              &request->settings.null,
                              error);
        break;
    case BLOCK_FORMAT_NBD:
        node = nbd_node_open(
            request->nbd, request->is_read_only, request->is_auto_read_only, error);
        break;
    case BLOCK_FORMAT_RAW:
    case BLOCK_FORMAT_QCOW2:
    case BLOCK_FORMAT_THROTTLE:
    case BLOCK_FORMAT_BLKDEBUG:
    case BLOCK_FORMAT_COPY_ON_READ:
    case BLOCK_FORMAT_COMPRESS:
    case BLOCK_FORMAT_QUORUM:
        g_assert_not_reached();
    }

    if (node != NULL)
        dress(graph, node, request);
    return node;
}

static gboolean
lock_file(BlockNode *file, const BlockRequest *request, GError **error)
{
    if (request->format != BLOCK_FORMAT_FILE && request->format != BLOCK_FORMAT_HOST_DEVICE)
        return TRUE;
    return request->is_unlocked || file_node_lock(file, request->is_shared, error);
}

static BlockNode *
find_reference(BlockGraph *graph, const char *name, GError **error)
{
    BlockNode *node = block_graph_find(graph, name);

    if (node == NULL)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Cannot find device='%s' nor node-name='%s'",
                    name,
                    name);
    return node;
}

/* Who writes to @node, or through a filter on it: its name, or "a device"; NULL: nobody. */
static const char *
find_writer(BlockGraph *graph, BlockNode *node)
{
    g_autoptr(GPtrArray) list = block_graph_list(graph);

    if (node->device_count > 0 && !node->is_read_only)
        return "a device";

    for (guint i = 0; i < list->len; i++) {
        BlockNode *above = list->pdata[i];
        const char *writer = NULL;

        if (!block_registry_is_parent(above, node) || above->is_read_only)
            continue;
        writer = above->driver->is_filter ? find_writer(graph, above) : above->name;
        if (writer != NULL)
            return writer;
    }

    return NULL;
}

/*
 * A node that is there already may be read by several others, or be written by one. A filter writes
 * what those above it write.
 */
static gboolean
check_sharing(BlockGraph *graph, BlockNode *child, const BlockRequest *request, GError **error)
{
    gboolean must_write = !request->is_read_only && !request->is_auto_read_only;
    const char *writer = NULL;

    for (BlockNode *node = child; node != NULL && writer == NULL; node = node->file) {
        if (must_write && node->is_read_only) {
            g_set_error_literal(
                error, VBLK_ERROR, VBLK_ERROR_IMAGE_ACCESS, "Block node is read-only");
            return FALSE;
        }
        writer = node->is_read_only ? NULL : find_writer(graph, node);
        if (!node->driver->is_filter)
            break;
    }
    if (writer == NULL)
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_OPERATION_INVALID,
                "node '%s' is already used by %s",
                child->name,
                writer);
    return FALSE;
}

static BlockNode *
reference_child(BlockGraph *graph, const char *name, const BlockRequest *request, GError **error)
{
    BlockNode *child = find_reference(graph, name, error);

    if (child == NULL ||
        (block_format_is_image(request->format) && !check_sharing(graph, child, request, error)))
        return NULL;
    return block_node_ref(child);
}

/* A file is not locked before it is known not to be one above. */
static BlockNode *
obtain_file(BlockGraph *graph, const BlockRequest *request, const Layer *above, GError **error)
{
    const BlockRequest *below = request->file.request;

    if (below == NULL)
        return reference_child(graph, request->file.name, request, error);
    return block_format_is_protocol(below->format) ? open_protocol(graph, below, error)
                                                   : open_node(graph, below, above, error);
}

/* Through the header: everything it says is checked, and the result is read-only. */
static gboolean
open_recorded_backing(BlockGraph *graph,
                      BlockNode *node,
                      gboolean is_shared,
                      const Layer *layer,
                      GError **error)
{
    g_autoptr(BlockRequest) request = NULL;
    g_autoptr(BlockNode) backing = NULL;
    BlockFormat format;

    if (node->backing_name == NULL)
        return TRUE;

    node->backing_filename = backing_resolve(node->filename, node->backing_name, error);
    if (node->backing_filename == NULL ||
        !backing_get_format(
            node->filename, node->backing_name, node->backing_format, &format, error))
        return FALSE;

    request = block_request_new_for_image(node->backing_filename, format, TRUE, is_shared);
    backing = open_node(graph, request, layer, error);
    if (backing == NULL)
        return FALSE;

    block_node_set_backing(node, backing);
    return TRUE;
}

static gboolean
reference_backing(BlockGraph *graph,
                  BlockNode *node,
                  const char *name,
                  const Layer *layer,
                  GError **error)
{
    BlockNode *backing = find_reference(graph, name, error);

    if (backing == NULL ||
        !check_depth(layer->depth + block_open_get_depth(backing), node->filename, error))
        return FALSE;
    if (!block_node_is_read_only(backing) && backing->device_count > 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "node '%s' cannot be a backing node: a device writes to it",
                    name);
        return FALSE;
    }

    block_node_set_backing(node, backing);
    return TRUE;
}

/* Whether it is left to the header what the backing node is. */
static gboolean
is_recorded(const BlockReference *backing)
{
    return backing->name == NULL && backing->request == NULL && !backing->is_null;
}

static gboolean
attach_backing(BlockGraph *graph,
               BlockNode *node,
               const BlockRequest *request,
               const Layer *layer,
               GError **error)
{
    g_autoptr(BlockNode) backing = NULL;

    if (!node->driver->has_backing)
        return TRUE;
    if (node->backing_name != NULL && !is_recorded(&request->backing))
        node->backing_filename = backing_resolve(node->filename, node->backing_name, NULL);
    if (request->backing.is_null)
        return TRUE;
    if (request->backing.name != NULL)
        return reference_backing(graph, node, request->backing.name, layer, error);
    if (is_recorded(&request->backing))
        return open_recorded_backing(graph, node, request->is_shared, layer, error);

    backing = open_node(graph, request->backing.request, layer, error);
    if (backing == NULL)
        return FALSE;
    block_node_set_backing(node, backing);
    return TRUE;
}

/* Takes @file. */
static BlockNode *
open_throttle(BlockGraph *graph,
              BlockNode *file,
              const BlockRequest *request,
              gboolean is_read_only,
              GError **error)
{
    g_autoptr(BlockNode) owned = file;
    ThrottleGroup *group = throttle_group_find(graph, request->throttle_group, error);

    return group != NULL ? throttle_node_open(g_steal_pointer(&owned), is_read_only, group) : NULL;
}

/* Takes @file. */
static BlockNode *
open_copy_on_read(BlockGraph *graph,
                  BlockNode *file,
                  const BlockRequest *request,
                  gboolean is_read_only,
                  GError **error)
{
    g_autoptr(BlockNode) owned = file;
    BlockNode *bottom = request->bottom != NULL ? block_graph_find(graph, request->bottom) : NULL;

    if (request->bottom != NULL && bottom == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Bottom node '%s' not found",
                    request->bottom);
        return NULL;
    }

    return copy_on_read_node_open(g_steal_pointer(&owned), is_read_only, bottom, error);
}

/* Takes @file. */
static BlockNode *
open_over(BlockGraph *graph, BlockNode *file, const BlockRequest *request, GError **error)
{
    gboolean is_read_only = request->is_read_only ||
                            (request->is_auto_read_only && block_node_is_read_only(file));

    switch (request->format) {
    case BLOCK_FORMAT_RAW:
        return raw_node_open(file, is_read_only, &request->settings.raw, error);
    case BLOCK_FORMAT_QCOW2:
        return qcow2_node_open(file, is_read_only, error);
    case BLOCK_FORMAT_BLKDEBUG:
        return blkdebug_node_open(file, is_read_only, request->blkdebug, error);
    case BLOCK_FORMAT_COPY_ON_READ:
        return open_copy_on_read(graph, file, request, is_read_only, error);
    case BLOCK_FORMAT_COMPRESS:
        return compress_node_open(file, is_read_only, error);
    case BLOCK_FORMAT_THROTTLE:
        return open_throttle(graph, file, request, is_read_only, error);
    case BLOCK_FORMAT_FILE:
    case BLOCK_FORMAT_HOST_DEVICE:
    case BLOCK_FORMAT_NULL_CO:
    case BLOCK_FORMAT_NULL_AIO:
    case BLOCK_FORMAT_NBD:
    case BLOCK_FORMAT_QUORUM:
        break;
    }

    g_assert_not_reached();
}

static BlockNode *
open_on_file(BlockGraph *graph, const BlockRequest *request, const Layer *above, GError **error)
{
    /* Where the file is an option of the driver's own, the node comes before it. */
    guint64 serial = block_format_has_file(request->format) ? 0 : ++graph->last_serial;
    g_autoptr(BlockNode) file = obtain_file(graph, request, above, error);
    g_autoptr(BlockNode) node = NULL;
    Layer layer = {.above = above, .depth = above != NULL ? above->depth + 1 : 1};

    if (file == NULL)
        return NULL;
    layer.filename = file->filename;
    layer.has_identity = io_file_get_identity(block_node_get_io(file), &layer.identity);
    if (!check_depth(layer.depth, file->filename, error) || !check_loop(&layer, error))
        return NULL;
    if (request->file.request != NULL && !lock_file(file, request->file.request, error))
        return NULL;

    node = open_over(graph, g_steal_pointer(&file), request, error);
    if (node == NULL)
        return NULL;
    dress(graph, node, request);
    if (serial != 0)
        node->serial = serial;
    return attach_backing(graph, node, request, &layer, error) ? g_steal_pointer(&node) : NULL;
}

static BlockNode *
open_quorum(BlockGraph *graph, const BlockRequest *request, const Layer *above, GError **error)
{
    g_autoptr(GPtrArray)
        children = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);
    guint64 serial = ++graph->last_serial;
    BlockNode *node;

    for (guint i = 0; i < request->children->len; i++) {
        const BlockReference *reference = request->children->pdata[i];
        BlockNode *child = reference->request != NULL
                               ? open_node(graph, reference->request, above, error)
                               : reference_child(graph, reference->name, request, error);

        if (child == NULL)
            return NULL;
        g_ptr_array_add(children, child);
    }

    node = quorum_node_open(
        children, request->is_read_only, &request->settings.quorum, &graph->reporter, error);
    if (node == NULL)
        return NULL;
    dress(graph, node, request);
    node->serial = serial;
    return node;
}

/* A file on its own is a node as well. */
static BlockNode *
open_node(BlockGraph *graph, const BlockRequest *request, const Layer *above, GError **error)
{
    g_autoptr(BlockNode) node = NULL;

    if (request->format == BLOCK_FORMAT_QUORUM)
        return open_quorum(graph, request, above, error);
    if (!block_format_is_protocol(request->format))
        return open_on_file(graph, request, above, error);

    node = open_protocol(graph, request, error);
    return node != NULL && lock_file(node, request, error) ? g_steal_pointer(&node) : NULL;
}

/* Names are checked before a file is touched; two of one request must differ as well. */
static gboolean
check_names(BlockGraph *graph, const BlockRequest *request, GHashTable *seen, GError **error)
{
    const char *name;

    if (request == NULL)
        return TRUE;

    name = request->node_name;
    if (name != NULL &&
        (block_graph_find(graph, name) != NULL || !g_hash_table_add(seen, (gpointer)name))) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Duplicate nodes with node-name='%s'",
                    name);
        return FALSE;
    }

    for (guint i = 0; request->children != NULL && i < request->children->len; i++) {
        const BlockReference *child = request->children->pdata[i];

        if (!check_names(graph, child->request, seen, error))
            return FALSE;
    }

    return check_names(graph, request->file.request, seen, error) &&
           check_names(graph, request->backing.request, seen, error);
}

BlockNode *
block_open(BlockGraph *graph, const BlockRequest *request, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    return check_names(graph, request, seen, error) ? open_node(graph, request, NULL, error) : NULL;
}
