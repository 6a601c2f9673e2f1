/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disk object */

#include "daemon/disk-object.h"

#include "daemon/gate.h"
#include "daemon/object-path.h"

struct _DiskObject {
    VirtblockDBusDiskSkeleton parent;
};

G_DEFINE_FINAL_TYPE(DiskObject, disk_object, VIRTBLOCK_DBUS_TYPE_DISK_SKELETON)

DiskObject *
disk_object_new(const Domain *domain, const char *target)
{
    DiskObject *object = g_object_new(DISK_OBJECT_TYPE, NULL);
    g_autofree char *path = object_path_of_domain(domain_get_uuid(domain));

    virtblock_dbus_disk_set_domain(VIRTBLOCK_DBUS_DISK(object), path);
    virtblock_dbus_disk_set_target(VIRTBLOCK_DBUS_DISK(object), target);
    return object;
}

void
disk_object_update(DiskObject *object, const Disk *disk, guint position, const Job *job)
{
    VirtblockDBusDisk *face = VIRTBLOCK_DBUS_DISK(object);
    const Layer *active = chain_active(disk->chain);
    g_autofree char *job_path = g_strdup(OBJECT_PATH_NONE);

    if (job != NULL) {
        g_free(job_path);
        job_path = object_path_of_job(job->id);
    }

    virtblock_dbus_disk_set_position(face, position);
    virtblock_dbus_disk_set_type_(face, disk->type);
    virtblock_dbus_disk_set_device(face, disk->device);
    virtblock_dbus_disk_set_source(face, active != NULL ? active->path : "");
    virtblock_dbus_disk_set_format(face,
                                   active != NULL && active->format != NULL ? active->format : "");
    virtblock_dbus_disk_set_read_only(face, disk->is_read_only);
    virtblock_dbus_disk_set_depth(face, disk->is_chain_known ? chain_depth(disk->chain) : 0);
    virtblock_dbus_disk_set_job(face, job_path);
}

static void
disk_object_class_init(DiskObjectClass *class)
{
    G_DBUS_INTERFACE_SKELETON_CLASS(class)->get_vtable = gate_get_vtable;
}

static void
disk_object_init(DiskObject *object)
{
}
