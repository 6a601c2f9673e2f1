/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* User objects */

#include "qemu-shim/monitor/shim.h"

/*
 * What object-add and -object make: throttle groups, which nodes join, and iothreads, which are
 * names here. @given: "qom-type", "id" and the properties.
 */
gboolean object_add(Shim *shim, GVariant *given, GError **error);
gboolean object_remove(Shim *shim, const char *id, GError **error);
