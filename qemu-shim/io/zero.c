/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Zero detection */

#include "qemu-shim/io/zero.h"

#include <string.h>

/* A buffer is zero where its first byte is and each byte equals the one before it; the comparison
 * is the C library's, which is vectorised. */
gboolean
buffer_is_zero(const void *buffer, gsize length)
{
    const char *bytes = buffer;

    return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}
