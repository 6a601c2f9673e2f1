/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making events */

#include "api/vblk-event.h"

/* From (ttsssa{sv}), as Manager.Event and ListEvents have it. */
VblkEvent *vblk_event_new(GVariant *tuple);
