/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain document */

#include "xml/disk-xml.h"

/*
 * A libvirt domain document. What we model is read and changed through this header; every other
 * element, attribute, comment and namespace stays as it came, byte for meaning.
 *
 * Parsing refuses a DOCTYPE, entities beyond the five of XML, an encoding other than UTF-8, more
 * than XML_MAX_SIZE bytes, XML_MAX_DEPTH levels or XML_MAX_ATTRIBUTES attributes of one element;
 * nothing is fetched. Errors are VBLK_ERROR_XML and begin with the line number ("line 12: ...").
 *
 * Our own additions may take a document past XML_MAX_SIZE (a chain of 200 layers does), so what
 * domain_xml_format() wrote is read again by domain_xml_parse_stored(). That always succeeds.
 */
#define XML_MAX_SIZE        (64 * 1024)
#define XML_MAX_STORED_SIZE (1024 * 1024)
#define XML_MAX_DEPTH       240 /* a chain of 200 layers, and below libxml2's own 256 */
#define XML_MAX_ATTRIBUTES  64

typedef struct DomainXml DomainXml;

DomainXml *domain_xml_parse(const char *text, GError **error);
DomainXml *domain_xml_parse_stored(const char *text, GError **error);
/* A minimal domain of one disk, vda, for an image without a definition. */
DomainXml *
domain_xml_new_for_image(const char *name, const char *path, const char *format, GError **error);
DomainXml *domain_xml_copy(const DomainXml *xml);
void domain_xml_free(DomainXml *xml);

/* The document as virsh dumpxml prints it: no XML declaration, a newline at the end. */
char *domain_xml_format(const DomainXml *xml);

const char *domain_xml_get_name(const DomainXml *xml);
/* Lower case with dashes; NULL where the document has none. */
const char *domain_xml_get_uuid(const DomainXml *xml);
/* @uuid is valid: with or without dashes. */
void domain_xml_set_uuid(DomainXml *xml, const char *uuid);
guint64 domain_xml_get_memory_kib(const DomainXml *xml);  /* 0 where not given */
guint domain_xml_get_vcpus(const DomainXml *xml);         /* 1 where not given */
const char *domain_xml_get_os_type(const DomainXml *xml); /* "hvm" where not given */

/* Of DiskXml, owned by the caller, in the document's order. */
GPtrArray *domain_xml_get_disks(const DomainXml *xml);

/*
 * Replaces the source, driver type and backingStore elements of the disk @target by @layers (of
 * DiskSource, active first); everything else in the disk element stays. @is_complete adds the empty
 * backingStore that ends a known chain. With one layer and not @is_complete,
 * backingStore elements go: what a definition that never named its chain looks like.
 *
 * A layer that was in the disk before, by type and path, keeps what its elements hold beyond our
 * model (hosts, security labels, encryption); network and other sources can only be kept, not made.
 * On an error @xml is as before.
 */
gboolean domain_xml_set_disk_layers(DomainXml *xml,
                                    const char *target,
                                    GPtrArray *layers,
                                    gboolean is_complete,
                                    GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DomainXml, domain_xml_free)
