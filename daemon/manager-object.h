/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager object */

#include "daemon/store.h"
#include "driver/driver.h"
#include "virtblock-dbus.h"

#define MANAGER_OBJECT_TYPE (manager_object_get_type())
G_DECLARE_FINAL_TYPE(ManagerObject,
                     manager_object,
                     VB,
                     MANAGER_OBJECT,
                     VirtblockDBusManagerSkeleton)

/* Tells clients of the driver's events by itself. */
ManagerObject *manager_object_new(Driver *driver, DaemonStore *store);
/* The store was loaded. */
void manager_object_update(ManagerObject *object);
