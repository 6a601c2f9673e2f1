/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* New images */

#include "qemu-shim/io/file.h"

typedef struct {
    guint64 size;          /* rounded up to 512 */
    guint32 version;       /* 0: 3 */
    guint64 cluster_size;  /* 0: 64 KiB */
    guint64 refcount_bits; /* 0: 16 */
    const char *backing_name;
    const char *backing_format;
} Qcow2CreateOptions;

/* Writes an empty image into an empty file and flushes it. */
gboolean qcow2_create(IoFile *io, const Qcow2CreateOptions *options, GError **error);
