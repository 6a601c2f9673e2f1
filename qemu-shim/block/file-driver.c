/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* File protocol */

#include <errno.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/protocol.h"
#include "qemu-shim/io/host.h"
#include "qemu-shim/io/lock.h"

static char *
file_make_filename(BlockNode *node)
{
    return g_strdup(node->filename);
}

static const BlockDriver file_driver = {.name = "file",
                                        PROTOCOL_OPERATIONS,
                                        .make_filename = file_make_filename};
static const BlockDriver device_driver = {.name = "host_device",
                                          PROTOCOL_OPERATIONS,
                                          .make_filename = file_make_filename};

BlockNode *
file_node_open(const char *path, gboolean is_writable, GError **error)
{
    g_autoptr(IoFile) file = NULL;
    const BlockDriver *driver;
    guint64 length = 0;
    int status;

    status = io_file_open(path, is_writable ? IO_OPEN_READ_WRITE : IO_OPEN_READ_ONLY, &file);
    if (status == 0)
        status = io_file_get_length(file, &length);
    if (status < 0) {
        block_set_error(error, status, "Could not open", path);
        return NULL;
    }

    driver = io_file_is_device(file) ? &device_driver : &file_driver;
    return protocol_node_new(driver, path, g_steal_pointer(&file), length);
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
