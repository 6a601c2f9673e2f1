/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain */

#include "driver/disk.h"
#include "driver/snapshot.h"
#include "xml/domain-xml.h"

typedef enum {
    DOMAIN_RUNNING = 1,
    DOMAIN_PAUSED = 3,
    DOMAIN_SHUT_OFF = 5,
} DomainState;

/*
 * A virtual machine's definition and what is known of its disks. Owned by the Driver; others read
 * it, and hold a reference across asynchronous gaps, after which domain_is_removed() may be TRUE.
 */
typedef struct Domain Domain;

Domain *domain_ref(Domain *domain);
void domain_unref(Domain *domain);
gboolean domain_is_removed(const Domain *domain);

const char *domain_get_name(const Domain *domain);
const char *domain_get_uuid(const Domain *domain);
DomainState domain_get_state(const Domain *domain);
const DomainXml *domain_get_definition(const Domain *domain);
GPtrArray *domain_get_disks(const Domain *domain);     /* of Disk, borrowed, XML order */
GPtrArray *domain_get_snapshots(const Domain *domain); /* of Snapshot, borrowed, oldest first */
const char *domain_get_current_snapshot(const Domain *domain); /* name; NULL for none */

/* The disk that @name means, and the position of the layer in its chain: a target, "vda[2]", the
 * path of an active layer, or else that of any image in a chain. */
Disk *domain_find_disk(const Domain *domain, const char *name, guint *ret_position, GError **error);
Disk *domain_get_disk_by_target(const Domain *domain, const char *target); /* NULL: none */
Snapshot *domain_find_snapshot(const Domain *domain, const char *name);    /* NULL: none */

/* The document as dumpxml prints it: as stored, or with chains and indexes as they are now. */
char *domain_format_xml(const Domain *domain, gboolean is_as_stored);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domain, domain_unref)
