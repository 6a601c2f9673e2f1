/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Node bytes */

#include "qemu-shim/block/node-io.h"

#include <errno.h>
#include <string.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/event.h"

typedef struct {
    IoFile file;
    BlockNode *node; /* which owns this */
    GMutex growing;  /* two that append must not undo each other */
} NodeIo;

static BlockNode *
get_node(IoFile *file)
{
    return ((NodeIo *)file)->node;
}

static int
node_io_read(IoFile *file, guint64 offset, void *buffer, gsize length)
{
    BlockNode *node = get_node(file);
    guint64 end = block_node_get_length(node);
    gsize there = offset < end ? (gsize)MIN(length, end - offset) : 0;

    /* A filter is as long as its file is by now, which knows of zeros past the end. */
    if (node->driver->is_filter)
        return node->driver->read(node, offset, buffer, length);

    memset((char *)buffer + there, 0, length - there);
    return there > 0 ? block_node_read(node, offset, buffer, there) : 0;
}

static int
grow(IoFile *file, guint64 length)
{
    NodeIo *self = (NodeIo *)file;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->growing);

    if (length <= block_node_get_length(self->node))
        return 0;
    return block_node_resize(self->node, length);
}

static int
make_room(IoFile *file, guint64 offset, guint64 length)
{
    guint64 end;

    if (__builtin_add_overflow(offset, length, &end))
        return -EFBIG;
    return end > block_node_get_length(get_node(file)) ? grow(file, end) : 0;
}

static int
node_io_write(IoFile *file, guint64 offset, const void *buffer, gsize length)
{
    BlockNode *node = get_node(file);
    int status;

    if (node->driver->is_filter)
        return node->is_read_only ? -EROFS : node->driver->write(node, offset, buffer, length);

    status = make_room(file, offset, length);
    return status < 0 ? status : block_node_write(node, offset, buffer, length);
}

static int
node_io_write_zeroes(IoFile *file, guint64 offset, guint64 length)
{
    BlockNode *node = get_node(file);
    int status;

    if (node->driver->is_filter)
        return node->is_read_only ? -EROFS : node->driver->write_zeroes(node, offset, length);

    status = make_room(file, offset, length);
    return status < 0 ? status : block_node_write_zeroes(node, offset, length);
}

static int
node_io_truncate(IoFile *file, guint64 length)
{
    return block_node_resize(get_node(file), length);
}

static int
node_io_flush(IoFile *file)
{
    return block_node_flush(get_node(file));
}

static int
node_io_get_length(IoFile *file, guint64 *ret_length)
{
    *ret_length = block_node_get_length(get_node(file));
    return 0;
}

static int
node_io_get_allocated(IoFile *file, guint64 *ret_bytes)
{
    BlockNode *node = get_node(file);

    if (node->driver->get_allocated != NULL)
        return node->driver->get_allocated(node, ret_bytes);
    return node->file != NULL ? io_file_get_allocated(block_node_as_io(node->file), ret_bytes)
                              : -ENOTSUP;
}

/* What no layer has reads as zeros. */
static int
node_io_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length)
{
    BlockNode *node = get_node(file);
    guint64 end = block_node_get_length(node);
    BlockStatus what;
    int status;

    if (offset >= end) {
        *ret_is_data = FALSE;
        *ret_length = (guint64)G_MAXINT64 - MIN(offset, (guint64)G_MAXINT64 - 1);
        return 0;
    }
    if (node->driver->is_filter)
        status = node->driver->get_status(node, offset, end - offset, &what, ret_length);
    else
        status = block_node_get_status_above(node, NULL, offset, end - offset, &what, ret_length);
    *ret_is_data = status == 0 && what == BLOCK_STATUS_DATA;
    return status;
}

static void
node_io_close(IoFile *file)
{
    NodeIo *self = (NodeIo *)file;

    g_mutex_clear(&self->growing);
    g_free(self);
}

static const IoOps node_io_ops = {
    .read = node_io_read,
    .write = node_io_write,
    .write_zeroes = node_io_write_zeroes,
    .truncate = node_io_truncate,
    .flush = node_io_flush,
    .get_length = node_io_get_length,
    .get_allocated = node_io_get_allocated,
    .get_extent = node_io_get_extent,
    .close = node_io_close,
};

static IoFile *
node_io_new(BlockNode *node)
{
    NodeIo *self = g_new0(NodeIo, 1);

    self->file.ops = &node_io_ops;
    self->file.path = g_strdup(node->filename);
    self->file.is_writable = !node->is_read_only;
    self->node = node;
    g_mutex_init(&self->growing);
    return &self->file;
}

IoFile *
block_node_as_io(BlockNode *node)
{
    if (node->driver->is_protocol)
        return node->state;

    g_mutex_lock(&node->lock);
    if (node->io == NULL)
        node->io = node_io_new(node);
    g_mutex_unlock(&node->lock);
    return node->io;
}

void
block_event_raise(IoFile *io, BlockEvent event)
{
    BlockNode *node = io->ops == &node_io_ops ? get_node(io) : NULL;

    while (node != NULL && node->driver->raise == NULL)
        node = block_node_get_file(node);
    if (node != NULL)
        node->driver->raise(node, event);
}
