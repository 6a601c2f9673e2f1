/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Message bus */

#include "daemon/exporter.h"

#define BUS_NAME "org.virtblock1"

/*
 * The session's or the system's message bus, as one more way in. Where there is none, or somebody
 * else has our name, clients still have the private socket.
 */
typedef struct Bus Bus;

Bus *bus_join(Exporter *exporter, gboolean is_session);
void bus_leave(Bus *bus);
