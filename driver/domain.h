/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain */

#include "driver/chain.h"
#include "driver/job.h"
#include "xml/domain-xml.h"

typedef enum {
    DOMAIN_RUNNING = 1,
    DOMAIN_PAUSED = 3,
    DOMAIN_SHUT_OFF = 5,
} DomainState;

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

typedef struct {
    char *name;
    char *description;
    char *parent;          /* NULL for a root */
    char *state;           /* "shutoff", "disk-snapshot" */
    guint64 creation_time; /* seconds since 1970 */
    char *xml;             /* the whole document */
} Snapshot;

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

/* The disk that @name means, and the position of the layer in its chain: a target, "vda[2]", or
 * the path of an image in its chain. */
Disk *domain_find_disk(const Domain *domain, const char *name, guint *ret_position, GError **error);
Disk *domain_get_disk_by_target(const Domain *domain, const char *target); /* NULL: none */
Snapshot *domain_find_snapshot(const Domain *domain, const char *name);    /* NULL: none */

/* The document as dumpxml prints it: as stored, or with chains and indexes as they are now. */
char *domain_format_xml(const Domain *domain, gboolean is_as_stored);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Domain, domain_unref)
