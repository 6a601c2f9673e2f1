/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* External snapshots */

#include "qemu-shim/block/snapshot.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/backing.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/filename.h"
#include "qemu-shim/block/open.h"
#include "qemu-shim/block/qcow2/create.h"
#include "qemu-shim/block/registry.h"
#include "qemu-shim/io/host.h"
#include "qemu-shim/io/lock.h"

/*
 * Order: everything of @node is flushed; the overlay is created, flushed and entered durably in its
 * folder, readable by nobody else until it has the permissions of the image below; it is opened;
 * then the graph changes, which cannot fail; and only then does @node give up writing.
 */

/* Whether a path alone means @node, as it must in the header of an overlay. */
static gboolean
has_path(BlockNode *node)
{
    const char *below = node->file != NULL ? node->file->driver->name : "";

    return (g_str_equal(below, "file") || g_str_equal(below, "host_device")) &&
           (node->strong == NULL || g_variant_n_children(node->strong) == 0);
}

static gboolean
check_node(BlockGraph *graph, BlockNode *node, GError **error)
{
    const char *role;
    BlockNode *user = block_registry_find_user(graph, node, &role);
    g_autofree char *reason = NULL;

    if (!node->driver->is_format)
        reason = g_strdup("it is a file, not an image");
    else if (node->blockers->len > 0)
        reason = g_strdup(node->blockers->pdata[0]);
    else if (user != NULL)
        reason = g_strdup_printf("node is used as %s hd of '%s'", role, user->name);
    else if (block_open_get_depth(node) >= BLOCK_MAX_DEPTH)
        reason = g_strdup_printf("its chain has %d layers already", BLOCK_MAX_DEPTH);

    if (reason != NULL)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "Node '%s' is busy: %s",
                    node->name,
                    reason);
    return reason == NULL;
}

static gboolean
fill_overlay(IoFile *file, BlockNode *node, GError **error)
{
    g_autofree char *backing_name = g_canonicalize_filename(node->filename, NULL);
    Qcow2CreateOptions options = {
        .size = block_node_get_length(node),
        .backing_name = backing_name,
        .backing_format = node->driver->name,
    };
    g_autofree char *resolved = backing_resolve(file->path, backing_name, error);
    int status;

    /* What we would refuse to open again we do not write. */
    if (resolved == NULL || !qcow2_create(file, &options, error))
        return FALSE;

    status = io_file_copy_access(file, block_node_get_io(node));
    if (status == 0)
        status = io_file_flush(file);
    if (status == 0)
        status = io_host_flush_folder_of(file->path);
    if (status < 0) {
        block_set_error(error, status, "cannot create the overlay", file->path);
        return FALSE;
    }

    return TRUE;
}

/* A file of our own making that is of no use is no trace to leave. */
static void
discard_overlay(const char *path)
{
    int status = io_host_unlink(path);

    if (status < 0)
        g_debug("cannot remove '%s': %s", path, g_strerror(-status));
}

static gboolean
create_overlay(BlockNode *node, const char *path, GError **error)
{
    g_autoptr(IoFile) file = NULL;
    int status = io_file_open(path, IO_OPEN_READ_WRITE | IO_OPEN_CREATE, &file);

    if (status < 0) {
        block_set_error(error, status, "cannot create the overlay", path);
        return FALSE;
    }
    if (!fill_overlay(file, node, error)) {
        discard_overlay(path);
        return FALSE;
    }

    return TRUE;
}

static BlockNode *
open_overlay(BlockGraph *graph, const BlockSnapshotOptions *options, GError **error)
{
    g_autoptr(BlockRequest) request = NULL;

    if (options->image != NULL)
        request = block_request_new(options->image, error);
    else
        request = block_request_new_for_image(options->path, BLOCK_FORMAT_QCOW2, FALSE, FALSE);
    if (request == NULL)
        return NULL;
    if (request->format != BLOCK_FORMAT_QCOW2) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "an overlay of the driver '%s' has no backing file",
                    block_format_to_string(request->format));
        return NULL;
    }

    if (options->node_name != NULL) {
        g_free(request->node_name);
        request->node_name = g_strdup(options->node_name);
    }
    request->backing.is_null = TRUE;
    return block_open(graph, request, error);
}

/* Whoever stood on @node stands on @overlay, who stands on @node. */
static void
put_on_top(BlockGraph *graph, BlockDevices *devices, BlockNode *node, BlockNode *overlay)
{
    g_free(overlay->backing_filename);
    overlay->backing_filename = g_strdup(node->filename);
    block_node_set_backing(overlay, node);
    block_devices_move(devices, node, overlay);

    g_ptr_array_add(graph->roots, block_node_ref(overlay));
    /* One that nobody named goes with the overlay. */
    if (!block_registry_has_own_name(node))
        g_ptr_array_remove(graph->roots, node);
}

/* The image below is complete and flushed; a lock we fail to give back does it no harm. */
static void
become_reader(BlockNode *node)
{
    int status;

    if (node->is_read_only)
        return;

    node->is_read_only = TRUE;
    if (node->file != NULL)
        node->file->is_read_only = TRUE;
    status = io_lock_become_reader(block_node_get_io(node));
    if (status < 0)
        g_debug("cannot lock '%s' as a reader: %s", node->filename, g_strerror(-status));
}

BlockNode *
block_snapshot(BlockGraph *graph,
               BlockDevices *devices,
               BlockNode *node,
               const BlockSnapshotOptions *options,
               GError **error)
{
    BlockNode *overlay;
    int status;

    if (!check_node(graph, node, error))
        return NULL;
    if (options->node_name != NULL && block_graph_find(graph, options->node_name) != NULL) {
        g_set_error_literal(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "New overlay node-name already in use");
        return NULL;
    }

    status = block_node_flush(node);
    if (status < 0) {
        block_set_error(error, status, "cannot flush", node->filename);
        return NULL;
    }
    if (!options->is_existing && !has_path(node)) {
        g_autofree char *name = block_filename_make(node);

        g_set_error(
            error,
            VBLK_ERROR,
            VBLK_ERROR_OPERATION_UNSUPPORTED,
            "an overlay cannot name '%s' as its backing file: only plain paths are followed",
            name);
        return NULL;
    }
    if (!options->is_existing && !create_overlay(node, options->path, error))
        return NULL;
    overlay = open_overlay(graph, options, error);
    if (overlay == NULL) {
        if (!options->is_existing)
            discard_overlay(options->path);
        return NULL;
    }

    put_on_top(graph, devices, node, overlay);
    become_reader(node);
    return overlay;
}
