/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image locks */

#include "qemu-shim/io/file.h"

/*
 * The byte ranges that QEMU 7.2 locks in an image, so that we and a QEMU never write one at once.
 * A holder takes a shared lock on byte 100 + N for each permission N it uses and on 200 + N for
 * each it does not let others have; it then looks whether anybody holds what would contradict.
 * The locks belong to the open file description and go with it.
 */
typedef enum {
    IO_LOCK_READ = 1 << 0,  /* data is read and must be consistent */
    IO_LOCK_WRITE = 1 << 1, /* data is written */
    IO_LOCK_RESIZE = 1 << 3,
} IoLockPermissions;

/*
 * Returns -EAGAIN where somebody stands in the way, with *ret_conflict the lock in QEMU's words, as
 * "\"write\" lock". Whoever fails closes the file. Files in memory have no locks.
 */
int io_lock_take(IoFile *file,
                 IoLockPermissions used,
                 IoLockPermissions not_shared,
                 const char **ret_conflict);

/* A writer gives up writing for good: its file is open for reading only, its locks a reader's. */
int io_lock_become_reader(IoFile *file);

/* "process 4711 (qemu-io)" which has the file open, as far as we may see; NULL: nobody. */
char *io_lock_find_holder(IoFile *file);
