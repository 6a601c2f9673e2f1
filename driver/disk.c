/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disk */

#include "driver/disk.h"

void
disk_free(Disk *disk)
{
    if (disk == NULL)
        return;

    g_free(disk->target);
    g_free(disk->device);
    g_free(disk->type);
    chain_free(disk->chain);
    job_free(disk->job);
    g_free(disk);
}

static LayerKind
layer_kind(DiskSourceType type)
{
    switch (type) {
    case DISK_SOURCE_FILE:
        return LAYER_FILE;
    case DISK_SOURCE_BLOCK:
        return LAYER_BLOCK;
    case DISK_SOURCE_NETWORK:
        return LAYER_NETWORK;
    case DISK_SOURCE_NONE:
    case DISK_SOURCE_OTHER:
        break;
    }

    return LAYER_OTHER;
}

static DiskSourceType
source_type(LayerKind kind)
{
    switch (kind) {
    case LAYER_FILE:
        return DISK_SOURCE_FILE;
    case LAYER_BLOCK:
        return DISK_SOURCE_BLOCK;
    case LAYER_NETWORK:
        return DISK_SOURCE_NETWORK;
    case LAYER_OTHER:
        break;
    }

    return DISK_SOURCE_OTHER;
}

/* libvirt takes a disk without a format for raw; guessing it from the content is what it must not
 * do, and neither do we. */
static gboolean
add_layers(Disk *disk, const DiskXml *xml, GError **error)
{
    for (guint i = 0; i < xml->layers->len; i++) {
        const DiskSource *source = g_ptr_array_index(xml->layers, i);
        const char *format = source->format != NULL ? source->format : "raw";

        if (source->type == DISK_SOURCE_NONE)
            break;
        if (!chain_append(disk->chain,
                          layer_new(layer_kind(source->type),
                                    source->path != NULL ? source->path : "",
                                    format,
                                    source->index),
                          error))
            return FALSE;
    }

    return TRUE;
}

Disk *
disk_new(const DiskXml *xml, GError **error)
{
    Disk *disk = g_new0(Disk, 1);
    const DiskSource *source = xml->layers->len > 0 ? g_ptr_array_index(xml->layers, 0) : NULL;

    disk->target = g_strdup(xml->target);
    disk->device = g_strdup(xml->device);
    disk->type = g_strdup(source != NULL && source->type != DISK_SOURCE_NONE
                              ? disk_source_type_name(source->type)
                              : "file");
    disk->is_read_only = xml->is_read_only;
    disk->is_shareable = xml->is_shareable;
    disk->is_chain_in_xml = xml->layers->len > 1 || xml->is_chain_complete;
    disk->is_chain_known = xml->is_chain_complete;
    disk->chain = chain_new();
    if (add_layers(disk, xml, error))
        return disk;

    disk_free(disk);
    return NULL;
}

GPtrArray *
disk_sources(const Chain *chain, guint n_layers, gboolean with_index)
{
    GPtrArray *sources = g_ptr_array_new_with_free_func((GDestroyNotify)disk_source_free);

    for (guint i = 0; i < n_layers; i++) {
        const Layer *layer = chain_layer(chain, i);

        g_ptr_array_add(sources,
                        disk_source_new(source_type(layer->kind),
                                        layer->path,
                                        layer->format,
                                        with_index ? layer->index : 0));
    }

    return sources;
}
