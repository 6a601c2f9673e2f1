/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compressed clusters */

#include "qemu-shim/block/qcow2/compress.h"

#include <errno.h>

#include <zlib.h>
#include <zstd.h>

#include "qemu-shim/block/qcow2/format.h"

/* Raw deflate with a window of 4 KiB, as the format asks. */
#define WINDOW_BITS (-12)

/* The input is whole sectors, so bytes may follow the end of the stream; of output there is just
 * one cluster's worth, and never more is made. */
static int
inflate_zlib(const void *deflated, gsize deflated_length, void *buffer, gsize length)
{
    z_stream stream = {
        .next_in = (Bytef *)deflated,
        .avail_in = (uInt)deflated_length,
        .next_out = buffer,
        .avail_out = (uInt)length,
    };
    int status;

    if (inflateInit2(&stream, WINDOW_BITS) != Z_OK)
        return -ENOMEM;

    status = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    return (status == Z_STREAM_END || status == Z_BUF_ERROR) && stream.avail_out == 0 ? 0 : -EIO;
}

static int
inflate_zstd(const void *deflated, gsize deflated_length, void *buffer, gsize length)
{
    ZSTD_DCtx *context = ZSTD_createDCtx();
    ZSTD_inBuffer input = {deflated, deflated_length, 0};
    ZSTD_outBuffer output = {buffer, length, 0};
    size_t status = 0;

    if (context == NULL)
        return -ENOMEM;

    while (output.pos < output.size) {
        gsize before = input.pos + output.pos;

        status = ZSTD_decompressStream(context, &output, &input);
        if (ZSTD_isError(status) || input.pos + output.pos == before)
            break;
    }
    ZSTD_freeDCtx(context);
    return !ZSTD_isError(status) && output.pos == output.size ? 0 : -EIO;
}

int
qcow2_inflate(guint8 compression,
              const void *deflated,
              gsize deflated_length,
              void *buffer,
              gsize length)
{
    if (compression == QCOW2_COMPRESSION_ZSTD)
        return inflate_zstd(deflated, deflated_length, buffer, length);
    return inflate_zlib(deflated, deflated_length, buffer, length);
}
