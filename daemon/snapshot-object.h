/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshot object */

#include "driver/driver.h"
#include "virtblock-dbus.h"

#define SNAPSHOT_OBJECT_TYPE (snapshot_object_get_type())
G_DECLARE_FINAL_TYPE(SnapshotObject,
                     snapshot_object,
                     VB,
                     SNAPSHOT_OBJECT,
                     VirtblockDBusSnapshotSkeleton)

SnapshotObject *snapshot_object_new(Driver *driver, Domain *domain, const Snapshot *snapshot);
void snapshot_object_update(SnapshotObject *object, const Snapshot *snapshot);
