/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* I/O recorder */

#include "tests/unit/qcow2/recorder.h"

#include <errno.h>

static int
count(Recorder *self)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    self->n_operations++;
    if (self->fail_at == 0 || self->n_operations < self->fail_at)
        return 0;
    return self->n_operations == self->fail_at || self->is_failing_on ? self->error : 0;
}

static void
record(Recorder *self, RecordKind kind, guint64 offset, GBytes *bytes)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    Record entry = {kind, offset, bytes};

    g_array_append_val(self->records, entry);
}

static int
recorder_read(IoFile *file, guint64 offset, void *buffer, gsize length)
{
    Recorder *self = (Recorder *)file;
    int status = 0;

    g_mutex_lock(&self->lock);
    self->n_reads++;
    if (self->n_failing_reads > 0) {
        self->n_failing_reads--;
        status = self->error;
    }
    g_mutex_unlock(&self->lock);
    return status < 0 ? status : io_file_read(self->memory, offset, buffer, length);
}

static int
recorder_write(IoFile *file, guint64 offset, const void *buffer, gsize length)
{
    Recorder *self = (Recorder *)file;
    int status = count(self);

    if (status < 0)
        return status;
    record(self, RECORD_WRITE, offset, g_bytes_new(buffer, length));
    return io_file_write(self->memory, offset, buffer, length);
}

static int
recorder_write_zeroes(IoFile *file, guint64 offset, guint64 length)
{
    g_autofree char *zeros = g_malloc0((gsize)length);

    return recorder_write(file, offset, zeros, (gsize)length);
}

/* As a file system with shared blocks would: the same bytes, and nothing written. */
static int
recorder_clone(IoFile *file, guint64 offset, IoFile *from, guint64 from_offset, guint64 length)
{
    Recorder *self = (Recorder *)file;
    g_autofree char *bytes = g_malloc((gsize)length);
    int status;

    if (!self->can_clone)
        return -EOPNOTSUPP;

    status = io_file_read(from, from_offset, bytes, (gsize)length);
    if (status == 0)
        status = recorder_write(file, offset, bytes, (gsize)length);
    if (status == 0)
        self->n_cloned += length;
    return status;
}

static int
recorder_truncate(IoFile *file, guint64 length)
{
    Recorder *self = (Recorder *)file;
    int status = count(self);

    if (status < 0)
        return status;
    record(self, RECORD_TRUNCATE, length, NULL);
    return io_file_truncate(self->memory, length);
}

static int
recorder_flush(IoFile *file)
{
    Recorder *self = (Recorder *)file;
    int status = count(self);

    if (status < 0)
        return status;
    if (self->is_failing_flush) {
        self->is_failing_flush = FALSE;
        return self->error;
    }
    record(self, RECORD_FLUSH, 0, NULL);
    return 0;
}

static int
recorder_get_length(IoFile *file, guint64 *ret_length)
{
    return io_file_get_length(((Recorder *)file)->memory, ret_length);
}

static int
recorder_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length)
{
    return io_file_get_extent(((Recorder *)file)->memory, offset, ret_is_data, ret_length);
}

static void
recorder_close(IoFile *file)
{
    recorder_free((Recorder *)file);
}

static const IoOps recorder_ops = {
    .read = recorder_read,
    .write = recorder_write,
    .write_zeroes = recorder_write_zeroes,
    .truncate = recorder_truncate,
    .flush = recorder_flush,
    .get_length = recorder_get_length,
    .get_allocated = recorder_get_length,
    .get_extent = recorder_get_extent,
    .clone = recorder_clone,
    .close = recorder_close,
};

static void
record_clear(gpointer data)
{
    g_clear_pointer(&((Record *)data)->bytes, g_bytes_unref);
}

Recorder *
recorder_new(GBytes *bytes)
{
    Recorder *self = g_new0(Recorder, 1);
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);

    self->file.ops = &recorder_ops;
    self->file.path = g_strdup("(recorder)");
    self->file.is_writable = TRUE;
    g_mutex_init(&self->lock);
    self->memory = io_file_new_memory(data, length);
    self->records = g_array_new(FALSE, FALSE, sizeof(Record));
    g_array_set_clear_func(self->records, record_clear);
    return self;
}

void
recorder_free(Recorder *recorder)
{
    if (recorder == NULL)
        return;

    io_file_close(recorder->memory);
    g_array_unref(recorder->records);
    g_mutex_clear(&recorder->lock);
    g_free(recorder->file.path);
    g_free(recorder);
}

void
recorder_apply(const Record *record, IoFile *memory)
{
    gsize length;
    const void *data;

    switch (record->kind) {
    case RECORD_WRITE:
        data = g_bytes_get_data(record->bytes, &length);
        g_assert(io_file_write(memory, record->offset, data, length) == 0);
        break;
    case RECORD_TRUNCATE:
        g_assert(io_file_truncate(memory, record->offset) == 0);
        break;
    case RECORD_FLUSH:
        break;
    }
}
