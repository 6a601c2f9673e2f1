/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* External snapshots */

#include "qemu-shim/block/snapshot.h"

#include <stdio.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/qcow2/create.h"
#include "qemu-shim/io/posix-file.h"

static gboolean
fill_overlay(IoFile *io, BlockNode *node, GError **error)
{
    Qcow2CreateOptions options = {
        .size = node->length,
        .backing_name = node->filename,
        .backing_format = node->driver->name,
    };
    int status = posix_file_copy_owner(io, block_node_get_io(node));

    if (status < 0) {
        block_set_error(error, status, "cannot set owner and mode of", io->path);
        return FALSE;
    }
    return qcow2_create(io, &options, error);
}

/* The overlay and its name are durable before anything is written to it. */
static gboolean
create_overlay(BlockNode *node, const char *path, GError **error)
{
    IoFile *io = NULL;
    gboolean is_filled;
    int status = io_file_open(path, IO_OPEN_READ_WRITE | IO_OPEN_CREATE, &io);

    if (status < 0) {
        block_set_error(error, status, "Could not create", path);
        return FALSE;
    }

    is_filled = fill_overlay(io, node, error);
    io_file_close(io);
    status = is_filled ? posix_sync_folder_of(path) : 0;
    if (status < 0)
        block_set_error(error, status, "cannot make durable", path);
    if (!is_filled || status < 0) {
        remove(path); /* ours, and of no use */
        return FALSE;
    }
    return TRUE;
}

static GVariant *
overlay_options(const BlockSnapshotOptions *options, const BlockNode *node)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "driver", "s", "qcow2");
    g_variant_dict_insert(&dict, "backing", "s", node->name);
    if (options->node_name != NULL)
        g_variant_dict_insert(&dict, "node-name", "s", options->node_name);
    g_variant_dict_insert_value(
        &dict,
        "file",
        g_variant_new_parsed("{'driver': <'file'>, 'filename': <%s>}", options->path));
    return g_variant_ref_sink(g_variant_dict_end(&dict));
}

BlockNode *
block_snapshot(BlockGraph *graph,
               BlockDevices *devices,
               BlockNode *node,
               const BlockSnapshotOptions *options,
               GError **error)
{
    g_autoptr(GVariant) given = overlay_options(options, node);
    BlockNode *overlay;
    int status;

    if (node->blockers->len > 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "Node '%s' is busy: %s",
                    node->name,
                    (const char *)g_ptr_array_index(node->blockers, 0));
        return NULL;
    }
    status = block_node_flush(node);
    if (status < 0) {
        block_set_error(error, status, "cannot flush", node->filename);
        return NULL;
    }
    if (!options->is_existing && !create_overlay(node, options->path, error))
        return NULL;

    overlay = block_graph_add(graph, given, error);
    if (overlay == NULL) {
        if (!options->is_existing)
            remove(options->path);
        return NULL;
    }

    node->is_read_only = TRUE;
    block_devices_move(devices, node, overlay);
    return overlay;
}
