/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image header */

#include "qemu-shim/block/qcow2/format.h"
#include "qemu-shim/io/file.h"

/* An extension that is kept as it came. */
typedef struct {
    guint32 type;
    GBytes *data;
} Qcow2Extension;

typedef struct {
    guint32 version;
    guint32 cluster_bits;
    guint64 size;
    guint32 l1_entries;
    guint64 l1_offset;
    guint64 refcount_offset;
    guint32 refcount_clusters;
    guint32 n_snapshots;
    guint64 snapshots_offset;
    guint64 incompatible;
    guint64 compatible;
    guint64 autoclear;
    guint32 refcount_order;
    guint32 header_length;
    guint8 compression;
    GBytes *rest;          /* fields past those we know, up to header_length; NULL: none */
    GPtrArray *extensions; /* of Qcow2Extension, owned; all but the backing format */
    char *backing_name;    /* NULL: none */
    char *backing_format;  /* NULL: not recorded */
} Qcow2Header;

Qcow2Header *qcow2_header_new(void);
void qcow2_header_free(Qcow2Header *header);

/* Reads and checks all that can be checked alone; errors name field and value. */
Qcow2Header *qcow2_header_read(IoFile *io, GError **error);
/* What we do not do yet, or never for writing; @is_writable says which. */
gboolean qcow2_header_check_features(const Qcow2Header *header,
                                     const char *path,
                                     gboolean is_writable,
                                     GError **error);

/*
 * The bytes of header, extensions and backing name. NULL where they do not fit in the first cluster
 * or in the 4 KiB that are written at once.
 */
GBytes *qcow2_header_format(const Qcow2Header *header);
gboolean qcow2_header_is_same(const Qcow2Header *one, const Qcow2Header *other);

/* Returns FALSE with "cannot use 'path' as qcow2: ...". */
gboolean
qcow2_header_refuse(GError **error, const char *path, const char *format, ...) G_GNUC_PRINTF(3, 4);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qcow2Header, qcow2_header_free)
