/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Pivot */

#include "qemu-shim/block/qcow2/image.h"

/*
 * The header names another backing file (NULL: none). -ENOSPC where it has no room for that, before
 * anything is written; -ESTALE where the header is no longer the one that was opened.
 */
int qcow2_pivot_locked(Qcow2Image *image, const char *backing_name, const char *backing_format);
