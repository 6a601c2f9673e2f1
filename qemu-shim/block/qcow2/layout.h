/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image layout */

#include "qemu-shim/block/qcow2/image.h"

/*
 * Looks at all that L1 and refcount table point at. In an image that is to be written all of it
 * must be right; in one that is only read, L1 entries that are not are marked, so that reading
 * through one is an error, and the rest can be read.
 */
gboolean qcow2_layout_scan(Qcow2Image *image, GError **error);

/* Why a cluster of metadata cannot be at @offset, as "is not aligned"; NULL: it can. */
const char *qcow2_layout_judge(const Qcow2Image *image, guint64 offset);
/* The same for what an L2 entry says; @is_ours: it is in a table that this process wrote. */
const char *qcow2_layout_judge_entry(const Qcow2Image *image, guint64 entry, gboolean is_ours);
