/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Direct I/O */

#include "qemu-shim/io/direct.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

/* Blocks of disks are 512 or 4096 bytes, and so the greater fits both. */
#define ALIGNMENT 4096
/* Below this the cache's read-ahead and write-behind do better. */
#define MIN_LENGTH (256u * 1024)

int
direct_open(int fd, gboolean is_writable)
{
    char path[sizeof("/proc/self/fd/") + 11];
    int mode = is_writable ? O_RDWR : O_RDONLY;

    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return open(path, mode | O_DIRECT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static gboolean
is_fit(int direct_fd, guint64 offset, const void *buffer, gsize length)
{
    return direct_fd >= 0 && length >= MIN_LENGTH && offset % ALIGNMENT == 0 &&
           (gsize)buffer % ALIGNMENT == 0;
}

/* What is in the cache from @offset on, in whole blocks. */
static gsize
read_cached(int fd, guint64 offset, void *buffer, gsize length)
{
    struct iovec vector = {.iov_base = buffer, .iov_len = length};
    ssize_t done = preadv2(fd, &vector, 1, (off_t)offset, RWF_NOWAIT);

    return done > 0 ? (gsize)done / ALIGNMENT * ALIGNMENT : 0;
}

gsize
direct_read(int direct_fd, int fd, guint64 offset, void *buffer, gsize length)
{
    gsize whole = length / ALIGNMENT * ALIGNMENT;
    gsize done;

    if (!is_fit(direct_fd, offset, buffer, length))
        return 0;

    done = read_cached(fd, offset, buffer, whole);
    while (done < whole) {
        ssize_t count = pread(
            direct_fd, (char *)buffer + done, whole - done, (off_t)(offset + done));

        /* The end of the file, or an error: the ordinary way tells. */
        if (count < ALIGNMENT)
            break;
        done += (gsize)count / ALIGNMENT * ALIGNMENT;
    }

    return done;
}

gsize
direct_write(int direct_fd, guint64 offset, const void *buffer, gsize length)
{
    gsize whole = length / ALIGNMENT * ALIGNMENT;
    gsize done = 0;

    if (!is_fit(direct_fd, offset, buffer, length))
        return 0;

    while (done < whole) {
        ssize_t count = pwrite(
            direct_fd, (const char *)buffer + done, whole - done, (off_t)(offset + done));

        if (count < ALIGNMENT)
            break;
        done += (gsize)count / ALIGNMENT * ALIGNMENT;
    }

    return done;
}
