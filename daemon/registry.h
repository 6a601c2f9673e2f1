/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Object registry */

#include "daemon/exporter.h"
#include "driver/driver.h"

/*
 * Follows the driver's signals: keeps one object with the exporter for each domain, disk, snapshot
 * and live job, and their properties right. Made before the driver is started; lives as long as the
 * driver does.
 */
typedef struct Registry Registry;

Registry *registry_new(Driver *driver, Exporter *exporter);
void registry_free(Registry *registry);
