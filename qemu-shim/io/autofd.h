/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Owned descriptors */

#include <unistd.h>

#include <glib.h>

/* autofd int fd = open(...): closed at the end of the block; g_steal_fd() moves it on. */
static inline void
autofd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

#define autofd __attribute__((cleanup(autofd_close)))
