/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image locks */

#include "qemu-shim/io/lock.h"

#include <errno.h>
#include <fcntl.h>

#include "qemu-shim/io/autofd.h"
#include "qemu-shim/io/posix-file.h"

#define USED_BASE       100
#define NOT_SHARED_BASE 200

static const struct {
    IoLockPermissions permission;
    int byte;
    const char *name; /* as QEMU's messages have it */
    const char *shared_name;
} permissions[] = {
    {IO_LOCK_READ, 0, "\"consistent read\" lock", "shared \"consistent read\" lock"},
    {IO_LOCK_WRITE, 1, "\"write\" lock", "shared \"write\" lock"},
    {IO_LOCK_RESIZE, 3, "\"resize\" lock", "shared \"resize\" lock"},
};

static struct flock
range(short type, int byte)
{
    return (struct flock){.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
}

/* -EAGAIN: a lock that no QEMU takes, and still in the way. */
static int
set_byte(int fd, int byte, short type)
{
    struct flock lock = range(type, byte);

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return 0;
    return errno == EACCES ? -EAGAIN : -errno;
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

static int
set_bytes(int fd, IoLockPermissions used, IoLockPermissions not_shared, const char **ret_conflict)
{
    for (guint i = 0; i < G_N_ELEMENTS(permissions); i++) {
        int byte = permissions[i].byte;
        int status = 0;

        *ret_conflict = permissions[i].name;
        if ((used & permissions[i].permission) != 0)
            status = set_byte(fd, USED_BASE + byte, F_RDLCK);
        if (status == 0 && (not_shared & permissions[i].permission) != 0)
            status = set_byte(fd, NOT_SHARED_BASE + byte, F_RDLCK);
        if (status < 0)
            return status;
    }

    return 0;
}

static int
probe_bytes(int fd, IoLockPermissions used, IoLockPermissions not_shared, const char **ret_conflict)
{
    for (guint i = 0; i < G_N_ELEMENTS(permissions); i++) {
        int byte = permissions[i].byte;
        int status = 0;

        *ret_conflict = permissions[i].name;
        if ((used & permissions[i].permission) != 0)
            status = probe_byte(fd, NOT_SHARED_BASE + byte);
        if (status < 0)
            return status;

        *ret_conflict = permissions[i].shared_name;
        if ((not_shared & permissions[i].permission) != 0)
            status = probe_byte(fd, USED_BASE + byte);
        if (status < 0)
            return status;
    }

    return 0;
}

static void
release(int fd, IoLockPermissions which)
{
    for (guint i = 0; i < G_N_ELEMENTS(permissions); i++) {
        /* To unlock a byte of an open file cannot fail. */
        if ((which & permissions[i].permission) != 0)
            (void)set_byte(fd, USED_BASE + permissions[i].byte, F_UNLCK);
    }
}

/* All of ours are taken first, so that of two that come at once at least one sees the other. */
int
io_lock_take(IoFile *file,
             IoLockPermissions used,
             IoLockPermissions not_shared,
             const char **ret_conflict)
{
    int fd = posix_file_get_fd(file);
    int status;

    if (fd < 0)
        return 0;

    status = set_bytes(fd, used, not_shared, ret_conflict);
    return status < 0 ? status : probe_bytes(fd, used, not_shared, ret_conflict);
}

/*
 * The descriptor is exchanged under its number, so no reader in another thread notices. The new
 * description has its locks before the old one goes. Where the host lets us not open the file
 * again, the old descriptor stays, without the locks of a writer.
 */
int
io_lock_become_reader(IoFile *file)
{
    int fd = posix_file_get_fd(file);
    g_autofree char *link = NULL;
    autofd int reader = -1;
    const char *conflict;
    int status;

    file->is_writable = FALSE;
    if (fd < 0)
        return 0;

    release(fd, IO_LOCK_WRITE | IO_LOCK_RESIZE);
    link = g_strdup_printf("/proc/self/fd/%d", fd);
    reader = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (reader < 0)
        return 0;

    status = set_bytes(reader, IO_LOCK_READ, IO_LOCK_WRITE | IO_LOCK_RESIZE, &conflict);
    if (status < 0)
        return status;
    return dup3(reader, fd, O_CLOEXEC) < 0 ? -errno : 0;
}
