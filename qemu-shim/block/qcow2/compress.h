/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Compressed clusters */

#include <glib.h>

/* Inflates to exactly @length bytes, as QCOW2_COMPRESSION_* says; -EIO for all else. */
int qcow2_inflate(guint8 compression,
                  const void *deflated,
                  gsize deflated_length,
                  void *buffer,
                  gsize length);
