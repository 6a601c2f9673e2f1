/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshot */

#include <glib.h>

typedef struct {
    char *name;
    char *description;
    char *parent;          /* NULL for a root */
    char *state;           /* "shutoff", "disk-snapshot" */
    guint64 creation_time; /* seconds since 1970 */
    char *xml;             /* the whole document */
} Snapshot;

Snapshot *snapshot_new(const char *name, const char *xml);
void snapshot_free(Snapshot *snapshot);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Snapshot, snapshot_free)
