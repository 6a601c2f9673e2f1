/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copy-on-read filter */

#include "qemu-shim/block/copy-on-read-driver.h"

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/filter.h"
#include "qemu-shim/io/zero.h"

/* At once, where clusters are smaller. */
#define COPY_BYTES ((guint64)1 << 20)

typedef struct {
    BlockNode *bottom; /* owned; NULL: there is none */
} CopyOnRead;

static void
close_node(BlockNode *node)
{
    CopyOnRead *self = node->state;

    block_node_unref(self->bottom);
    g_free(self);
}

/* Whether the range, all of one status in @layer, is one to copy, and how far that goes. */
static int
find_source(BlockNode *node,
            guint64 offset,
            guint64 length,
            gboolean *ret_copies,
            guint64 *ret_length)
{
    CopyOnRead *self = node->state;
    BlockNode *layer = block_node_skip_filters(node->file);
    g_autoptr(BlockNode) below = NULL;
    g_autoptr(BlockNode) limit = NULL;
    BlockStatus what;
    int status = block_node_get_status(layer, offset, length, &what, ret_length);

    *ret_copies = status == 0 && what == BLOCK_STATUS_UNALLOCATED;
    if (!*ret_copies || self->bottom == NULL)
        return status;

    limit = block_node_ref_backing(self->bottom);
    status = block_node_get_status_above(layer, limit, offset, *ret_length, &what, ret_length);
    *ret_copies = status == 0 && what != BLOCK_STATUS_UNALLOCATED;
    return status;
}

/* Whole clusters around the range. A guest that writes there meanwhile wins: populate() sees to it.
 */
static int
copy_up(BlockNode *node, guint64 offset, guint64 length)
{
    guint64 unit = block_node_get_cluster_size(node->file);
    guint64 end = block_node_get_length(node->file);
    guint64 step = MAX(unit, COPY_BYTES / unit * unit);
    guint64 last = MIN(end, (offset + length + unit - 1) / unit * unit);
    g_autofree char *buffer = g_try_malloc((gsize)MIN(step, last - offset / unit * unit));
    int status = buffer != NULL ? 0 : -ENOMEM;

    for (guint64 at = offset / unit * unit; status == 0 && at < last; at += step) {
        gsize part = (gsize)MIN(step, last - at);

        status = filter_read(node, at, buffer, part);
        if (status == 0)
            status = buffer_is_zero(buffer, part) ? filter_populate_zeroes(node, at, part)
                                                  : filter_populate(node, at, buffer, part);
    }

    return status;
}

/* The guest gets its data also where the copy fails, as from QEMU. */
static int
read_node(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    guint64 end = block_node_get_length(node->file);
    guint64 at = offset, stop = MIN(end, offset + length);

    while (!node->is_read_only && at < stop) {
        gboolean copies = FALSE;
        guint64 extent = 0;
        int status = find_source(node, at, stop - at, &copies, &extent);

        if (status < 0)
            return status;
        status = copies ? copy_up(node, at, extent) : 0;
        if (status < 0)
            g_debug("cannot copy into '%s': %s", node->file->filename, g_strerror(-status));
        at += extent;
    }

    return filter_read(node, offset, buffer, length);
}

static const BlockDriver copy_on_read_driver = {
    .name = "copy-on-read",
    .is_filter = TRUE,
    .close = close_node,
    .read = read_node,
    .write = filter_write,
    .write_zeroes = filter_write_zeroes,
    .write_compressed = filter_write_compressed,
    .populate = filter_populate,
    .populate_zeroes = filter_populate_zeroes,
    .discard = filter_discard,
    .resize = filter_resize,
    .flush = filter_flush,
    .get_status = filter_get_status,
    .get_cluster_size = filter_get_cluster_size,
};

static gboolean
check_bottom(BlockNode *file, BlockNode *bottom, GError **error)
{
    BlockNode *layer = block_node_skip_filters(file);

    if (bottom == NULL)
        return TRUE;
    if (bottom->driver->is_filter) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Bottom node '%s' is a filter",
                    bottom->name);
        return FALSE;
    }

    while (layer != NULL && layer != bottom)
        layer = block_node_get_backing(layer);
    if (layer == NULL)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Bottom node '%s' is not in the chain of '%s'",
                    bottom->name,
                    file->name);
    return layer != NULL;
}

BlockNode *
copy_on_read_node_open(BlockNode *file, gboolean is_read_only, BlockNode *bottom, GError **error)
{
    g_autoptr(BlockNode) node = filter_node_new(&copy_on_read_driver, file, is_read_only);
    CopyOnRead *self = g_new0(CopyOnRead, 1);

    node->state = self;
    if (!is_read_only && file->is_read_only) {
        g_set_error_literal(error, VBLK_ERROR, VBLK_ERROR_IMAGE_ACCESS, "Block node is read-only");
        return NULL;
    }
    if (!check_bottom(file, bottom, error))
        return NULL;

    self->bottom = bottom != NULL ? block_node_ref(bottom) : NULL;
    return g_steal_pointer(&node);
}
