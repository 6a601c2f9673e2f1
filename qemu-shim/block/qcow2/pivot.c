/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pivot */

#include "qemu-shim/block/qcow2/pivot.h"

#include <errno.h>
#include <string.h>

/*
 * The one moment at which an image changes what it stands on: all that was copied up is durable,
 * then the header is written at once, then it is durable. Before the write the image reads through
 * its old chain, after it by itself; both give the same. What another program made of the header
 * meanwhile is not written over.
 */

static void
set_link(Qcow2Header *header, const char *name, const char *format)
{
    char *new_name = g_strdup(name);
    char *new_format = g_strdup(format);

    g_free(header->backing_name);
    g_free(header->backing_format);
    header->backing_name = new_name;
    header->backing_format = new_format;
}

/* The bytes with the new link; the header itself stays. NULL: no room. */
static GBytes *
format_with_link(Qcow2Header *header, const char *name, const char *format)
{
    g_autofree char *old_name = g_strdup(header->backing_name);
    g_autofree char *old_format = g_strdup(header->backing_format);
    GBytes *bytes;

    set_link(header, name, format);
    bytes = qcow2_header_format(header);
    set_link(header, old_name, old_format);
    return bytes;
}

static int
check_unchanged(const Qcow2Image *image)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Qcow2Header) there = qcow2_header_read(image->io, &error);

    if (there == NULL) {
        g_debug("before the pivot of '%s': %s", image->io->path, error->message);
        return -ESTALE;
    }

    return qcow2_header_is_same(there, image->header) ? 0 : -ESTALE;
}

int
qcow2_pivot_locked(Qcow2Image *image, const char *backing_name, const char *backing_format)
{
    g_autoptr(GBytes) bytes = format_with_link(image->header, backing_name, backing_format);
    int status = bytes != NULL ? qcow2_flush_locked(image) : -ENOSPC;

    if (status == 0)
        status = check_unchanged(image);
    /* The commit may have moved the refcount table. */
    if (status == 0) {
        g_bytes_unref(bytes);
        bytes = format_with_link(image->header, backing_name, backing_format);
    }
    if (status == 0)
        status = io_file_write(
            image->io, 0, g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes));
    if (status == 0)
        status = qcow2_flush_file_locked(image);
    if (status == 0)
        set_link(image->header, backing_name, backing_format);
    return status;
}
