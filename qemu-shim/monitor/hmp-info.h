/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* HMP info */

#include "qemu-shim/monitor/hmp.h"

/* The subcommands of "info", as commands; ends with one without a name. */
extern const HmpCommand hmp_info_commands[];
