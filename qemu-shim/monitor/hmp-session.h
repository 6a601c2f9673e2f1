/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HMP sessions */

#include "qemu-shim/monitor/shim.h"

/* Serves the human monitor to the peer on @stream until it goes: banner, prompt, a command a line.
 */
void hmp_session_start(Shim *shim, GIOStream *stream);
