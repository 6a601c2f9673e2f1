/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Guest requests */

#include "qemu-shim/monitor/shim.h"

/*
 * Plays the guest: "read [-P pattern] offset length", "write [-P pattern | -s file | -z] offset
 * length", "flush", in the words of qemu-io. What it prints is appended to @out.
 */
void guest_io_execute(Shim *shim, const char *device, const char *line, GString *out);
