/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Memory files */

#include <errno.h>
#include <string.h>

#include "qemu-shim/io/file.h"

/* Tests keep images small; a hostile image may still ask for more than there is. */
#define MAX_LENGTH ((guint64)1 << 30)

typedef struct {
    IoFile file;
    GMutex lock; /* protects what follows */
    GByteArray *bytes;
} MemoryFile;

static int
memory_read(IoFile *file, guint64 offset, void *buffer, gsize length)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&((MemoryFile *)file)->lock);
    GByteArray *bytes = ((MemoryFile *)file)->bytes;
    gsize there = offset < bytes->len ? MIN(length, bytes->len - offset) : 0;

    if (there > 0)
        memcpy(buffer, bytes->data + offset, there);
    memset((char *)buffer + there, 0, length - there);
    return 0;
}

static int
grow(GByteArray *bytes, guint64 offset, guint64 length)
{
    guint old_length = bytes->len;

    if (offset > MAX_LENGTH || length > MAX_LENGTH - offset)
        return -ENOSPC;
    if (offset + length <= old_length)
        return 0;

    g_byte_array_set_size(bytes, (guint)(offset + length));
    memset(bytes->data + old_length, 0, bytes->len - old_length);
    return 0;
}

static int
memory_write(IoFile *file, guint64 offset, const void *buffer, gsize length)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&((MemoryFile *)file)->lock);
    GByteArray *bytes = ((MemoryFile *)file)->bytes;
    int status = grow(bytes, offset, length);

    if (status == 0 && length > 0)
        memcpy(bytes->data + offset, buffer, length);
    return status;
}

static int
memory_write_zeroes(IoFile *file, guint64 offset, guint64 length)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&((MemoryFile *)file)->lock);
    GByteArray *bytes = ((MemoryFile *)file)->bytes;
    int status = grow(bytes, offset, length);

    if (status == 0 && length > 0)
        memset(bytes->data + offset, 0, (gsize)length);
    return status;
}

static int
memory_truncate(IoFile *file, guint64 length)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&((MemoryFile *)file)->lock);
    GByteArray *bytes = ((MemoryFile *)file)->bytes;

    if (length <= bytes->len) {
        g_byte_array_set_size(bytes, (guint)length);
        return 0;
    }
    return grow(bytes, length, 0);
}

static int
memory_flush(IoFile *file)
{
    return 0;
}

static int
memory_get_length(IoFile *file, guint64 *ret_length)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&((MemoryFile *)file)->lock);

    *ret_length = ((MemoryFile *)file)->bytes->len;
    return 0;
}

static int
memory_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length)
{
    guint64 length = 0;

    (void)memory_get_length(file, &length); /* which cannot fail */
    *ret_is_data = offset < length;
    *ret_length = offset < length ? length - offset : G_MAXINT64 - offset;
    return 0;
}

static void
memory_close(IoFile *file)
{
    MemoryFile *self = (MemoryFile *)file;

    g_byte_array_unref(self->bytes);
    g_mutex_clear(&self->lock);
    g_free(self);
}

static const IoOps memory_ops = {
    .read = memory_read,
    .write = memory_write,
    .write_zeroes = memory_write_zeroes,
    .truncate = memory_truncate,
    .flush = memory_flush,
    .get_length = memory_get_length,
    .get_allocated = memory_get_length,
    .get_extent = memory_get_extent,
    .close = memory_close,
};

IoFile *
io_file_new_memory(const void *bytes, gsize length)
{
    MemoryFile *self = g_new0(MemoryFile, 1);

    self->file.ops = &memory_ops;
    self->file.path = g_strdup("(memory)");
    self->file.is_writable = TRUE;
    g_mutex_init(&self->lock);
    self->bytes = g_byte_array_new();
    if (length > 0)
        g_byte_array_append(self->bytes, bytes, (guint)length);
    return &self->file;
}
