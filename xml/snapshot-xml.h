/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshot document */

#include "xml/domain-xml.h"

typedef enum {
    SNAPSHOT_DISK_DEFAULT, /* the document does not say */
    SNAPSHOT_DISK_NO,
    SNAPSHOT_DISK_INTERNAL,
    SNAPSHOT_DISK_EXTERNAL,
} SnapshotDiskKind;

typedef struct {
    char *name; /* target, or path of the source, as given */
    SnapshotDiskKind kind;
    DiskSourceType type; /* of the overlay: DISK_SOURCE_FILE or DISK_SOURCE_BLOCK */
    char *format;        /* driver type; NULL where not given */
    char *path;          /* source file or device of the overlay; NULL where not given */
} SnapshotDisk;

/*
 * A libvirt domainsnapshot document: what a client asks for, and the metadata that is kept. Errors
 * and limits are those of xml/domain-xml.h; the metadata holds a whole domain, and may be twice as
 * long as one. An element that this struct has no place for is an error, not forgotten: a client
 * that asks for encryption must not get a plain overlay.
 */
#define SNAPSHOT_XML_MAX_STORED_SIZE (2 * XML_MAX_STORED_SIZE)

typedef struct {
    char *name;        /* NULL where the client leaves it to us */
    char *description; /* NULL where not given */
    char *state;       /* "shutoff", "disk-snapshot"; NULL in a request */
    char *parent;      /* NULL for a root */
    guint64 creation_time;
    gboolean has_memory; /* asks for the memory as well */
    char *memory_path;   /* of external memory; NULL without, and for internal memory */
    GPtrArray *disks;    /* of SnapshotDisk, owned */
    DomainXml *domain;   /* the domain at that time, owned; NULL in a request */
} SnapshotXml;

SnapshotXml *snapshot_xml_new(void);
SnapshotXml *snapshot_xml_parse(const char *text, GError **error);
SnapshotXml *snapshot_xml_parse_stored(const char *text, GError **error);
/* As virsh snapshot-dumpxml prints. An error tells of a member that could not be read again. */
char *snapshot_xml_format(const SnapshotXml *xml, GError **error);
void snapshot_xml_free(SnapshotXml *xml);

SnapshotDisk *snapshot_disk_new(const char *name, SnapshotDiskKind kind);
void snapshot_disk_free(SnapshotDisk *disk);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotXml, snapshot_xml_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SnapshotDisk, snapshot_disk_free)
