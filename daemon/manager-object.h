/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Manager object */

#include "daemon/exporter.h"
#include "daemon/store.h"
#include "driver/driver.h"

/* The root object; it keeps the objects of domains and jobs in step with the driver. */
typedef struct ManagerObject ManagerObject;

ManagerObject *manager_object_new(Exporter *exporter, Driver *driver, DaemonStore *store);
void manager_object_free(ManagerObject *object);
