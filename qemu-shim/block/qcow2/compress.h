/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compressed clusters */

#include <glib.h>

/* Whether this build has what QCOW2_COMPRESSION_* asks for. */
gboolean qcow2_can_inflate(guint8 compression);
/*
 * Packs @length bytes into @buffer, where there is room for @room; -ENOSPC: they do not fit there.
 */
int qcow2_deflate(guint8 compression,
                  const void *bytes,
                  gsize length,
                  void *buffer,
                  gsize room,
                  gsize *ret_packed);
/* Inflates to exactly @length bytes, as QCOW2_COMPRESSION_* says; -EBADMSG for all else. */
int qcow2_inflate(guint8 compression,
                  const void *packed,
                  gsize packed_length,
                  void *buffer,
                  gsize length);
