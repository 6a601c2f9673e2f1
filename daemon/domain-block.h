/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block methods */

#include "driver/driver.h"
#include "virtblock-dbus.h"

/* The methods of a domain that work on its disks. */
void domain_block_attach(VirtblockDBusDomain *face, Driver *driver, Domain *domain);
