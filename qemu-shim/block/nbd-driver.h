/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* NBD protocol */

#include "qemu-shim/block/node.h"
#include "qemu-shim/block/options.h"

/*
 * An export of a network block device server, by libnbd. Only a user names one: a name inside an
 * image never does. Without TLS, which is refused.
 */
typedef struct NbdSettings NbdSettings;

NbdSettings *nbd_settings_take(BlockOptions *options, GError **error);
void nbd_settings_free(NbdSettings *settings);

/* Connects; a server that does not answer is given up after a while. */
BlockNode *nbd_node_open(const NbdSettings *settings,
                         gboolean is_read_only,
                         gboolean is_auto_read_only,
                         GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NbdSettings, nbd_settings_free)
