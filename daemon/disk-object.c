/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disk object */

#include "daemon/disk-object.h"

#include "daemon/object-path.h"
#include "virtblock-dbus.h"

struct DiskObject {
    Exporter *exporter; /* borrowed, outlives us */
    char *path;
    VirtblockDBusDisk *skeleton;
};

DiskObject *
disk_object_new(Exporter *exporter, const char *uuid, const Disk *disk, guint position)
{
    DiskObject *object = g_new0(DiskObject, 1);
    g_autofree char *domain = object_path_domain(uuid);

    object->exporter = exporter;
    object->path = object_path_disk(uuid, disk->target);
    object->skeleton = virtblock_dbus_disk_skeleton_new();
    virtblock_dbus_disk_set_domain(object->skeleton, domain);
    virtblock_dbus_disk_set_target(object->skeleton, disk->target);
    disk_object_update(object, disk, position);
    exporter_add(exporter, object->path, G_DBUS_INTERFACE_SKELETON(object->skeleton));
    return object;
}

void
disk_object_update(DiskObject *object, const Disk *disk, guint position)
{
    const Layer *active = chain_active(disk->chain);
    g_autofree char *job = disk->job != NULL ? object_path_job(disk->job->id) : g_strdup("/");

    virtblock_dbus_disk_set_position(object->skeleton, position);
    virtblock_dbus_disk_set_type_(object->skeleton, disk->type);
    virtblock_dbus_disk_set_device(object->skeleton, disk->device);
    virtblock_dbus_disk_set_source(object->skeleton, active != NULL ? active->path : "");
    virtblock_dbus_disk_set_format(object->skeleton, active != NULL ? active->format : "");
    virtblock_dbus_disk_set_read_only(object->skeleton, disk->is_read_only);
    virtblock_dbus_disk_set_depth(object->skeleton,
                                  disk->is_chain_known ? chain_depth(disk->chain) : 0);
    virtblock_dbus_disk_set_job(object->skeleton, job);
}

void
disk_object_free(DiskObject *object)
{
    exporter_remove(object->exporter, object->path);
    g_object_unref(object->skeleton);
    g_free(object->path);
    g_free(object);
}
