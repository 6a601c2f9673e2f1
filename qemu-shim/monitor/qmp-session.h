/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* QMP sessions */

#include "qemu-shim/monitor/shim.h"

/* Serves QMP to the peer on @stream until it goes; it is told of events from when it negotiated. */
void qmp_session_start(Shim *shim, GIOStream *stream);
