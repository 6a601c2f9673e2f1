/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Chain inspection */

#include "driver/peer.h"

/*
 * Reads a chain from its images, one layer at a time and each without its backing file: an image
 * can say what it stands on, but it is we who decide whether that is opened, and as what. So no
 * format is guessed and no name followed that is not a plain path. Nothing is locked or written.
 *
 * @known: the layers that are known, active first; where @is_complete, there are no others. The
 * result has the sizes too. Layers that are found get indexes from @next_index on.
 */
void inspect_chain_async(Peer *peer,
                         const Chain *known,
                         gboolean is_complete,
                         guint next_index,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
Chain *inspect_chain_finish(GAsyncResult *result, GError **error);
