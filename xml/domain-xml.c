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
#include "xml/domain-node.h"
#include "xml/node.h"
#include "xml/text.h"

#define MAX_NAME 255

struct DomainXml {
    xmlDoc *document;
    char *name;
    char *uuid;
    guint64 memory_kib;
    guint vcpus;
    char *os_type;
    GPtrArray *disks; /* of DiskXml, owned */
};

static gboolean
read_name(const xmlNode *domain, DomainXml *xml, GError **error)
{
    const xmlNode *node = xml_node_child(domain, "name");

    if (node == NULL)
        return xml_node_refuse(domain, error, "a domain needs a name");

    xml->name = xml_node_text(node);
    if (*xml->name == '\0')
        return xml_node_refuse(node, error, "the name of a domain cannot be empty");
    if (strlen(xml->name) > MAX_NAME)
        return xml_node_refuse(
            node, error, "the name of a domain cannot be longer than '%d' bytes", MAX_NAME);
    for (const char *p = xml->name; *p != '\0'; p = g_utf8_next_char(p)) {
        if (*p == '/' || g_unichar_iscntrl(g_utf8_get_char(p)))
            return xml_node_refuse(
                node, error, "the name of a domain cannot contain '/' or control characters");
    }

    return TRUE;
}

/* 32 hex digits with or without the four dashes; NULL where @text is anything else. */
static char *
normalise_uuid(const char *text)
{
    GString *uuid = g_string_new(text);

    if (uuid->len == 32) {
        g_string_insert_c(uuid, 8, '-');
        g_string_insert_c(uuid, 13, '-');
        g_string_insert_c(uuid, 18, '-');
        g_string_insert_c(uuid, 23, '-');
    }
    g_string_ascii_down(uuid);
    if (!g_uuid_string_is_valid(uuid->str))
        return g_string_free(uuid, TRUE);

    return g_string_free(uuid, FALSE);
}

static gboolean
read_uuid(const xmlNode *domain, DomainXml *xml, GError **error)
{
    xmlNode *node = xml_node_child(domain, "uuid");
    g_autofree char *text = node != NULL ? xml_node_text(node) : NULL;

    if (text == NULL)
        return TRUE;
    xml->uuid = normalise_uuid(text);
    if (xml->uuid == NULL)
        return xml_node_refuse(node, error, "'%s' is no UUID", text);
    if (!g_str_equal(text, xml->uuid))
        xmlNodeSetContent(node, (const xmlChar *)xml->uuid);

    return TRUE;
}

/* libvirt's units: KB counts by 1000, KiB and K by 1024, none means KiB. 0 for an unknown one. */
static guint64
bytes_of_unit(const char *unit)
{
    static const char prefixes[] = "KMGTPE";
    const char *prefix;
    gboolean is_decimal;
    guint64 bytes = 1;

    if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "bytes") == 0)
        return 1;
    prefix = *unit != '\0' ? strchr(prefixes, g_ascii_toupper(*unit)) : NULL;
    if (prefix == NULL)
        return 0;
    is_decimal = g_ascii_strcasecmp(unit + 1, "B") == 0;
    if (!is_decimal && unit[1] != '\0' && g_ascii_strcasecmp(unit + 1, "iB") != 0)
        return 0;
    for (const char *p = prefixes; p <= prefix; p++)
        bytes *= is_decimal ? 1000 : 1024;

    return bytes;
}

static gboolean
read_memory(const xmlNode *domain, DomainXml *xml, GError **error)
{
    const xmlNode *node = xml_node_child(domain, "memory");
    g_autofree char *text = node != NULL ? xml_node_text(node) : NULL;
    g_autofree char *unit = node != NULL ? xml_node_attribute(node, "unit") : NULL;
    guint64 unit_bytes = unit != NULL ? bytes_of_unit(unit) : 1024;
    guint64 amount;
    guint64 bytes;

    if (text == NULL)
        return TRUE;
    if (unit_bytes == 0)
        return xml_node_refuse(node, error, "unknown unit '%s' of memory", unit);
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &amount, NULL) ||
        !g_uint64_checked_mul(&bytes, amount, unit_bytes))
        return xml_node_refuse(node, error, "'%s' is no amount of memory", text);
    xml->memory_kib = bytes / 1024 + (bytes % 1024 > 0);

    return TRUE;
}

static gboolean
read_vcpus(const xmlNode *domain, DomainXml *xml, GError **error)
{
    const xmlNode *node = xml_node_child(domain, "vcpu");
    g_autofree char *text = NULL;
    guint64 vcpus;

    xml->vcpus = 1;
    if (node == NULL)
        return TRUE;
    text = xml_node_attribute(node, "current");
    if (text == NULL)
        text = xml_node_text(node);
    if (*text == '\0')
        return TRUE;
    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &vcpus, NULL))
        return xml_node_refuse(node, error, "'%s' is no number of virtual CPUs", text);
    xml->vcpus = (guint)vcpus;

    return TRUE;
}

static void
read_os(const xmlNode *domain, DomainXml *xml)
{
    const xmlNode *os = xml_node_child(domain, "os");

    xml->os_type = os != NULL ? xml_node_child_text(os, "type") : NULL;
    if (xml->os_type == NULL || *xml->os_type == '\0') {
        g_free(xml->os_type);
        xml->os_type = g_strdup("hvm");
    }
}

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

DomainXml *
domain_xml_new_for_document(xmlDoc *document, GError **error)
{
    g_autoptr(DomainXml) xml = g_new0(DomainXml, 1);
    const xmlNode *domain = xmlDocGetRootElement(document);

    xml->document = document;
    xml->disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_xml_free);
    if (!xml_node_is(domain, "domain")) {
        xml_node_refuse(domain,
                        error,
                        "the document is a '%s'%s, not a 'domain'",
                        (const char *)domain->name,
                        domain->ns != NULL ? " of a foreign namespace" : "");
        return NULL;
    }
    if (!read_name(domain, xml, error) || !read_uuid(domain, xml, error) ||
        !read_memory(domain, xml, error) || !read_vcpus(domain, xml, error) ||
        !read_disks(domain, xml, error))
        return NULL;
    read_os(domain, xml);

    return g_steal_pointer(&xml);
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
    g_free(xml->name);
    g_free(xml->uuid);
    g_free(xml->os_type);
    g_clear_pointer(&xml->disks, g_ptr_array_unref);
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
    return xml->name;
}

const char *
domain_xml_get_uuid(const DomainXml *xml)
{
    return xml->uuid;
}

void
domain_xml_set_uuid(DomainXml *xml, const char *uuid)
{
    g_autofree char *normalised = normalise_uuid(uuid);
    xmlNode *domain = xmlDocGetRootElement(xml->document);
    xmlNode *node = xml_node_child(domain, "uuid");

    g_return_if_fail(normalised != NULL);

    if (node == NULL) {
        node = xml_node_new(domain, "uuid");
        xml_node_insert_after(domain, xml_node_child(domain, "name"), node);
    }
    xmlNodeSetContent(node, (const xmlChar *)normalised);
    g_free(xml->uuid);
    xml->uuid = g_steal_pointer(&normalised);
}

guint64
domain_xml_get_memory_kib(const DomainXml *xml)
{
    return xml->memory_kib;
}

guint
domain_xml_get_vcpus(const DomainXml *xml)
{
    return xml->vcpus;
}

const char *
domain_xml_get_os_type(const DomainXml *xml)
{
    return xml->os_type;
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
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "domain '%s' has no disk '%s'",
                    xml->name,
                    target);
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
