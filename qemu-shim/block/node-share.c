/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block node sharing */

#include <errno.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/node.h"

/* Where bytes of a layer below lie. */
typedef struct {
    BlockNode *layer; /* a reference, which keeps the file */
    IoFile *file;
    guint64 offset;
    guint64 length;
} Place;

/* The first layer from @node down that says something of @offset, and for how long it does so. */
static BlockNode *
find_layer(BlockNode *node, guint64 offset, guint64 *length, BlockStatus *ret_status)
{
    BlockNode *layer = block_node_ref(node);

    while (layer != NULL && offset < layer->length) {
        BlockNode *below;

        *length = MIN(*length, layer->length - offset);
        if (block_node_get_status(layer, offset, *length, ret_status, length) < 0)
            break;
        if (*ret_status != BLOCK_STATUS_UNALLOCATED)
            return layer;
        below = block_node_ref_backing(layer);
        block_node_unref(layer);
        layer = below;
    }

    block_node_unref(layer);
    return NULL;
}

/* FALSE where there is no data, or none that lies as it is. */
static gboolean
find_place(BlockNode *top, guint64 offset, guint64 length, Place *place)
{
    BlockStatus status = BLOCK_STATUS_UNALLOCATED;

    place->length = length;
    place->layer = find_layer(top, offset, &place->length, &status);
    if (place->layer == NULL)
        return FALSE;

    if (status == BLOCK_STATUS_DATA && place->layer->driver->find_place != NULL &&
        place->layer->driver->find_place(
            place->layer, offset, place->length, &place->file, &place->offset, &place->length) == 0)
        return TRUE;

    g_clear_pointer(&place->layer, block_node_unref);
    return FALSE;
}

int
block_node_populate_shared(BlockNode *node, guint64 offset, guint64 length, guint64 *ret_length)
{
    guint64 unit = block_node_get_cluster_size(node);
    g_autoptr(BlockNode) below = block_node_ref_backing(node);
    guint64 done = 0;

    *ret_length = 0;
    if (node->driver->populate_clone == NULL || node->is_read_only)
        return -EOPNOTSUPP;
    if (block_node_is_outside(node, offset, length))
        return -EINVAL;

    while (below != NULL && done < length) {
        Place place = {0};
        int status;

        if (!find_place(below, offset + done, length - done, &place))
            break;
        place.length = place.length / unit * unit;
        status = place.length == 0
                     ? 0
                     : node->driver->populate_clone(
                           node, offset + done, place.length, place.file, place.offset);
        block_node_unref(place.layer);
        if (status < 0)
            return status;
        if (place.length == 0)
            break;
        done += place.length;
        *ret_length = done;
    }

    return 0;
}
