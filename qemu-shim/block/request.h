/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Open requests */

#include "qemu-shim/block/blkdebug-driver.h"
#include "qemu-shim/block/nbd-driver.h"
#include "qemu-shim/block/null-driver.h"
#include "qemu-shim/block/quorum-driver.h"
#include "qemu-shim/block/raw-driver.h"

/*
 * The options of a node and of those below it, understood and complete, before a file is touched.
 * Children inherit as in QEMU: a file whether it is read-only and shared, a backing node whether it
 * is shared; and a backing node is always read-only.
 */
typedef enum {
    BLOCK_FORMAT_FILE,
    BLOCK_FORMAT_HOST_DEVICE,
    BLOCK_FORMAT_RAW,
    BLOCK_FORMAT_QCOW2,
    BLOCK_FORMAT_NULL_CO,
    BLOCK_FORMAT_NULL_AIO,
    BLOCK_FORMAT_THROTTLE,
    BLOCK_FORMAT_BLKDEBUG,
    BLOCK_FORMAT_COPY_ON_READ,
    BLOCK_FORMAT_COMPRESS,
    BLOCK_FORMAT_NBD,
    BLOCK_FORMAT_QUORUM,
} BlockFormat;

typedef struct BlockRequest BlockRequest;

/* A node below: by name, or to be opened, or neither. */
typedef struct {
    char *name;
    BlockRequest *request;
    gboolean is_null; /* explicitly none */
} BlockReference;

/* What any node may be told and what is only shown: our caches are the kernel's. */
typedef struct {
    gboolean is_direct;
    gboolean is_without_flush;
    gboolean has_unmap;
    BlockDetectZeroes detect_zeroes;
} BlockTuning;

struct BlockRequest {
    BlockFormat format;
    char *node_name; /* NULL: one is made up */
    gboolean is_read_only;
    gboolean is_auto_read_only; /* read-only where it may not be written */
    gboolean is_shared;
    gboolean is_unlocked;
    BlockTuning tuning;
    char *filename; /* of "file" and "host_device" */
    char *throttle_group;
    char *bottom; /* of copy-on-read: a node name; NULL: none */
    BlkdebugSettings *blkdebug;
    NbdSettings *nbd;
    GVariant *strong; /* a{sv}: the options that a filename stands for, as they were given */
    union {
        RawSettings raw;
        NullSettings null;
        QuorumSettings quorum;
    } settings;
    BlockReference file;    /* also where the driver calls it otherwise */
    GPtrArray *children;    /* of BlockReference, owned: of quorum; NULL: none */
    BlockReference backing; /* nothing set: what the header names */
};

BlockRequest *block_request_new(GVariant *options, GError **error);
/* For an image that is named by a path, as a backing file or an overlay. */
BlockRequest *block_request_new_for_image(const char *path,
                                          BlockFormat format,
                                          gboolean is_read_only,
                                          gboolean is_shared);
void block_request_free(BlockRequest *request);

/* Stands on no other node. */
gboolean block_format_is_protocol(BlockFormat format);
/* Stands on a node that is the option "file". */
gboolean block_format_has_file(BlockFormat format);
/* What an image may say of its backing file. */
gboolean block_format_is_image(BlockFormat format);
const char *block_format_to_string(BlockFormat format);
gboolean block_format_from_string(const char *word, BlockFormat *ret_format);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(BlockRequest, block_request_free)
