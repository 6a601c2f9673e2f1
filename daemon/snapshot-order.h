/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshot order */

#include "driver/store.h"

/* Puts @snapshots (of StoredSnapshot, of one domain) in order: parents before children, else by
 * name. One whose parent is missing stands as a root. */
void snapshot_order_sort(GPtrArray *snapshots);
