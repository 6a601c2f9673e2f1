/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Opening connections */

#include "api/vblk-connection.h"

/* vblk_connection_open_async(), with its signals in @context. */
void vblk_connection_open_in_context(const char *uri,
                                     GMainContext *context,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
