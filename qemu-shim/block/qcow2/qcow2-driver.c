/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* qcow2 driver */

#include "qemu-shim/block/qcow2/qcow2-driver.h"

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/node-io.h"
#include "qemu-shim/block/qcow2/pivot.h"
#include "qemu-shim/block/qcow2/write.h"

Qcow2Image *
qcow2_node_get_image(BlockNode *node)
{
    return node->state;
}

static void
close_node(BlockNode *node)
{
    Qcow2Image *image = node->state;

    /* Who wanted to know of a failure has flushed before; one that failed is not tried again. */
    if (image->is_writable && image->flush_error == 0 && qcow2_commit_locked(image) < 0)
        g_warning("cannot write the metadata of '%s' as it is closed, ignoring", node->filename);
    qcow2_image_free(image);
}

static int
read_node(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    return qcow2_read(node->state, offset, buffer, length);
}

/* The guest's view of what is around a write; the lock is ours, so not through block_node_read().
 */
static int
read_around(gpointer user_data, guint64 offset, void *buffer, gsize length)
{
    BlockNode *node = user_data;
    BlockStatus what;
    guint64 extent;
    int status = qcow2_get_status_locked(node->state, offset, length, &what, &extent);

    if (status < 0)
        return status;

    /* A cluster is all of one kind. */
    if (what == BLOCK_STATUS_DATA)
        return qcow2_read_locked(node->state, offset, buffer, length);
    if (what == BLOCK_STATUS_UNALLOCATED)
        return block_node_read_backing(node, offset, buffer, length);
    memset(buffer, 0, length);
    return 0;
}

static int
write_node(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return qcow2_write(node->state, offset, buffer, length, read_around, node);
}

static gboolean
has_backing(BlockNode *node)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&node->lock);

    return node->backing != NULL || node->backing_name != NULL;
}

static int
write_node_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    return qcow2_write_zeroes(node->state, offset, length, has_backing(node), read_around, node);
}

static int
populate_node(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return qcow2_populate(node->state, offset, buffer, length, has_backing(node));
}

static int
populate_node_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    return qcow2_populate(node->state, offset, NULL, length, has_backing(node));
}

static int
populate_node_clone(BlockNode *node,
                    guint64 offset,
                    guint64 length,
                    IoFile *from,
                    guint64 from_offset)
{
    return qcow2_populate_clone(node->state, offset, length, from, from_offset);
}

static int
find_place(BlockNode *node,
           guint64 offset,
           guint64 length,
           IoFile **ret_file,
           guint64 *ret_offset,
           guint64 *ret_length)
{
    Qcow2Image *image = node->state;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);

    *ret_file = image->io;
    return qcow2_find_place_locked(image, offset, length, ret_offset, ret_length);
}

static int
flush_node(BlockNode *node)
{
    Qcow2Image *image = node->state;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);

    return qcow2_flush_locked(image);
}

static int
get_node_status(BlockNode *node,
                guint64 offset,
                guint64 length,
                BlockStatus *ret_status,
                guint64 *ret_length)
{
    Qcow2Image *image = node->state;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);

    return qcow2_get_status_locked(image, offset, length, ret_status, ret_length);
}

static int
change_backing(BlockNode *node, const char *backing_name, const char *backing_format)
{
    Qcow2Image *image = node->state;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);

    return qcow2_pivot_locked(image, backing_name, backing_format);
}

static GVariant *
describe(BlockNode *node)
{
    const Qcow2Header *header = ((Qcow2Image *)node->state)->header;
    GVariantDict data = G_VARIANT_DICT_INIT(NULL);
    GVariantDict specific = G_VARIANT_DICT_INIT(NULL);
    GVariantDict members = G_VARIANT_DICT_INIT(NULL);
    gboolean is_zstd = header->compression == QCOW2_COMPRESSION_ZSTD;

    g_variant_dict_insert(&data, "compat", "s", header->version == 2 ? "0.10" : "1.1");
    g_variant_dict_insert(&data, "compression-type", "s", is_zstd ? "zstd" : "zlib");
    g_variant_dict_insert(&data, "refcount-bits", "x", (gint64)1 << header->refcount_order);
    if (header->version >= 3) {
        g_variant_dict_insert(
            &data, "lazy-refcounts", "b", (header->compatible & QCOW2_COMPATIBLE_LAZY) != 0);
        g_variant_dict_insert(
            &data, "corrupt", "b", (header->incompatible & QCOW2_INCOMPATIBLE_CORRUPT) != 0);
        g_variant_dict_insert(&data, "extended-l2", "b", FALSE);
    }
    g_variant_dict_insert(&specific, "type", "s", "qcow2");
    g_variant_dict_insert_value(&specific, "data", g_variant_dict_end(&data));
    g_variant_dict_insert(&members, "cluster-size", "x", (gint64)1 << header->cluster_bits);
    g_variant_dict_insert(
        &members, "dirty-flag", "b", (header->incompatible & QCOW2_INCOMPATIBLE_DIRTY) != 0);
    g_variant_dict_insert_value(&members, "format-specific", g_variant_dict_end(&specific));
    return g_variant_dict_end(&members);
}

static int
write_node_compressed(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return qcow2_write_compressed(node->state, offset, buffer, length);
}

static guint64
get_cluster_size(BlockNode *node)
{
    return ((Qcow2Image *)node->state)->cluster_size;
}

static guint
count_snapshots(BlockNode *node)
{
    return ((Qcow2Image *)node->state)->header->n_snapshots;
}

static const BlockDriver qcow2_driver = {
    .name = "qcow2",
    .is_format = TRUE,
    .has_backing = TRUE,
    .close = close_node,
    .read = read_node,
    .write = write_node,
    .write_zeroes = write_node_zeroes,
    .write_compressed = write_node_compressed,
    .populate = populate_node,
    .populate_zeroes = populate_node_zeroes,
    .populate_clone = populate_node_clone,
    .find_place = find_place,
    .flush = flush_node,
    .get_status = get_node_status,
    .change_backing = change_backing,
    .describe = describe,
    .get_cluster_size = get_cluster_size,
    .count_snapshots = count_snapshots,
};

BlockNode *
qcow2_node_open(BlockNode *file, gboolean is_read_only, GError **error)
{
    g_autoptr(BlockNode) node = block_node_new(&qcow2_driver, file->filename, file);
    Qcow2Image *image = qcow2_image_open(block_node_as_io(file), !is_read_only, error);

    if (image == NULL)
        return NULL;

    node->state = image;
    node->length = image->header->size;
    node->is_read_only = is_read_only;
    node->backing_name = g_strdup(image->header->backing_name);
    node->backing_format = g_strdup(image->header->backing_format);
    return g_steal_pointer(&node);
}
