/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Block methods */

#include "driver/driver.h"
#include "virtblock-dbus.h"

/* The methods of a Domain object that are libvirt's block calls. */
void block_methods_connect(VirtblockDBusDomain *skeleton, Driver *driver, Domain *domain);
void block_methods_disconnect(VirtblockDBusDomain *skeleton);
