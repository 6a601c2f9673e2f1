/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public library */

/*
 * libvirtblock: disk image chains of virtual machines, through virtblockd.
 *
 * Calls come in threes: NAME_async() starts, NAME_finish() takes the result in the callback, and
 * NAME_sync() does both and blocks. What a call returns is the caller's. Errors are #VblkError.
 */

#include "api/vblk-block-job.h"
#include "api/vblk-connection.h"
#include "api/vblk-disk.h"
#include "api/vblk-domain.h"
#include "api/vblk-enums.h"
#include "api/vblk-error.h"
#include "api/vblk-event.h"
#include "api/vblk-layer.h"
#include "api/vblk-snapshot.h"
