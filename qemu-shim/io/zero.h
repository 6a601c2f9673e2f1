/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Zero detection */

#include <glib.h>

gboolean buffer_is_zero(const void *buffer, gsize length);
