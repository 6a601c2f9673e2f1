/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Message framer */

#include <glib.h>

/* Joins what came in pieces and splits what came together, under the limits of qmp/scan.h. */
typedef struct QmpFramer QmpFramer;

QmpFramer *qmp_framer_new(void);
void qmp_framer_free(QmpFramer *framer);

void qmp_framer_feed(QmpFramer *framer, const char *bytes, gsize length);
/*
 * TRUE with *ret_message NULL where none is complete yet. FALSE where what is there can become
 * none: the rest of that line is skipped, and the next call goes on behind it. A line, so that
 * nothing that stood inside the bad message is taken for a message of its own.
 */
gboolean qmp_framer_next(QmpFramer *framer, GBytes **ret_message, GError **error);
/* Is part of a message there whose rest is missing? */
gboolean qmp_framer_is_amid(QmpFramer *framer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(QmpFramer, qmp_framer_free)
