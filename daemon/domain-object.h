/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain object */

#include "daemon/exporter.h"
#include "driver/driver.h"

/* A domain with its disks and snapshots. */
typedef struct DomainObject DomainObject;

DomainObject *domain_object_new(Exporter *exporter, Driver *driver, Domain *domain);
void domain_object_update(DomainObject *object);
void domain_object_put_snapshot(DomainObject *object, const Snapshot *snapshot);
void domain_object_remove_snapshot(DomainObject *object, const Snapshot *snapshot);
void domain_object_free(DomainObject *object);
