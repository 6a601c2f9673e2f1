/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot */

#include "driver/snapshot.h"

Snapshot *
snapshot_new(const char *name, const char *xml)
{
    Snapshot *snapshot = g_new0(Snapshot, 1);

    snapshot->name = g_strdup(name);
    snapshot->xml = g_strdup(xml);
    return snapshot;
}

void
snapshot_free(Snapshot *snapshot)
{
    if (snapshot == NULL)
        return;

    g_free(snapshot->name);
    g_free(snapshot->description);
    g_free(snapshot->parent);
    g_free(snapshot->state);
    g_free(snapshot->xml);
    g_free(snapshot);
}
