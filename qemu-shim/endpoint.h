/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Monitor sockets */

#include "qemu-shim/cmdline.h"
#include "qemu-shim/monitor/shim.h"

/* Listens or connects, and serves each connection; sockets of ours are for their owner alone. */
gboolean endpoint_open(Shim *shim, const Monitor *monitor, GError **error);
/* Removes the socket files of ours. */
void endpoint_close_all(Shim *shim);
