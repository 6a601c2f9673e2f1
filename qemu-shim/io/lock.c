/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image locks */

#include "qemu-shim/io/lock.h"

#include <errno.h>
#include <fcntl.h>

#include "qemu-shim/io/posix-file.h"

#define USED_BASE       100
#define NOT_SHARED_BASE 200

static const struct {
    IoLockPermissions permission;
    int byte;
    const char *name; /* as QEMU's message has it */
} permissions[] = {
    {IO_LOCK_READ, 0, "consistent read"},
    {IO_LOCK_WRITE, 1, "write"},
    {IO_LOCK_RESIZE, 3, "resize"},
};

static struct flock
range(short type, int byte)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

static int
lock_byte(int fd, int byte)
{
    struct flock lock = range(F_RDLCK, byte);

    return fcntl(fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

/* Whether anybody else holds a lock on @byte. */
static int
probe_byte(int fd, int byte)
{
    struct flock lock = range(F_WRLCK, byte);

    if (fcntl(fd, F_OFD_GETLK, &lock) < 0)
        return -errno;
    return lock.l_type == F_UNLCK ? 0 : -EAGAIN;
}

/* All of ours are taken first, so that of two that come at once at least one sees the other. */
int
io_lock_take(IoFile *file,
             IoLockPermissions used,
             IoLockPermissions not_shared,
             const char **ret_conflict)
{
    int fd = posix_file_get_fd(file);

    if (fd < 0)
        return 0;

    for (guint i = 0; i < G_N_ELEMENTS(permissions); i++) {
        int status = 0;

        if ((used & permissions[i].permission) != 0)
            status = lock_byte(fd, USED_BASE + permissions[i].byte);
        if (status == 0 && (not_shared & permissions[i].permission) != 0)
            status = lock_byte(fd, NOT_SHARED_BASE + permissions[i].byte);
        if (status < 0) {
            *ret_conflict = permissions[i].name;
            return status == -EACCES ? -EAGAIN : status;
        }
    }

    for (guint i = 0; i < G_N_ELEMENTS(permissions); i++) {
        int status = 0;

        if ((used & permissions[i].permission) != 0)
            status = probe_byte(fd, NOT_SHARED_BASE + permissions[i].byte);
        if (status == 0 && (not_shared & permissions[i].permission) != 0)
            status = probe_byte(fd, USED_BASE + permissions[i].byte);
        if (status < 0) {
            *ret_conflict = permissions[i].name;
            return status;
        }
    }

    return 0;
}
