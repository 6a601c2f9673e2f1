/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk object */

#include "driver/domain.h"
#include "virtblock-dbus.h"

#define DISK_OBJECT_TYPE (disk_object_get_type())
G_DECLARE_FINAL_TYPE(DiskObject, disk_object, VB, DISK_OBJECT, VirtblockDBusDiskSkeleton)

DiskObject *disk_object_new(const Domain *domain, const char *target);

/* @job: what runs on it; NULL: nothing. */
void disk_object_update(DiskObject *object, const Disk *disk, guint position, const Job *job);
