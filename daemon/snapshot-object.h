/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshot object */

#include "daemon/exporter.h"
#include "driver/driver.h"

typedef struct SnapshotObject SnapshotObject;

SnapshotObject *
snapshot_object_new(Exporter *exporter, Driver *driver, Domain *domain, const Snapshot *snapshot);
void snapshot_object_update(SnapshotObject *object, const Snapshot *snapshot);
void snapshot_object_free(SnapshotObject *object);
