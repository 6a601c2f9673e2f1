/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Host files */

#include "qemu-shim/io/file.h"

typedef struct {
    guint64 device;
    guint64 inode;
} IoIdentity;

/* Which file of the host it is, by whatever name; FALSE for files in memory. */
gboolean io_file_get_identity(IoFile *file, IoIdentity *ret_identity);
gboolean io_file_is_device(IoFile *file);

/*
 * Gives @file the owner, group and permissions of @model, as far as we may. Where an owner cannot
 * be taken over, its permissions are not either: nobody can do more with @file than with @model.
 */
int io_file_copy_access(IoFile *file, IoFile *model);

/* Makes the directory entry of a new file durable. */
int io_host_flush_folder_of(const char *path);
int io_host_unlink(const char *path);
