/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image file I/O */

#include <glib.h>

/*
 * All I/O of the engine goes through IoFile, whose operations are a table, so that a test can stand
 * here: record writes and flushes, fail the Nth, drop what was not flushed. Functions return 0 or a
 * negative errno; short reads and writes are continued inside.
 */
typedef struct IoFile IoFile;

typedef enum {
    IO_OPEN_READ_ONLY = 0,
    IO_OPEN_READ_WRITE = 1 << 0,
    IO_OPEN_CREATE = 1 << 1, /* fails where the file is; mode 0600 */
} IoOpenFlags;

typedef struct {
    int (*read)(IoFile *file, guint64 offset, void *buffer, gsize length); /* zeros past the end */
    int (*write)(IoFile *file, guint64 offset, const void *buffer, gsize length);
    int (*write_zeroes)(IoFile *file, guint64 offset, guint64 length);
    int (*truncate)(IoFile *file, guint64 length);
    int (*flush)(IoFile *file); /* a failed flush is final: every later one fails as well */
    int (*get_length)(IoFile *file, guint64 *ret_length);
    int (*get_allocated)(IoFile *file, guint64 *ret_bytes);
    /* Whether data or a hole stands at @offset, and for how long; a hole reads as zeros now. */
    int (*get_extent)(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length);
    /* NULL: never. See io_file_clone(). */
    int (*clone)(IoFile *file, guint64 offset, IoFile *from, guint64 from_offset, guint64 length);
    void (*close)(IoFile *file);
} IoOps;

struct IoFile {
    const IoOps *ops;
    char *path; /* for messages */
    gboolean is_writable;
    gboolean is_fixed; /* its length is no sign of what is in it, and cannot grow: a device */
};

/* Opens a regular file or block device; never blocks on a FIFO, never follows into a directory. */
int io_file_open(const char *path, IoOpenFlags flags, IoFile **ret_file);
/* A file in memory, for tests; starts with a copy of @bytes. */
IoFile *io_file_new_memory(const void *bytes, gsize length);

int io_file_read(IoFile *file, guint64 offset, void *buffer, gsize length);
int io_file_write(IoFile *file, guint64 offset, const void *buffer, gsize length);
int io_file_write_zeroes(IoFile *file, guint64 offset, guint64 length);
int io_file_truncate(IoFile *file, guint64 length);
int io_file_flush(IoFile *file);
int io_file_get_length(IoFile *file, guint64 *ret_length);
int io_file_get_allocated(IoFile *file, guint64 *ret_bytes);
int io_file_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length);
/*
 * The range becomes what @from has there, by sharing the blocks: nothing is copied and no space is
 * used. -EOPNOTSUPP, and nothing done, where these two files or this range cannot.
 */
int io_file_clone(IoFile *file, guint64 offset, IoFile *from, guint64 from_offset, guint64 length);
void io_file_close(IoFile *file); /* takes NULL */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(IoFile, io_file_close)
