/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk elements */

#include <glib.h>

typedef enum {
    DISK_SOURCE_NONE, /* a drive with no medium */
    DISK_SOURCE_FILE,
    DISK_SOURCE_BLOCK,
    DISK_SOURCE_NETWORK,
} DiskSourceType;

/* One layer as the XML names it: the disk's own source, or that of a backingStore element. */
typedef struct {
    DiskSourceType type;
    char *path;   /* file or device; for network sources "protocol:name"; NULL for none */
    char *format; /* "qcow2", "raw"; NULL where the XML names none */
    guint index;  /* the index attribute, 0 where there is none */
} DiskSource;

/* What we model of a disk element; the rest stays in the document. */
typedef struct {
    char *target; /* "vda" */
    char *bus;    /* "virtio"; NULL where not given */
    char *device; /* "disk", "cdrom", "floppy", "lun" */
    char *alias;  /* NULL where not given */
    gboolean is_read_only;
    gboolean is_shareable;
    gboolean is_transient;
    GPtrArray *layers;          /* of DiskSource, owned; the disk's own source first */
    gboolean is_chain_complete; /* an empty backingStore element ends the chain */
    DiskSource *mirror;         /* NULL without a mirror element */
    char *mirror_job;           /* "copy", "active-commit"; NULL without */
    char *mirror_ready;         /* "yes", "pivot", "abort"; NULL without */
} DiskXml;

const char *disk_source_type_name(DiskSourceType type); /* "file"; "none" is "" */

DiskSource *disk_source_new(DiskSourceType type, const char *path, const char *format, guint index);
DiskSource *disk_source_copy(const DiskSource *source);
void disk_source_free(DiskSource *source);
void disk_xml_free(DiskXml *disk);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskSource, disk_source_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(DiskXml, disk_xml_free)
