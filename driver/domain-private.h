/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain inside */

#include "driver/domain.h"

/* For the driver's own files, which alone change a domain. */
struct Domain {
    gatomicrefcount references;
    gboolean is_removed;
    gboolean is_changing; /* being redefined or undefined; no other call may begin */
    GQueue turns;         /* of Turn; the head has it */
    char *name;
    char *uuid;
    DomainState state;
    DomainXml *definition;
    GPtrArray *disks;       /* of Disk, owned */
    GPtrArray *snapshots;   /* of Snapshot, owned, oldest first */
    char *current_snapshot; /* NULL: none */
};

/* Takes @definition, which has a UUID. Layers without an index, or with one that another has, get
 * the next ones: 1, 2, 3 from the first disk's active layer on, as libvirt numbers them when a
 * machine starts. */
Domain *domain_new(DomainXml *definition, GError **error);
/* Takes the disks of @other, a newer definition of the same domain, which has no job. */
void domain_take_definition(Domain *domain, Domain *other);

/* The definition with @chain as that of the disk @target: all of it where the definition names
 * chains, else the active layer alone. */
DomainXml *domain_definition_with_chain(const Domain *domain,
                                        const Disk *disk,
                                        const Chain *chain,
                                        GError **error);
/* An index no layer of the domain has. */
guint domain_next_index(const Domain *domain);
gboolean domain_has_job(const Domain *domain);
/* Whether a call that changes the domain may begin. */
gboolean domain_check_free(const Domain *domain, GError **error);
