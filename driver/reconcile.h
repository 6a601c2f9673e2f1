/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Taking up */

#include "driver/driver-private.h"

/*
 * What the daemon left when it went: every job that the store has as live is looked for at the peer
 * that ran it. One that is there is taken up where it is; of one that is not, the image tells how
 * it ended. Takes @contents. Ends when all peers were asked; jobs then run on.
 */
void reconcile_async(Driver *driver,
                     StoreContents *contents,
                     GAsyncReadyCallback callback,
                     gpointer user_data);
void reconcile_finish(GAsyncResult *result);
