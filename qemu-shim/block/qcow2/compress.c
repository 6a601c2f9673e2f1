/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compressed clusters */

#include "qemu-shim/block/qcow2/compress.h"

#include <errno.h>

#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif
#include <zlib.h>
#ifdef HAVE_ZSTD
#include <zstd.h>
#endif

#include "qemu-shim/block/qcow2/format.h"

#define MAX_WINDOW_LOG 24

/* Raw deflate with a window of 4 KiB, as the format asks. */
#define WINDOW_BITS  (-12)
#define MEMORY_LEVEL 9

#ifdef HAVE_LIBDEFLATE
static void
free_deflater(gpointer data)
{
    libdeflate_free_decompressor(data);
}

/* A thread's own, which goes with the thread. */
static GPrivate thread_deflater = G_PRIVATE_INIT(free_deflater);

/* Twice as fast as zlib. FALSE: not what it expects; whether it will do is for zlib to say. */
static gboolean
inflate_quickly(const void *packed, gsize packed_length, void *buffer, gsize length)
{
    struct libdeflate_decompressor *deflater = g_private_get(&thread_deflater);
    size_t used, made;

    if (deflater == NULL) {
        deflater = libdeflate_alloc_decompressor();
        g_private_set(&thread_deflater, deflater);
    }
    return deflater != NULL &&
           libdeflate_deflate_decompress_ex(
               deflater, packed, packed_length, buffer, length, &used, &made) ==
               LIBDEFLATE_SUCCESS &&
           made == length;
}
#else
static gboolean
inflate_quickly(const void *packed, gsize packed_length, void *buffer, gsize length)
{
    return FALSE;
}
#endif

/* The input is whole sectors, so bytes may follow the end of the stream; of output there is just
 * one cluster's worth, and never more is made. */
static int
inflate_zlib(const void *packed, gsize packed_length, void *buffer, gsize length)
{
    z_stream stream = {
        .next_in = (Bytef *)packed,
        .avail_in = (uInt)packed_length,
        .next_out = buffer,
        .avail_out = (uInt)length,
    };
    int status;

    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK)
        return -ENOMEM;

    status = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return (status == Z_STREAM_END || status == Z_BUF_ERROR) && stream.avail_out == 0 ? 0
                                                                                      : -EBADMSG;
}

#ifdef HAVE_ZSTD
static void
free_context(gpointer data)
{
    ZSTD_freeDCtx(data);
}

static GPrivate thread_context = G_PRIVATE_INIT(free_context);

static ZSTD_DCtx *
get_context(void)
{
    ZSTD_DCtx *context = g_private_get(&thread_context);

    if (context == NULL) {
        context = ZSTD_createDCtx();
        g_private_set(&thread_context, context);
    }
    if (context != NULL)
        ZSTD_DCtx_reset(context, ZSTD_reset_session_and_parameters);
    return context;
}

static int
inflate_zstd(const void *packed, gsize packed_length, void *buffer, gsize length)
{
    ZSTD_DCtx *context = get_context();
    ZSTD_inBuffer input = {packed, packed_length, 0};
    ZSTD_outBuffer output = {buffer, length, 0};
    size_t status = 0;

    if (context == NULL)
        return -ENOMEM;

    /* A window larger than any encoder of such clusters asks for is memory for nothing. */
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, MAX_WINDOW_LOG);

    while (output.pos < output.size) {
        gsize before = input.pos + output.pos;

        status = ZSTD_decompressStream(context, &output, &input);
        if (ZSTD_isError(status) || input.pos + output.pos == before)
            break;
    }
    return !ZSTD_isError(status) && output.pos == output.size ? 0 : -EBADMSG;
}
#endif

gboolean
qcow2_can_inflate(guint8 compression)
{
#ifdef HAVE_ZSTD
    return compression <= QCOW2_COMPRESSION_ZSTD;
#else
    return compression == QCOW2_COMPRESSION_ZLIB;
#endif
}

int
qcow2_inflate(guint8 compression,
              const void *packed,
              gsize packed_length,
              void *buffer,
              gsize length)
{
#ifdef HAVE_ZSTD
    if (compression == QCOW2_COMPRESSION_ZSTD)
        return inflate_zstd(packed, packed_length, buffer, length);
#endif
    if (inflate_quickly(packed, packed_length, buffer, length))
        return 0;
    return inflate_zlib(packed, packed_length, buffer, length);
}

static int
deflate_zlib(const void *bytes, gsize length, void *buffer, gsize room, gsize *ret_packed)
{
    z_stream stream = {
        .next_in = (Bytef *)bytes,
        .avail_in = (uInt)length,
        .next_out = buffer,
        .avail_out = (uInt)room,
    };
    int status;

    if (deflateInit2(&stream,
                     Z_DEFAULT_COMPRESSION,
                     Z_DEFLATED,
                     WINDOW_BITS,
                     MEMORY_LEVEL,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;

    status = deflate(&stream, Z_FINISH);
    *ret_packed = room - stream.avail_out;
    deflateEnd(&stream);
    return status == Z_STREAM_END ? 0 : -ENOSPC;
}

int
qcow2_deflate(guint8 compression,
              const void *bytes,
              gsize length,
              void *buffer,
              gsize room,
              gsize *ret_packed)
{
#ifdef HAVE_ZSTD
    if (compression == QCOW2_COMPRESSION_ZSTD) {
        size_t packed = ZSTD_compress(buffer, room, bytes, length, ZSTD_CLEVEL_DEFAULT);

        /* Of all that may go wrong, only the room is not ours to give. */
        if (ZSTD_isError(packed))
            return -ENOSPC;
        *ret_packed = packed;
        return 0;
    }
#endif
    return deflate_zlib(bytes, length, buffer, room, ret_packed);
}
