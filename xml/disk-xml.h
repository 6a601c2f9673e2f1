/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk elements */

#include <glib.h>

typedef enum {
    DISK_SOURCE_NONE, /* a drive with no medium */
    DISK_SOURCE_FILE,
    DISK_SOURCE_BLOCK,
    DISK_SOURCE_NETWORK,
    DISK_SOURCE_OTHER, /* definable and listed, but no block call works on it */
} DiskSourceType;

/*
 * One layer as the XML names it: the disk's own source, or that of a backingStore element. Other
 * sources are directories, volumes, NVMe and vhost devices, and files of which only a part or only
 * the deciphered content is the disk (slices, encryption): to read those as plain files would
 * corrupt data.
 */
typedef struct {
    DiskSourceType type;
    char *path;   /* file, device, directory, "pool/volume"; of network sources "protocol:name" */
    char *format; /* "qcow2", "raw"; NULL where the XML names none */
    guint index;  /* the index attribute, 0 where there is none */
} DiskSource;

/* What we model of a disk element; the rest stays in the document. */
typedef struct {
    char *target;          /* "vda" */
    char *bus;             /* "virtio"; NULL where not given */
    char *device;          /* "disk", "cdrom", "floppy", "lun" */
    char *alias;           /* NULL where not given */
    gboolean is_read_only; /* always of a cdrom */
    gboolean is_shareable;
    gboolean is_transient;
    GPtrArray *layers;          /* of DiskSource, owned; the disk's own source first */
    gboolean is_chain_complete; /* an empty backingStore element ends the chain */
    DiskSource *mirror;         /* NULL without a mirror element */
    char *mirror_job;           /* "copy", "active-commit"; NULL without */
    char *mirror_ready;         /* "yes", "pivot", "abort"; NULL without */
} DiskXml;

const char *disk_source_type_name(DiskSourceType type); /* "file"; "" for none */

DiskSource *disk_source_new(DiskSourceType type, const char *path, const char *format, guint index);
DiskSource *disk_source_copy(const DiskSource *source);
gboolean disk_source_is_same(const DiskSource *a, const DiskSource *b); /* by type and path */
void disk_source_free(DiskSource *source);
DiskXml *disk_xml_copy(const DiskXml *disk);
void disk_xml_free(DiskXml *disk);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskSource, disk_source_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskXml, disk_xml_free)
