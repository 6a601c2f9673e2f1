/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* New images */

#include "qemu-shim/block/qcow2/create.h"

#include <errno.h>
#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/qcow2/image.h"

static gboolean
refuse(GError **error, const char *what, guint64 value)
{
    g_set_error(
        error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "%s: %" G_GUINT64_FORMAT, what, value);
    return FALSE;
}

/* Header, an empty refcount table and a block for both: what an image needs to allocate by itself.
 */
static Qcow2Header *
plan_header(const Qcow2CreateOptions *options, GError **error)
{
    g_autoptr(Qcow2Header) header = qcow2_header_new();
    guint64 cluster_size = options->cluster_size != 0 ? options->cluster_size : 65536;
    guint64 covered = cluster_size * (cluster_size / 8);
    guint64 refcount_bits = options->refcount_bits != 0 ? options->refcount_bits : 16;
    guint64 n_entries;

    if ((cluster_size & (cluster_size - 1)) != 0 || cluster_size < 1u << QCOW2_MIN_CLUSTER_BITS ||
        cluster_size > 1u << QCOW2_MAX_CLUSTER_BITS) {
        refuse(error, "Cluster size must be a power of two between 512 and 2048k", cluster_size);
        return NULL;
    }
    if (options->version != 0 && options->version != 2 && options->version != 3) {
        refuse(error, "version is neither 2 nor 3", options->version);
        return NULL;
    }
    if ((refcount_bits & (refcount_bits - 1)) != 0 || refcount_bits > 64) {
        refuse(error,
               "Refcount width must be a power of two and may not exceed 64 bits",
               refcount_bits);
        return NULL;
    }
    if (options->version == 2 && refcount_bits != 16) {
        refuse(error,
               "Different refcount widths than 16 bits require compatibility level 1.1 or above "
               "(use version=v3 or greater)",
               refcount_bits);
        return NULL;
    }
    if (options->size > (G_GUINT64_CONSTANT(1) << 55)) {
        refuse(error, "image size is too big", options->size);
        return NULL;
    }

    header->version = options->version != 0 ? options->version : 3;
    header->cluster_bits = (guint32)__builtin_ctzll(cluster_size);
    header->size = (options->size + 511) / 512 * 512;
    header->refcount_order = (guint32)__builtin_ctzll(refcount_bits);
    header->header_length = header->version == 2 ? QCOW2_V2_HEADER_SIZE : QCOW2_V3_HEADER_SIZE;
    header->refcount_offset = cluster_size;
    header->refcount_clusters = 1;
    header->backing_name = g_strdup(options->backing_name);
    header->backing_format = g_strdup(options->backing_format);

    n_entries = header->size / covered + (header->size % covered != 0);
    if (n_entries * 8 > QCOW2_MAX_L1_BYTES) {
        refuse(error, "image size is too big for this cluster size", options->size);
        return NULL;
    }
    header->l1_entries = (guint32)n_entries;
    return g_steal_pointer(&header);
}

static int
write_header(IoFile *io, const Qcow2Header *header)
{
    g_autoptr(GBytes) bytes = qcow2_header_format(header);
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);

    return io_file_write(io, 0, data, length);
}

/* What our own reader would refuse is not written. */
static gboolean
check_backing_name(const Qcow2CreateOptions *options, GError **error)
{
    gboolean is_good = options->backing_name == NULL ||
                       g_utf8_validate(options->backing_name, -1, NULL);

    for (const char *at = options->backing_name; is_good && at != NULL && *at != '\0'; at++)
        is_good = !g_ascii_iscntrl(*at);
    /* Overlays without a recorded format are what probing, and so another file's content, is for.
     */
    is_good = is_good && (options->backing_name == NULL) == (options->backing_format == NULL);
    if (options->backing_format != NULL)
        is_good = is_good && options->backing_format[0] != '\0' &&
                  strlen(options->backing_format) <= 15;
    if (is_good)
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "'%s' of format '%s' is no name for a backing file",
                options->backing_name != NULL ? options->backing_name : "",
                options->backing_format != NULL ? options->backing_format : "");
    return FALSE;
}

/* With an L1 table in place of none; its entries are zero as the file is. */
static int
add_l1_table(IoFile *io, Qcow2Header *header, guint32 n_entries)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Qcow2Image) image = qcow2_image_open(io, TRUE, &error);
    guint64 n_clusters, first;
    int status;

    if (image == NULL)
        return -EIO; /* we have just written it: what we read back is something else */
    n_clusters = ((guint64)n_entries * 8 + image->cluster_size - 1) / image->cluster_size;
    image->next_free = 0; /* so that header and table are counted first */
    status = qcow2_allocate_locked(image, 2, &first);
    g_assert(status < 0 || first == 0);
    if (status == 0 && n_clusters > 0)
        status = qcow2_allocate_locked(image, n_clusters, &header->l1_offset);
    if (status == 0 && n_clusters > 0)
        status = io_file_write_zeroes(io, header->l1_offset, n_clusters * image->cluster_size);
    if (status == 0)
        status = qcow2_commit_locked(image);

    header->l1_entries = n_entries;
    header->refcount_offset = image->header->refcount_offset;
    header->refcount_clusters = image->header->refcount_clusters;
    return status;
}

gboolean
qcow2_create(IoFile *io, const Qcow2CreateOptions *options, GError **error)
{
    g_autoptr(Qcow2Header) header = plan_header(options, error);
    g_autoptr(GBytes) formatted = NULL;
    guint32 n_entries;
    guint64 size;
    int status;

    if (header == NULL || !check_backing_name(options, error))
        return FALSE;
    formatted = qcow2_header_format(header);
    if (formatted == NULL)
        return refuse(error,
                      "the backing file's name does not fit into a cluster of this size",
                      G_GUINT64_CONSTANT(1) << header->cluster_bits);

    /* First an image of no size, which our own allocator can extend; the size comes last. */
    n_entries = header->l1_entries;
    size = header->size;
    header->l1_entries = 0;
    header->size = 0;
    status = io->is_fixed ? 0 : io_file_truncate(io, 0);
    if (status == 0)
        status = io_file_write_zeroes(io, 0, G_GUINT64_CONSTANT(2) << header->cluster_bits);
    if (status == 0)
        status = write_header(io, header);
    if (status == 0)
        status = add_l1_table(io, header, n_entries);
    header->size = size;
    if (status == 0)
        status = write_header(io, header);
    if (status == 0)
        status = io_file_flush(io);
    if (status < 0) {
        block_set_error(error, status, "cannot create", io->path);
        return FALSE;
    }

    return TRUE;
}
