/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk object */

#include "daemon/exporter.h"
#include "driver/domain.h"

typedef struct DiskObject DiskObject;

DiskObject *disk_object_new(Exporter *exporter, const char *uuid, const Disk *disk, guint position);
void disk_object_update(DiskObject *object, const Disk *disk, guint position);
void disk_object_free(DiskObject *object);
