/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image file I/O */

#include "qemu-shim/io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "qemu-shim/io/autofd.h"
#include "qemu-shim/io/direct.h"
#include "qemu-shim/io/posix-file.h"

/* No offset of ours comes near: it keeps off_t from overflowing whatever an image claims. */
#define MAX_OFFSET ((guint64)G_MAXINT64 - (1 << 30))

typedef struct {
    IoFile file;
    int fd;
    int direct_fd;   /* -1: none */
    int flush_error; /* atomic; of a flush that failed: what it should have kept may be gone */
    gboolean is_device;
} PosixFile;

static gboolean
is_beyond(guint64 offset, guint64 length)
{
    return offset > MAX_OFFSET || length > MAX_OFFSET - offset;
}

static int
posix_read(IoFile *file, guint64 offset, void *buffer, gsize length)
{
    PosixFile *self = (PosixFile *)file;
    char *at = buffer;
    gsize direct;

    if (is_beyond(offset, length))
        return -EINVAL;

    direct = direct_read(self->direct_fd, self->fd, offset, at, length);
    at += direct;
    offset += direct;
    length -= direct;
    while (length > 0) {
        ssize_t done = pread(self->fd, at, length, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        if (done == 0) {
            memset(at, 0, length);
            return 0;
        }
        at += done;
        offset += (guint64)done;
        length -= (gsize)done;
    }

    return 0;
}

static int
posix_write(IoFile *file, guint64 offset, const void *buffer, gsize length)
{
    PosixFile *self = (PosixFile *)file;
    const char *at = buffer;
    gsize direct;

    if (is_beyond(offset, length))
        return -EFBIG;

    direct = direct_write(self->direct_fd, offset, at, length);
    at += direct;
    offset += direct;
    length -= direct;
    while (length > 0) {
        ssize_t done = pwrite(self->fd, at, length, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -errno;
        if (done == 0)
            return -ENOSPC;
        at += done;
        offset += (guint64)done;
        length -= (gsize)done;
    }

    return 0;
}

/* For file systems that cannot punch: a block at a time, so that memory stays small. */
static int
write_zero_blocks(IoFile *file, guint64 offset, guint64 length)
{
    static const char zeros[64 * 1024];

    while (length > 0) {
        gsize part = (gsize)MIN(length, sizeof(zeros));
        int status = posix_write(file, offset, zeros, part);

        if (status < 0)
            return status;
        offset += part;
        length -= part;
    }

    return 0;
}

/* What is past the end stays as it is. */
static int
punch(PosixFile *self, guint64 offset, guint64 length)
{
    int mode = self->is_device ? FALLOC_FL_ZERO_RANGE : FALLOC_FL_PUNCH_HOLE;
    int status;

    do
        status = fallocate(self->fd, mode | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)length);
    while (status < 0 && errno == EINTR);

    return status < 0 ? -errno : 0;
}

/*
 * The file grows by a byte written at the new end: setting its length could cut off what another
 * thread appended since we looked.
 */
static int
posix_write_zeroes(IoFile *file, guint64 offset, guint64 length)
{
    PosixFile *self = (PosixFile *)file;
    guint64 old_length;
    int status;

    if (is_beyond(offset, length))
        return -EFBIG;
    if (length == 0)
        return 0;

    status = punch(self, offset, length);
    if (status == -EOPNOTSUPP || status == -ENOSYS || status == -ENODEV)
        return write_zero_blocks(file, offset, length);
    if (status < 0 || self->is_device)
        return status;

    status = io_file_get_length(file, &old_length);
    if (status < 0 || offset + length <= old_length)
        return status;
    return posix_write(file, offset + length - 1, "", 1);
}

static int
posix_truncate(IoFile *file, guint64 length)
{
    PosixFile *self = (PosixFile *)file;

    if (is_beyond(0, length))
        return -EFBIG;
    return ftruncate(self->fd, (off_t)length) < 0 ? -errno : 0;
}

static int
posix_flush(IoFile *file)
{
    PosixFile *self = (PosixFile *)file;

    int error = g_atomic_int_get(&self->flush_error);

    if (error == 0 && fdatasync(self->fd) < 0) {
        error = -errno;
        g_atomic_int_set(&self->flush_error, error);
    }
    return error;
}

static int
posix_get_length(IoFile *file, guint64 *ret_length)
{
    PosixFile *self = (PosixFile *)file;
    guint64 length;
    struct stat status;

    if (self->is_device) {
        if (ioctl(self->fd, BLKGETSIZE64, &length) < 0)
            return -errno;
        *ret_length = length;
        return 0;
    }

    if (fstat(self->fd, &status) < 0)
        return -errno;
    *ret_length = (guint64)status.st_size;
    return 0;
}

static int
posix_get_allocated(IoFile *file, guint64 *ret_bytes)
{
    PosixFile *self = (PosixFile *)file;
    struct stat status;

    /* A device has no blocks of its own: QEMU tells 0 as well. */
    if (fstat(self->fd, &status) < 0)
        return -errno;

    *ret_bytes = (guint64)status.st_blocks * 512;
    return 0;
}

static int
posix_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length)
{
    PosixFile *self = (PosixFile *)file;
    guint64 length = 0;
    off_t data, hole;
    int status = posix_get_length(file, &length);

    if (status < 0)
        return status;
    if (offset >= length) {
        *ret_is_data = FALSE;
        *ret_length = MAX_OFFSET - offset;
        return 0;
    }

    data = lseek(self->fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        *ret_is_data = FALSE;
        *ret_length = length - offset;
        return 0;
    }
    if (data < 0 || (guint64)data == offset) {
        hole = data < 0 ? (off_t)length : lseek(self->fd, (off_t)offset, SEEK_HOLE);
        *ret_is_data = TRUE;
        *ret_length = (hole < 0 || (guint64)hole <= offset ? length : (guint64)hole) - offset;
        return 0;
    }

    *ret_is_data = FALSE;
    *ret_length = (guint64)data - offset;
    return 0;
}

static int
posix_clone(IoFile *file, guint64 offset, IoFile *from, guint64 from_offset, guint64 length)
{
    struct file_clone_range range = {
        .src_fd = posix_file_get_fd(from),
        .src_offset = from_offset,
        .src_length = length,
        .dest_offset = offset,
    };

    if (range.src_fd < 0 || length == 0 || is_beyond(offset, length))
        return -EOPNOTSUPP;
    if (ioctl(((PosixFile *)file)->fd, FICLONERANGE, &range) == 0)
        return 0;

    /* All else says that these files, or these offsets, cannot. */
    return errno == EIO || errno == ENOSPC || errno == EDQUOT ? -errno : -EOPNOTSUPP;
}

static void
posix_close(IoFile *file)
{
    PosixFile *self = (PosixFile *)file;

    if (self->direct_fd >= 0)
        close(self->direct_fd);
    close(self->fd);
    g_free(self);
}

static const IoOps posix_ops = {
    .read = posix_read,
    .write = posix_write,
    .write_zeroes = posix_write_zeroes,
    .truncate = posix_truncate,
    .flush = posix_flush,
    .get_length = posix_get_length,
    .get_allocated = posix_get_allocated,
    .get_extent = posix_get_extent,
    .clone = posix_clone,
    .close = posix_close,
};

static int
check_type(const struct stat *status)
{
    if (S_ISDIR(status->st_mode))
        return -EISDIR;
    return S_ISREG(status->st_mode) || S_ISBLK(status->st_mode) ? 0 : -EMEDIUMTYPE;
}

/*
 * The type is looked at before opening, because to open a device can be to act (a watchdog, a
 * tape), and again afterwards, because only the descriptor is proof.
 */
int
io_file_open(const char *path, IoOpenFlags flags, IoFile **ret_file)
{
    int mode = (flags & IO_OPEN_READ_WRITE) != 0 ? O_RDWR : O_RDONLY;
    int create = (flags & IO_OPEN_CREATE) != 0 ? O_CREAT | O_EXCL : 0;
    autofd int fd = -1;
    struct stat status;
    PosixFile *self;
    int result = stat(path, &status) == 0 ? check_type(&status) : 0;

    if (result < 0 && create == 0)
        return result;

    fd = open(path, mode | create | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
    if (fd < 0 || fstat(fd, &status) < 0)
        return -errno;
    result = check_type(&status);
    if (result < 0)
        return result;

    self = g_new0(PosixFile, 1);
    self->file.ops = &posix_ops;
    self->file.path = g_strdup(path);
    self->file.is_writable = mode == O_RDWR;
    self->is_device = self->file.is_fixed = S_ISBLK(status.st_mode);
    self->direct_fd = direct_open(fd, self->file.is_writable);
    self->fd = g_steal_fd(&fd);
    *ret_file = &self->file;
    return 0;
}

int
posix_file_get_fd(IoFile *file)
{
    return file->ops == &posix_ops ? ((PosixFile *)file)->fd : -1;
}

int
io_file_read(IoFile *file, guint64 offset, void *buffer, gsize length)
{
    return file->ops->read(file, offset, buffer, length);
}

int
io_file_write(IoFile *file, guint64 offset, const void *buffer, gsize length)
{
    return file->ops->write(file, offset, buffer, length);
}

int
io_file_write_zeroes(IoFile *file, guint64 offset, guint64 length)
{
    return file->ops->write_zeroes(file, offset, length);
}

int
io_file_truncate(IoFile *file, guint64 length)
{
    return file->ops->truncate(file, length);
}

int
io_file_flush(IoFile *file)
{
    return file->ops->flush(file);
}

int
io_file_get_length(IoFile *file, guint64 *ret_length)
{
    return file->ops->get_length(file, ret_length);
}

int
io_file_get_allocated(IoFile *file, guint64 *ret_bytes)
{
    return file->ops->get_allocated(file, ret_bytes);
}

int
io_file_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length)
{
    return file->ops->get_extent(file, offset, ret_is_data, ret_length);
}

int
io_file_clone(IoFile *file, guint64 offset, IoFile *from, guint64 from_offset, guint64 length)
{
    return file->ops->clone != NULL ? file->ops->clone(file, offset, from, from_offset, length)
                                    : -EOPNOTSUPP;
}

void
io_file_close(IoFile *file)
{
    if (file == NULL)
        return;

    g_free(file->path);
    file->ops->close(file);
}
