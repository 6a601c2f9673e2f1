/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Real files */

#include "qemu-shim/io/file.h"

/* The descriptor of a file of the host, for locks and identity; -1 for files of other kinds. */
int posix_file_get_fd(IoFile *file);
