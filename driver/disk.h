/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk */

#include "driver/chain.h"
#include "driver/job.h"
#include "xml/disk-xml.h"

typedef struct {
    char *target;
    char *device;
    char *type; /* "file", "block", "network" */
    gboolean is_read_only;
    gboolean is_shareable;
    gboolean is_chain_in_xml; /* the definition names the chain, so jobs keep it there */
    Chain *chain;             /* with no layers: an empty drive; depth 1 until images were read */
    gboolean is_chain_known;  /* to its end */
    Job *job;                 /* the live job, owned; NULL if none */
    gboolean is_busy;         /* a call works on it; no other may begin */
} Disk;

Disk *disk_new(const DiskXml *xml, GError **error);
void disk_free(Disk *disk);

/* The first @n_layers of @chain as the XML has them, of DiskSource. */
GPtrArray *disk_sources(const Chain *chain, guint n_layers, gboolean with_index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Disk, disk_free)
