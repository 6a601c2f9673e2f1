/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* NBD protocol */

#include "qemu-shim/block/nbd-driver.h"

#include <errno.h>
#include <string.h>

#include <libnbd.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/protocol.h"

#define CONNECT_TIMEOUT_US ((gint64)30 * G_USEC_PER_SEC)
/* What every server takes. */
#define MAX_REQUEST_BYTES ((gsize)8 << 20)
/* Of base:allocation. */
#define STATE_ZERO (1u << 1)

struct NbdSettings {
    gboolean is_unix;
    char *path;
    char *host;
    char *port;
    char *export_name; /* NULL: the default one */
};

/* libnbd's handle does one call at a time, whichever thread asks. */
typedef struct {
    IoFile file;
    struct nbd_handle *handle;
    guint64 length;
    gboolean has_flush;
    gboolean has_zero;
    gboolean has_status;
    int flush_error; /* atomic; a flush that failed stays failed */
} NbdFile;

static int
get_failure(void)
{
    int number = nbd_get_errno();

    return number > 0 ? -number : -EIO;
}

/* Zeros past the end. */
static int
nbd_file_read(IoFile *file, guint64 offset, void *buffer, gsize length)
{
    NbdFile *self = (NbdFile *)file;
    gsize there = offset < self->length ? (gsize)MIN(length, self->length - offset) : 0;
    char *at = buffer;

    memset(at + there, 0, length - there);
    while (there > 0) {
        gsize part = MIN(there, MAX_REQUEST_BYTES);

        if (nbd_pread(self->handle, at, part, offset, 0) < 0)
            return get_failure();
        at += part;
        offset += part;
        there -= part;
    }

    return 0;
}

static gboolean
is_beyond(const NbdFile *self, guint64 offset, guint64 length)
{
    return offset > self->length || length > self->length - offset;
}

static int
nbd_file_write(IoFile *file, guint64 offset, const void *buffer, gsize length)
{
    NbdFile *self = (NbdFile *)file;
    const char *at = buffer;

    if (is_beyond(self, offset, length))
        return -ENOSPC;

    while (length > 0) {
        gsize part = MIN(length, MAX_REQUEST_BYTES);

        if (nbd_pwrite(self->handle, at, part, offset, 0) < 0)
            return get_failure();
        at += part;
        offset += part;
        length -= part;
    }

    return 0;
}

static int
write_zero_bytes(IoFile *file, guint64 offset, guint64 length)
{
    static const char zeros[64 * 1024];
    int status = 0;

    while (status == 0 && length > 0) {
        gsize part = (gsize)MIN(length, sizeof(zeros));

        status = nbd_file_write(file, offset, zeros, part);
        offset += part;
        length -= part;
    }

    return status;
}

static int
nbd_file_write_zeroes(IoFile *file, guint64 offset, guint64 length)
{
    NbdFile *self = (NbdFile *)file;

    if (is_beyond(self, offset, length))
        return -ENOSPC;
    if (!self->has_zero)
        return write_zero_bytes(file, offset, length);

    while (length > 0) {
        guint64 part = MIN(length, (guint64)1 << 30);

        if (nbd_zero(self->handle, part, offset, 0) < 0)
            return get_failure();
        offset += part;
        length -= part;
    }

    return 0;
}

static int
nbd_file_truncate(IoFile *file, guint64 length)
{
    return length == ((NbdFile *)file)->length ? 0 : -ENOTSUP;
}

static int
nbd_file_flush(IoFile *file)
{
    NbdFile *self = (NbdFile *)file;
    int error = g_atomic_int_get(&self->flush_error);

    if (error == 0 && self->has_flush && nbd_flush(self->handle, 0) < 0) {
        error = get_failure();
        g_atomic_int_set(&self->flush_error, error);
    }
    return error;
}

static int
nbd_file_get_length(IoFile *file, guint64 *ret_length)
{
    *ret_length = ((NbdFile *)file)->length;
    return 0;
}

static int
nbd_file_get_allocated(IoFile *file, guint64 *ret_bytes)
{
    return -ENOTSUP;
}

typedef struct {
    guint64 length; /* 0: nothing was said */
    gboolean is_data;
} Extent;

static int
take_extent(void *user_data,
            const char *context,
            uint64_t offset,
            uint32_t *entries,
            size_t n_entries,
            int *error)
{
    Extent *extent = user_data;

    if (g_str_equal(context, LIBNBD_CONTEXT_BASE_ALLOCATION) && n_entries >= 2 &&
        extent->length == 0) {
        extent->length = entries[0];
        extent->is_data = (entries[1] & STATE_ZERO) == 0;
    }
    return 0;
}

/* A server that does not say is taken to have data. */
static int
nbd_file_get_extent(IoFile *file, guint64 offset, gboolean *ret_is_data, guint64 *ret_length)
{
    NbdFile *self = (NbdFile *)file;
    Extent extent = {.is_data = TRUE};
    /* cppcheck-suppress legacyUninitvar ; this is its initializer */
    nbd_extent_callback callback = {.callback = take_extent, .user_data = &extent};

    if (offset >= self->length) {
        *ret_is_data = FALSE;
        *ret_length = (guint64)G_MAXINT64 - MIN(offset, (guint64)G_MAXINT64 - 1);
        return 0;
    }
    if (self->has_status && nbd_block_status(self->handle,
                                             MIN(self->length - offset, (guint64)1 << 30),
                                             offset,
                                             callback,
                                             LIBNBD_CMD_FLAG_REQ_ONE) < 0)
        return get_failure();

    *ret_is_data = extent.is_data;
    *ret_length = self->length - offset;
    if (extent.length > 0)
        *ret_length = MIN(*ret_length, extent.length);
    return 0;
}

static void
nbd_file_close(IoFile *file)
{
    NbdFile *self = (NbdFile *)file;

    if (nbd_aio_is_ready(self->handle) > 0)
        nbd_shutdown(self->handle, 0);
    nbd_close(self->handle);
    g_free(self);
}

static const IoOps nbd_ops = {
    .read = nbd_file_read,
    .write = nbd_file_write,
    .write_zeroes = nbd_file_write_zeroes,
    .truncate = nbd_file_truncate,
    .flush = nbd_file_flush,
    .get_length = nbd_file_get_length,
    .get_allocated = nbd_file_get_allocated,
    .get_extent = nbd_file_get_extent,
    .close = nbd_file_close,
};

static char *
make_uri(const NbdSettings *settings)
{
    g_autofree char *export_name = settings->export_name != NULL
                                       ? g_strconcat("/", settings->export_name, NULL)
                                       : NULL;
    const char *tail = export_name != NULL ? export_name : "";

    if (settings->is_unix)
        return g_strdup_printf("nbd+unix://%s?socket=%s", tail, settings->path);
    return g_strdup_printf("nbd://%s:%s%s", settings->host, settings->port, tail);
}

static char *
make_filename(BlockNode *node)
{
    return g_strdup(node->filename);
}

static const BlockDriver nbd_driver = {.name = "nbd",
                                       PROTOCOL_OPERATIONS,
                                       .make_filename = make_filename};

static gboolean
take_string(BlockOptions *options, const char *key, char **ret_value, GError **error)
{
    if (!block_options_take_string(options, key, ret_value, error))
        return FALSE;
    if (*ret_value != NULL)
        return TRUE;

    block_options_set_missing(options, key, error);
    return FALSE;
}

static gboolean
take_server(NbdSettings *settings, BlockOptions *server, GError **error)
{
    static const char *const types[] = {"inet", "unix", NULL};
    guint type = G_MAXUINT;

    if (!block_options_take_enum(server, "type", types, &type, error))
        return FALSE;
    if (type == G_MAXUINT) {
        block_options_set_missing(server, "type", error);
        return FALSE;
    }

    settings->is_unix = type == 1;
    if (settings->is_unix)
        return take_string(server, "path", &settings->path, error) &&
               block_options_finish(server, error);
    return take_string(server, "host", &settings->host, error) &&
           take_string(server, "port", &settings->port, error) &&
           block_options_finish(server, error);
}

NbdSettings *
nbd_settings_take(BlockOptions *options, GError **error)
{
    g_autoptr(NbdSettings) settings = g_new0(NbdSettings, 1);
    g_autoptr(BlockOptions) server = NULL;
    gint64 delay_s = 0, timeout_s = 0;

    if (!block_options_take_object(options, "server", &server, error))
        return NULL;
    if (server == NULL) {
        block_options_set_missing(options, "server", error);
        return NULL;
    }
    /* A connection that is lost is not made again: its requests fail at once. */
    if (!take_server(settings, server, error) ||
        !block_options_take_string(options, "export", &settings->export_name, error) ||
        !block_options_take_integer(options, "reconnect-delay", 0, G_MAXUINT32, &delay_s, error) ||
        !block_options_take_integer(options, "open-timeout", 0, G_MAXUINT32, &timeout_s, error))
        return NULL;
    return g_steal_pointer(&settings);
}

void
nbd_settings_free(NbdSettings *settings)
{
    if (settings == NULL)
        return;

    g_free(settings->path);
    g_free(settings->host);
    g_free(settings->port);
    g_free(settings->export_name);
    g_free(settings);
}

static gboolean
start_connecting(struct nbd_handle *handle, const NbdSettings *settings)
{
    const char *export_name = settings->export_name != NULL ? settings->export_name : "";

    /* No server moves us to another place or to a program: these calls know only what they name. */
    if (nbd_set_export_name(handle, export_name) < 0 ||
        nbd_add_meta_context(handle, LIBNBD_CONTEXT_BASE_ALLOCATION) < 0)
        return FALSE;
    return (settings->is_unix ? nbd_aio_connect_unix(handle, settings->path)
                              : nbd_aio_connect_tcp(handle, settings->host, settings->port)) == 0;
}

static gboolean
connect_handle(struct nbd_handle *handle, const NbdSettings *settings, const char **ret_reason)
{
    gint64 deadline_us = g_get_monotonic_time() + CONNECT_TIMEOUT_US;

    if (!start_connecting(handle, settings)) {
        *ret_reason = g_strerror(-get_failure());
        return FALSE;
    }
    while (nbd_aio_is_connecting(handle) > 0) {
        gint64 rest_us = deadline_us - g_get_monotonic_time();

        if (rest_us <= 0) {
            *ret_reason = g_strerror(ETIMEDOUT);
            return FALSE;
        }
        if (nbd_poll(handle, (int)(rest_us / 1000) + 1) < 0)
            break;
    }
    if (nbd_aio_is_ready(handle) > 0)
        return TRUE;

    *ret_reason = nbd_get_errno() > 0 ? g_strerror(nbd_get_errno()) : nbd_get_error();
    return FALSE;
}

/* Takes @handle. */
static NbdFile *
make_file(struct nbd_handle *handle, const char *uri, gboolean is_read_only)
{
    NbdFile *self = g_new0(NbdFile, 1);

    self->file.ops = &nbd_ops;
    self->file.path = g_strdup(uri);
    self->file.is_writable = !is_read_only;
    self->handle = handle;
    self->has_flush = nbd_can_flush(handle) > 0;
    self->has_zero = nbd_can_zero(handle) > 0;
    self->has_status = nbd_can_meta_context(handle, LIBNBD_CONTEXT_BASE_ALLOCATION) > 0;
    return self;
}

static NbdFile *
open_export(const NbdSettings *settings,
            const char *uri,
            gboolean is_read_only,
            gboolean is_auto_read_only,
            GError **error)
{
    struct nbd_handle *handle = nbd_create();
    g_autofree char *server = settings->is_unix
                                  ? g_strdup(settings->path)
                                  : g_strconcat(settings->host, ":", settings->port, NULL);
    const char *reason = "there is no memory";
    gboolean is_denied;
    gint64 length;
    NbdFile *self;

    if (handle == NULL || !connect_handle(handle, settings, &reason)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_MISSING,
                    "Failed to connect to '%s': %s",
                    server,
                    reason);
        nbd_close(handle);
        return NULL;
    }

    length = nbd_get_size(handle);
    is_denied = !is_read_only && nbd_is_read_only(handle) != 0;
    self = make_file(handle, uri, is_read_only || is_denied);
    if (length >= 0 && (!is_denied || is_auto_read_only)) {
        self->length = (guint64)length;
        return self;
    }

    if (length < 0)
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_IMAGE_INVALID, "'%s' tells no size of '%s'", server, uri);
    else
        g_set_error_literal(error,
                            VBLK_ERROR,
                            VBLK_ERROR_IMAGE_ACCESS,
                            "request on write denied without write permission");
    io_file_close(&self->file);
    return NULL;
}

BlockNode *
nbd_node_open(const NbdSettings *settings,
              gboolean is_read_only,
              gboolean is_auto_read_only,
              GError **error)
{
    g_autofree char *uri = make_uri(settings);
    NbdFile *self = open_export(settings, uri, is_read_only, is_auto_read_only, error);

    return self != NULL ? protocol_node_new(&nbd_driver, uri, &self->file, self->length) : NULL;
}
