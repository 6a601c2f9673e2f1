/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Host files */

#include "qemu-shim/io/host.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "qemu-shim/io/autofd.h"
#include "qemu-shim/io/posix-file.h"

gboolean
io_file_get_identity(IoFile *file, IoIdentity *ret_identity)
{
    int fd = posix_file_get_fd(file);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return FALSE;

    /* Device nodes in different places are one device. */
    ret_identity->device = S_ISBLK(status.st_mode) ? 0 : (guint64)status.st_dev;
    ret_identity->inode = S_ISBLK(status.st_mode) ? (guint64)status.st_rdev
                                                  : (guint64)status.st_ino;
    return TRUE;
}

gboolean
io_file_is_device(IoFile *file)
{
    int fd = posix_file_get_fd(file);
    struct stat status;

    return fd >= 0 && fstat(fd, &status) == 0 && S_ISBLK(status.st_mode);
}

int
io_file_copy_access(IoFile *file, IoFile *model)
{
    int fd = posix_file_get_fd(file);
    int model_fd = posix_file_get_fd(model);
    struct stat from, to;
    mode_t mode;

    if (fd < 0 || model_fd < 0)
        return 0;
    if (fstat(model_fd, &from) < 0)
        return -errno;

    if (fchown(fd, from.st_uid, from.st_gid) < 0 && fchown(fd, (uid_t)-1, from.st_gid) < 0 &&
        errno != EPERM)
        return -errno;
    if (fstat(fd, &to) < 0)
        return -errno;

    /* A device's permissions say who may use disks, not who may read this one. */
    mode = S_ISBLK(from.st_mode) ? S_IRUSR | S_IWUSR : from.st_mode & 0666;
    /* Who was of the group is now among the others, and may not gain by that. */
    if (to.st_gid != from.st_gid)
        mode = (mode & ~(mode_t)(S_IRWXG | S_IRWXO)) | (mode & S_IRWXO & (mode >> 3));
    if (to.st_uid != from.st_uid)
        mode = (mode & ~(mode_t)S_IRWXU) | S_IRUSR | S_IWUSR;
    return fchmod(fd, mode) < 0 ? -errno : 0;
}

int
io_host_flush_folder_of(const char *path)
{
    g_autofree char *folder = g_path_get_dirname(path);
    autofd int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    /* Some file systems cannot, and need not. */
    if (fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
        return -errno;
    return 0;
}

int
io_host_unlink(const char *path)
{
    return unlink(path) < 0 ? -errno : 0;
}
