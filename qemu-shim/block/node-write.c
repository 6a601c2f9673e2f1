/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block node writing */

#include <errno.h>

#include "qemu-shim/block/backing.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/node-io.h"
#include "qemu-shim/block/node.h"
#include "qemu-shim/block/watcher.h"
#include "qemu-shim/io/zero.h"

typedef enum {
    WRITE_DATA,
    WRITE_COMPRESSED,
    WRITE_ZEROES,
    WRITE_DISCARD,
} WriteKind;

typedef struct {
    WriteKind kind;
    guint64 offset;
    guint64 length;
    const void *buffer; /* of WRITE_DATA and WRITE_COMPRESSED */
} Write;

/* Why @node cannot be written at this range by an operation it has or not; 0: it can. */
static int
check_write(BlockNode *node, gboolean has_operation, guint64 offset, guint64 length)
{
    if (node->is_read_only)
        return -EROFS;
    if (!has_operation)
        return -ENOTSUP;
    return block_node_is_outside(node, offset, length) ? -EINVAL : 0;
}

static gboolean
has_operation(const BlockNode *node, WriteKind kind)
{
    switch (kind) {
    case WRITE_DATA:
        return node->driver->write != NULL;
    case WRITE_COMPRESSED:
        return block_node_can_compress(node);
    case WRITE_ZEROES:
        return node->driver->write_zeroes != NULL;
    case WRITE_DISCARD:
        return TRUE; /* advice, which a driver need not take */
    }

    g_assert_not_reached();
}

static int
call_driver(BlockNode *node, const Write *write)
{
    switch (write->kind) {
    case WRITE_DATA:
        return node->driver->write(node, write->offset, write->buffer, (gsize)write->length);
    case WRITE_COMPRESSED:
        return node->driver->write_compressed(
            node, write->offset, write->buffer, (gsize)write->length);
    case WRITE_ZEROES:
        return node->driver->write_zeroes(node, write->offset, write->length);
    case WRITE_DISCARD:
        return node->driver->discard != NULL
                   ? node->driver->discard(node, write->offset, write->length)
                   : 0;
    }

    g_assert_not_reached();
}

static int
run_write(BlockNode *node, const Write *write)
{
    int status = check_write(node, has_operation(node, write->kind), write->offset, write->length);
    g_autoptr(GPtrArray) watchers = NULL;

    if (status < 0 || write->length == 0)
        return status;

    watchers = block_node_ref_watchers(node);
    status = block_watchers_before_write(watchers, write->offset, write->length);
    if (status < 0)
        return status;

    status = call_driver(node, write);
    block_watchers_after_write(watchers, write->offset, write->length);
    return status;
}

int
block_node_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    Write write = {.kind = WRITE_DATA, .offset = offset, .length = length, .buffer = buffer};

    if (node->detect_zeroes != BLOCK_DETECT_ZEROES_OFF && node->driver->write_zeroes != NULL &&
        buffer_is_zero(buffer, length))
        write.kind = WRITE_ZEROES;
    return run_write(node, &write);
}

gboolean
block_node_can_compress(const BlockNode *node)
{
    if (node->driver->write_compressed == NULL)
        return FALSE;
    return !node->driver->is_filter || block_node_can_compress(node->file);
}

int
block_node_write_compressed(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    Write write = {.kind = WRITE_COMPRESSED, .offset = offset, .length = length, .buffer = buffer};

    return run_write(node, &write);
}

int
block_node_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    Write write = {.kind = WRITE_ZEROES, .offset = offset, .length = length};

    return run_write(node, &write);
}

int
block_node_discard(BlockNode *node, guint64 offset, guint64 length)
{
    Write write = {.kind = WRITE_DISCARD, .offset = offset, .length = length};

    return run_write(node, &write);
}

int
block_node_populate(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    int status = check_write(node, node->driver->populate != NULL, offset, length);

    return status < 0 || length == 0 ? status
                                     : node->driver->populate(node, offset, buffer, length);
}

int
block_node_populate_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    int status = check_write(node, node->driver->populate_zeroes != NULL, offset, length);

    return status < 0 || length == 0 ? status : node->driver->populate_zeroes(node, offset, length);
}

int
block_node_flush(BlockNode *node)
{
    if (node->is_read_only)
        return 0;
    if (node->file != NULL)
        block_event_raise(block_node_as_io(node->file), BLOCK_EVENT_FLUSH_TO_OS);
    return node->driver->flush(node);
}

int
block_node_resize(BlockNode *node, guint64 length)
{
    int status = check_write(node, node->driver->resize != NULL, 0, 0);

    if (status == 0)
        status = node->driver->resize(node, length);
    if (status == 0)
        node->length = length;
    return status;
}

int
block_node_change_backing_name(BlockNode *node, const char *name, const char *format)
{
    g_autofree char *filename = NULL;
    int status = check_write(node, node->driver->change_backing != NULL, 0, 0);

    if (status == 0)
        status = node->driver->change_backing(node, name, format);
    if (status < 0)
        return status;

    if (name != NULL && !backing_has_scheme(name))
        filename = backing_resolve(node->filename, name, NULL);
    g_mutex_lock(&node->lock);
    g_free(node->backing_name);
    g_free(node->backing_format);
    g_free(node->backing_filename);
    node->backing_name = g_strdup(name);
    node->backing_format = g_strdup(format);
    node->backing_filename = g_steal_pointer(&filename);
    g_mutex_unlock(&node->lock);
    return 0;
}
