/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Error domain */

#include <glib.h>

G_BEGIN_DECLS

/**
 * VBLK_ERROR:
 *
 * The one error domain of virtblock. It is registered with GDBus, so an error crosses the bus
 * unchanged. Codes are for programs: few and stable. Messages are for people.
 *
 * Since: 0.1
 */
#define VBLK_ERROR (vblk_error_quark())

/**
 * VblkError:
 * @VBLK_ERROR_FAILED: the operation failed; the message tells why
 * @VBLK_ERROR_INTERNAL: a fault of virtblock itself
 * @VBLK_ERROR_INVALID_ARGUMENT: an argument makes no sense, or names no disk or layer
 * @VBLK_ERROR_OPERATION_INVALID: not possible in the present state
 * @VBLK_ERROR_OPERATION_UNSUPPORTED: not possible for this kind of disk or job
 * @VBLK_ERROR_CONFIG_UNSUPPORTED: the definition asks for what virtblock or the peer cannot do
 * @VBLK_ERROR_NO_DOMAIN: no domain of that name or UUID
 * @VBLK_ERROR_NO_SNAPSHOT: no snapshot of that name
 * @VBLK_ERROR_DOMAIN_EXISTS: name or UUID is taken by another domain
 * @VBLK_ERROR_BLOCK_COPY_ACTIVE: a copy or an active commit runs on the disk
 * @VBLK_ERROR_XML: malformed or refused XML; the message gives the line
 * @VBLK_ERROR_IMAGE_MISSING: an image file is not there
 * @VBLK_ERROR_IMAGE_ACCESS: an image file may not be read or written
 * @VBLK_ERROR_IMAGE_INVALID: an image is corrupt, of another format, or refused for safety
 * @VBLK_ERROR_IMAGE_IN_USE: another process holds the image's lock
 * @VBLK_ERROR_NO_SPACE: no space left for the data
 * @VBLK_ERROR_TIMEOUT: no answer before the deadline
 * @VBLK_ERROR_CANCELLED: the job or call was cancelled
 * @VBLK_ERROR_ACCESS_DENIED: the caller may not do this
 * @VBLK_ERROR_NO_CONNECTION: the daemon or the monitor is not there, or went away
 * @VBLK_ERROR_LIMIT: a limit on size, depth or number was met
 *
 * Since: 0.1
 */
typedef enum {
    VBLK_ERROR_FAILED,
    VBLK_ERROR_INTERNAL,
    VBLK_ERROR_INVALID_ARGUMENT,
    VBLK_ERROR_OPERATION_INVALID,
    VBLK_ERROR_OPERATION_UNSUPPORTED,
    VBLK_ERROR_CONFIG_UNSUPPORTED,
    VBLK_ERROR_NO_DOMAIN,
    VBLK_ERROR_NO_SNAPSHOT,
    VBLK_ERROR_DOMAIN_EXISTS,
    VBLK_ERROR_BLOCK_COPY_ACTIVE,
    VBLK_ERROR_XML,
    VBLK_ERROR_IMAGE_MISSING,
    VBLK_ERROR_IMAGE_ACCESS,
    VBLK_ERROR_IMAGE_INVALID,
    VBLK_ERROR_IMAGE_IN_USE,
    VBLK_ERROR_NO_SPACE,
    VBLK_ERROR_TIMEOUT,
    VBLK_ERROR_CANCELLED,
    VBLK_ERROR_ACCESS_DENIED,
    VBLK_ERROR_NO_CONNECTION,
    VBLK_ERROR_LIMIT,
} VblkError;

#define VBLK_N_ERRORS (VBLK_ERROR_LIMIT + 1)

GQuark vblk_error_quark(void);

G_END_DECLS
