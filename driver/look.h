/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Looking */

#include "driver/driver-private.h"
#include "driver/peer.h"

/*
 * Starts a peer and reads the chain of a disk through it, from the images as they are now. The
 * layers a definition names are taken as they are named; where it ends, the images are asked.
 */
typedef struct {
    Chain *chain; /* owned */
    Peer *peer;   /* owned: for who has more to do with the images */
} Look;

void look_free(Look *look); /* lets the peer go */
void look_async(Driver *driver,
                const Domain *domain,
                const Disk *disk,
                GAsyncReadyCallback callback,
                gpointer user_data);
Look *look_finish(GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Look, look_free)
