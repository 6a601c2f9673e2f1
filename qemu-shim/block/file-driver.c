/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* File protocol */

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/io/host.h"
#include "qemu-shim/io/lock.h"

static void
file_close(BlockNode *node)
{
    io_file_close(node->state);
}

static int
file_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    return io_file_read(node->state, offset, buffer, length);
}

static int
file_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    return io_file_write(node->state, offset, buffer, length);
}

static int
file_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    return io_file_write_zeroes(node->state, offset, length);
}

static int
file_flush(BlockNode *node)
{
    return io_file_flush(node->state);
}

static int
file_get_status(BlockNode *node,
                guint64 offset,
                guint64 length,
                BlockStatus *ret_status,
                guint64 *ret_length)
{
    gboolean is_data;
    int status = io_file_get_extent(node->state, offset, &is_data, ret_length);

    if (status < 0)
        return status;

    *ret_status = is_data ? BLOCK_STATUS_DATA : BLOCK_STATUS_ZERO;
    *ret_length = MIN(*ret_length, length);
    return 0;
}

#define FILE_OPERATIONS                                          \
    .close = file_close, .read = file_read, .write = file_write, \
    .write_zeroes = file_write_zeroes, .flush = file_flush, .get_status = file_get_status

static const BlockDriver file_driver = {.name = "file", FILE_OPERATIONS};
static const BlockDriver device_driver = {.name = "host_device", FILE_OPERATIONS};

BlockNode *
file_node_open(const char *path, gboolean is_writable, GError **error)
{
    g_autoptr(IoFile) file = NULL;
    BlockNode *node;
    guint64 length = 0;
    int status;

    status = io_file_open(path, is_writable ? IO_OPEN_READ_WRITE : IO_OPEN_READ_ONLY, &file);
    if (status == 0)
        status = io_file_get_length(file, &length);
    if (status < 0) {
        block_set_error(error, status, "Could not open", path);
        return NULL;
    }

    node = block_node_new(io_file_is_device(file) ? &device_driver : &file_driver, path, NULL);
    node->state = g_steal_pointer(&file);
    node->length = length;
    node->is_read_only = !is_writable;
    return node;
}

static void
set_lock_error(IoFile *file, const char *conflict, GError **error)
{
    g_autofree char *holder = io_lock_find_holder(file);

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_IMAGE_IN_USE,
                "Failed to get %s: %s uses the image '%s'",
                conflict,
                holder != NULL ? holder : "another process",
                file->path);
}

/* As QEMU 7.2 locks: neither a writer nor a reader lets others write or resize. */
gboolean
file_node_lock(BlockNode *node, gboolean is_shared, GError **error)
{
    IoFile *file = node->state;
    IoLockPermissions writing = IO_LOCK_WRITE | IO_LOCK_RESIZE;
    IoLockPermissions used = node->is_read_only ? IO_LOCK_READ : IO_LOCK_READ | writing;
    const char *conflict = NULL;
    int status = io_lock_take(file, used, is_shared ? 0 : writing, &conflict);

    if (status == -EAGAIN)
        set_lock_error(file, conflict, error);
    else if (status < 0)
        block_set_error(error, status, "cannot lock", file->path);
    return status == 0;
}
