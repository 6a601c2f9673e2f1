/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public disks */

#include "api/vblk-disk.h"

#include "api/vblk-disk-private.h"
#include "api/vblk-properties.h"

struct _VblkDisk {
    GObject parent;

    GVariant *properties;
};

G_DEFINE_FINAL_TYPE(VblkDisk, vblk_disk, G_TYPE_OBJECT)

GObject *
vblk_disk_build(VblkLink *link, const char *path, GVariant *properties)
{
    VblkDisk *disk = g_object_new(VBLK_TYPE_DISK, NULL);

    disk->properties = g_variant_ref(properties);
    return G_OBJECT(disk);
}

guint
vblk_disk_get_position(VblkDisk *disk)
{
    return vblk_properties_get_uint(disk->properties, "Position");
}

const char *
vblk_disk_get_job_path(VblkDisk *disk)
{
    return vblk_properties_get_string(disk->properties, "Job");
}

const char *
vblk_disk_get_target(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), NULL);

    return vblk_properties_get_string(disk->properties, "Target");
}

const char *
vblk_disk_get_source_type(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), NULL);

    return vblk_properties_get_string(disk->properties, "Type");
}

const char *
vblk_disk_get_device(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), NULL);

    return vblk_properties_get_string(disk->properties, "Device");
}

const char *
vblk_disk_get_source(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), NULL);

    return vblk_properties_get_string(disk->properties, "Source");
}

const char *
vblk_disk_get_format(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), NULL);

    return vblk_properties_get_string(disk->properties, "Format");
}

gboolean
vblk_disk_is_read_only(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), 0);

    return vblk_properties_get_boolean(disk->properties, "ReadOnly");
}

guint
vblk_disk_get_depth(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), 0);

    return vblk_properties_get_uint(disk->properties, "Depth");
}

gboolean
vblk_disk_has_job(VblkDisk *disk)
{
    g_return_val_if_fail(VBLK_IS_DISK(disk), 0);

    return g_strcmp0(vblk_disk_get_job_path(disk), "/") != 0;
}

static void
vblk_disk_finalize(GObject *object)
{
    VblkDisk *disk = VBLK_DISK(object);

    g_clear_pointer(&disk->properties, g_variant_unref);

    G_OBJECT_CLASS(vblk_disk_parent_class)->finalize(object);
}

static void
vblk_disk_class_init(VblkDiskClass *class)
{
    G_OBJECT_CLASS(class)->finalize = vblk_disk_finalize;
}

static void
vblk_disk_init(VblkDisk *disk)
{
}
