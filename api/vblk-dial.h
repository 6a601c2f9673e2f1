/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Dialling */

#include <gio/gio.h>

#include "api/vblk-address.h"

/*
 * Connects to the daemon's socket. A session's daemon that does not answer is started first; the
 * error then holds what it said. Takes @address.
 */
void vblk_dial_async(VblkAddress *address,
                     GCancellable *cancellable,
                     GAsyncReadyCallback callback,
                     gpointer user_data);
GIOStream *vblk_dial_finish(GAsyncResult *result, GError **error);
