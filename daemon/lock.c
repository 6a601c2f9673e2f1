/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* State lock */

#include "daemon/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "api/vblk-error.h"
#include "daemon/files.h"

int
lock_take(const char *path, gboolean *ret_is_held, GError **error)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int failure;

    if (fd < 0) {
        files_set_error(error, "open", path, errno);
        return -1;
    }

    if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
        return fd;

    failure = errno;
    close(fd);
    *ret_is_held = failure == EAGAIN || failure == EACCES;
    if (*ret_is_held)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "another virtblockd is running: it holds '%s'",
                    path);
    else
        files_set_error(error, "lock", path, failure);
    return -1;
}
