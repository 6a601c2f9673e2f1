/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disk elements */

#include "xml/disk-xml.h"

const char *
disk_source_type_name(DiskSourceType type)
{
    switch (type) {
    case DISK_SOURCE_NONE:
        return "";
    case DISK_SOURCE_FILE:
        return "file";
    case DISK_SOURCE_BLOCK:
        return "block";
    case DISK_SOURCE_NETWORK:
        return "network";
    case DISK_SOURCE_OTHER:
        return "other";
    }

    g_assert_not_reached();
}

DiskSource *
disk_source_new(DiskSourceType type, const char *path, const char *format, guint index)
{
    DiskSource *source = g_new0(DiskSource, 1);

    source->type = type;
    source->path = g_strdup(path);
    source->format = g_strdup(format);
    source->index = index;

    return source;
}

DiskSource *
disk_source_copy(const DiskSource *source)
{
    if (source == NULL)
        return NULL;

    return disk_source_new(source->type, source->path, source->format, source->index);
}

gboolean
disk_source_is_same(const DiskSource *a, const DiskSource *b)
{
    return a->type == b->type && g_strcmp0(a->path, b->path) == 0;
}

void
disk_source_free(DiskSource *source)
{
    if (source == NULL)
        return;

    g_free(source->path);
    g_free(source->format);
    g_free(source);
}

DiskXml *
disk_xml_copy(const DiskXml *disk)
{
    DiskXml *copy = g_new0(DiskXml, 1);

    copy->target = g_strdup(disk->target);
    copy->bus = g_strdup(disk->bus);
    copy->device = g_strdup(disk->device);
    copy->alias = g_strdup(disk->alias);
    copy->is_read_only = disk->is_read_only;
    copy->is_shareable = disk->is_shareable;
    copy->is_transient = disk->is_transient;
    copy->layers = g_ptr_array_new_with_free_func((GDestroyNotify)disk_source_free);
    for (guint i = 0; i < disk->layers->len; i++)
        g_ptr_array_add(copy->layers, disk_source_copy(g_ptr_array_index(disk->layers, i)));
    copy->is_chain_complete = disk->is_chain_complete;
    copy->mirror = disk_source_copy(disk->mirror);
    copy->mirror_job = g_strdup(disk->mirror_job);
    copy->mirror_ready = g_strdup(disk->mirror_ready);

    return copy;
}

void
disk_xml_free(DiskXml *disk)
{
    if (disk == NULL)
        return;

    g_free(disk->target);
    g_free(disk->bus);
    g_free(disk->device);
    g_free(disk->alias);
    g_ptr_array_unref(disk->layers);
    disk_source_free(disk->mirror);
    g_free(disk->mirror_job);
    g_free(disk->mirror_ready);
    g_free(disk);
}
