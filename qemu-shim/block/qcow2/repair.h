/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image repair */

#include "qemu-shim/block/qcow2/image.h"

/*
 * An image with lazy refcounts that was not closed says by its dirty bit that its counts may be
 * wrong, and nothing else: they are counted anew, made durable, and the bit is cleared. FALSE with
 * the bit still set where anything but counts is wrong.
 */
gboolean qcow2_repair_dirty(Qcow2Image *image, GError **error);
