/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image repair */

#include "qemu-shim/block/qcow2/image.h"

typedef enum {
    QCOW2_REPAIR_LEAKS, /* counts that are too high: harmless at any time */
    QCOW2_REPAIR_ALL,   /* those that are too low as well */
} Qcow2Repair;

/*
 * Makes counts say what is there, durably. For an image that is open alone, to be written. FALSE
 * where more than counts is wrong, and then nothing is changed.
 */
gboolean qcow2_repair(Qcow2Image *image, Qcow2Repair what, GError **error);

/*
 * An image with lazy refcounts that was not closed says by its dirty bit that its counts may be
 * wrong, and nothing else: they are counted anew, made durable, and the bit is cleared. FALSE with
 * the bit still set where anything but counts is wrong.
 */
gboolean qcow2_repair_dirty(Qcow2Image *image, GError **error);
