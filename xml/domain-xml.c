/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain document */

/*
 * The tree that libxml2 built is the document; what we model is read from it once, when the tree is
 * taken. A change is made on a copy of the tree, written out, judged as any text from outside is,
 * and read anew: so no change can make a document that could not be loaded again, and an error
 * leaves the old one.
 */

#include "xml/domain-xml.h"

#include <string.h>

#include "api/vblk-error.h"
#include "xml/disk-layers.h"
#include "xml/disk-read.h"
#include "xml/document.h"
#include "xml/domain-head.h"
#include "xml/domain-node.h"
#include "xml/fault.h"
#include "xml/node.h"
#include "xml/text.h"

struct DomainXml {
    xmlDoc *document;
    DomainHead head;
    GPtrArray *disks; /* of DiskXml, owned */
};

static xmlNode *
next_disk(const xmlNode *domain, xmlNode *disk)
{
    xmlNode *devices = disk != NULL ? disk->parent : xml_node_child(domain, "devices");
    xmlNode *next = disk != NULL ? xml_node_next(disk, "disk") : NULL;

    if (disk == NULL && devices != NULL)
        next = xml_node_child(devices, "disk");
    while (next == NULL && devices != NULL) {
        devices = xml_node_next(devices, "devices");
        next = devices != NULL ? xml_node_child(devices, "disk") : NULL;
    }

    return next;
}

static gboolean
read_disks(const xmlNode *domain, DomainXml *xml, GError **error)
{
    g_autoptr(GHashTable) targets = g_hash_table_new(g_str_hash, g_str_equal);

    for (xmlNode *node = next_disk(domain, NULL); node != NULL; node = next_disk(domain, node)) {
        DiskXml *disk = disk_read(node, error);

        if (disk == NULL)
            return FALSE;
        g_ptr_array_add(xml->disks, disk);
        if (!g_hash_table_add(targets, disk->target))
            return xml_node_refuse(node, error, "a second disk has the target '%s'", disk->target);
    }

    return TRUE;
}

static gboolean
read_domain(const xmlNode *domain, DomainXml *xml, GError **error)
{
    if (!xml_node_is(domain, "domain"))
        return xml_node_refuse(domain,
                               error,
                               "the document is a '%s'%s, not a 'domain'",
                               (const char *)domain->name,
                               domain->ns != NULL ? " of a foreign namespace" : "");

    return domain_head_read(domain, &xml->head, error) && read_disks(domain, xml, error);
}

DomainXml *
domain_xml_new_for_document(xmlDoc *document, GError **error)
{
    DomainXml *xml = g_new0(DomainXml, 1);

    xml->document = document;
    xml->disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_xml_free);
    if (read_domain(xmlDocGetRootElement(document), xml, error))
        return xml;
    domain_xml_free(xml);

    return NULL;
}

static DomainXml *
parse(const char *text, gsize max_size, GError **error)
{
    xmlDoc *document = xml_document_parse(text, max_size, error);

    return document != NULL ? domain_xml_new_for_document(document, error) : NULL;
}

DomainXml *
domain_xml_parse(const char *text, GError **error)
{
    return parse(text, XML_MAX_SIZE, error);
}

DomainXml *
domain_xml_parse_stored(const char *text, GError **error)
{
    return parse(text, XML_MAX_STORED_SIZE, error);
}

DomainXml *
domain_xml_new_for_image(const char *name, const char *path, const char *format, GError **error)
{
    static const char pattern[] = "<domain type='qemu'>\n"
                                  "  <name>%s</name>\n"
                                  "  <memory unit='KiB'>1048576</memory>\n"
                                  "  <vcpu>1</vcpu>\n"
                                  "  <os>\n"
                                  "    <type>hvm</type>\n"
                                  "  </os>\n"
                                  "  <devices>\n"
                                  "    <disk type='file' device='disk'>\n"
                                  "      <driver name='qemu' type='%s'/>\n"
                                  "      <source file='%s'/>\n"
                                  "      <target dev='vda' bus='virtio'/>\n"
                                  "    </disk>\n"
                                  "  </devices>\n"
                                  "</domain>\n";
    g_autofree char *text = NULL;

    if (!xml_text_is_writable(name) || !xml_text_is_writable(path)) {
        g_autofree char *shown = g_strescape(xml_text_is_writable(name) ? path : name, NULL);

        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "'%s' cannot be written in XML", shown);
        return NULL;
    }
    text = g_markup_printf_escaped(pattern, name, format, path);

    return domain_xml_parse(text, error);
}

DomainXml *
domain_xml_copy(const DomainXml *xml)
{
    DomainXml *copy = domain_xml_new_for_document(xmlCopyDoc(xml->document, 1), NULL);

    g_assert(copy != NULL);

    return copy;
}

void
domain_xml_free(DomainXml *xml)
{
    if (xml == NULL)
        return;

    xmlFreeDoc(xml->document);
    domain_head_clear(&xml->head);
    g_ptr_array_unref(xml->disks);
    g_free(xml);
}

char *
domain_xml_format(const DomainXml *xml)
{
    return xml_document_format(xml->document);
}

const xmlNode *
domain_xml_get_root(const DomainXml *xml)
{
    return xmlDocGetRootElement(xml->document);
}

const char *
domain_xml_get_name(const DomainXml *xml)
{
    return xml->head.name;
}

const char *
domain_xml_get_uuid(const DomainXml *xml)
{
    return xml->head.uuid;
}

void
domain_xml_set_uuid(DomainXml *xml, const char *uuid)
{
    g_autofree char *normalised = domain_normalise_uuid(uuid);
    xmlNode *domain = xmlDocGetRootElement(xml->document);
    xmlNode *node = xml_node_child(domain, "uuid");

    g_return_if_fail(normalised != NULL);

    if (node == NULL) {
        node = xml_node_new(domain, "uuid");
        xml_node_insert_after(domain, xml_node_child(domain, "name"), node);
    }
    xmlNodeSetContent(node, (const xmlChar *)normalised);
    g_free(xml->head.uuid);
    xml->head.uuid = g_steal_pointer(&normalised);
}

guint64
domain_xml_get_memory_kib(const DomainXml *xml)
{
    return xml->head.memory_kib;
}

guint
domain_xml_get_vcpus(const DomainXml *xml)
{
    return xml->head.vcpus;
}

const char *
domain_xml_get_os_type(const DomainXml *xml)
{
    return xml->head.os_type;
}

GPtrArray *
domain_xml_get_disks(const DomainXml *xml)
{
    GPtrArray *disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_xml_free);

    for (guint i = 0; i < xml->disks->len; i++)
        g_ptr_array_add(disks, disk_xml_copy(g_ptr_array_index(xml->disks, i)));

    return disks;
}

/* Whether @document would be taken if it came from the store. */
static gboolean
check_readable(const xmlDoc *document, const char *target, GError **error)
{
    g_autofree char *text = xml_document_format(document);
    g_autoptr(GError) fault = NULL;

    if (xml_text_check(text, XML_MAX_STORED_SIZE, &fault))
        return TRUE;
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_LIMIT,
                "the chain of disk '%s' does not fit into the domain's XML: %s",
                target,
                fault->message);

    return FALSE;
}

static void
exchange(DomainXml *a, DomainXml *b)
{
    DomainXml a_before = *a;

    *a = *b;
    *b = a_before;
}

gboolean
domain_xml_set_disk_layers(DomainXml *xml,
                           const char *target,
                           GPtrArray *layers,
                           gboolean is_complete,
                           GError **error)
{
    g_autoptr(xmlDoc) document = xmlCopyDoc(xml->document, 1);
    const xmlNode *domain = xmlDocGetRootElement(document);
    xmlNode *node = next_disk(domain, NULL);
    DomainXml *changed;
    guint i = 0;

    while (i < xml->disks->len &&
           !g_str_equal(((DiskXml *)g_ptr_array_index(xml->disks, i))->target, target)) {
        node = next_disk(domain, node);
        i++;
    }
    if (node == NULL) {
        g_autofree char *shown = xml_one_line(target);

        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "domain '%s' has no disk '%s'",
                    xml->head.name,
                    shown);
        return FALSE;
    }
    if (!disk_write_layers(node, g_ptr_array_index(xml->disks, i), layers, is_complete, error) ||
        !check_readable(document, target, error))
        return FALSE;

    changed = domain_xml_new_for_document(g_steal_pointer(&document), error);
    if (changed == NULL)
        return FALSE;
    exchange(xml, changed);
    domain_xml_free(changed);

    return TRUE;
}
