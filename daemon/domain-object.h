/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain object */

#include "driver/driver.h"
#include "virtblock-dbus.h"

#define DOMAIN_OBJECT_TYPE (domain_object_get_type())
G_DECLARE_FINAL_TYPE(DomainObject, domain_object, VB, DOMAIN_OBJECT, VirtblockDBusDomainSkeleton)

DomainObject *domain_object_new(Driver *driver, Domain *domain);
/* The domain has changed. */
void domain_object_update(DomainObject *object);
