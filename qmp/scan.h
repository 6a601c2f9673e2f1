/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Message scanner */

#include <glib.h>

/* The parser behind us has no limits of its own; these stand before it. */
#define QMP_SCAN_MAX_SIZE   (4 * 1024 * 1024)
#define QMP_SCAN_MAX_DEPTH  40 /* a GVariant reads back 42 objects in each other, no more */
#define QMP_SCAN_MAX_TOKENS 200000

/*
 * Finds the ends of JSON values in a stream of bytes that may be cut anywhere. It checks size,
 * depth, number of tokens, bracket pairing, UTF-8 and the absence of NUL, not grammar.
 */
typedef struct QmpScan QmpScan;

QmpScan *qmp_scan_new(void);
void qmp_scan_free(QmpScan *scan);
void qmp_scan_reset(QmpScan *scan);

/*
 * Reads on in @bytes. TRUE with *ret_end > 0: a value ends before bytes[*ret_end], the scan is at
 * the beginning again. TRUE with *ret_end == 0: all bytes read, none ended. FALSE: a limit was met
 * (VBLK_ERROR_LIMIT) or the bytes cannot be JSON (VBLK_ERROR_INVALID_ARGUMENT), as bytes[*ret_end]
 * shows; the scan must be reset.
 */
gboolean
qmp_scan_feed(QmpScan *scan, const char *bytes, gsize length, gsize *ret_end, GError **error);

/* White space as JSON has it. */
gboolean qmp_is_space(char byte);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpScan, qmp_scan_free)
