/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public layers */

#include <glib-object.h>

G_BEGIN_DECLS

/**
 * VblkLayer:
 *
 * One image of a disk's chain, as vblk_domain_block_chain_async() found it.
 *
 * Since: 0.1
 */
#define VBLK_TYPE_LAYER (vblk_layer_get_type())
G_DECLARE_FINAL_TYPE(VblkLayer, vblk_layer, VBLK, LAYER, GObject)

const char *vblk_layer_get_path(VblkLayer *layer);
const char *vblk_layer_get_format(VblkLayer *layer);
/* N of vda[N]. */
guint vblk_layer_get_index(VblkLayer *layer);
/* Bytes: of the guest's disk, on the host's disk, and of the guest's data held in this layer. */
guint64 vblk_layer_get_virtual_size(VblkLayer *layer);
guint64 vblk_layer_get_allocated(VblkLayer *layer);
guint64 vblk_layer_get_data(VblkLayer *layer);
/* The backing file as the image records it; NULL where it has none. */
const char *vblk_layer_get_backing_name(VblkLayer *layer);
/* Other disks that stand on this image, as "domain/target", NULL-terminated. */
const char *const *vblk_layer_get_shared_with(VblkLayer *layer);

G_END_DECLS
