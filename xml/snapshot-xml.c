/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot document */

#include "xml/snapshot-xml.h"

#include "api/vblk-error.h"
#include "xml/document.h"
#include "xml/domain-node.h"
#include "xml/node.h"
#include "xml/snapshot-read.h"
#include "xml/text.h"

SnapshotXml *
snapshot_xml_new(void)
{
    SnapshotXml *xml = g_new0(SnapshotXml, 1);

    xml->disks = g_ptr_array_new_with_free_func((GDestroyNotify)snapshot_disk_free);

    return xml;
}

void
snapshot_xml_free(SnapshotXml *xml)
{
    if (xml == NULL)
        return;

    g_free(xml->name);
    g_free(xml->description);
    g_free(xml->state);
    g_free(xml->parent);
    g_free(xml->memory_path);
    g_ptr_array_unref(xml->disks);
    domain_xml_free(xml->domain);
    g_free(xml);
}

SnapshotDisk *
snapshot_disk_new(const char *name, SnapshotDiskKind kind)
{
    SnapshotDisk *disk = g_new0(SnapshotDisk, 1);

    disk->name = g_strdup(name);
    disk->kind = kind;
    disk->type = DISK_SOURCE_FILE;

    return disk;
}

void
snapshot_disk_free(SnapshotDisk *disk)
{
    if (disk == NULL)
        return;

    g_free(disk->name);
    g_free(disk->format);
    g_free(disk->path);
    g_free(disk);
}

static SnapshotXml *
parse(const char *text, gsize max_size, GError **error)
{
    g_autoptr(xmlDoc) document = xml_document_parse(text, max_size, error);

    return document != NULL ? snapshot_read(xmlDocGetRootElement(document), error) : NULL;
}

SnapshotXml *
snapshot_xml_parse(const char *text, GError **error)
{
    return parse(text, XML_MAX_SIZE, error);
}

SnapshotXml *
snapshot_xml_parse_stored(const char *text, GError **error)
{
    return parse(text, SNAPSHOT_XML_MAX_STORED_SIZE, error);
}

static const char *
kind_name(SnapshotDiskKind kind)
{
    switch (kind) {
    case SNAPSHOT_DISK_DEFAULT:
        return NULL;
    case SNAPSHOT_DISK_NO:
        return "no";
    case SNAPSHOT_DISK_INTERNAL:
        return "internal";
    case SNAPSHOT_DISK_EXTERNAL:
        return "external";
    }

    g_assert_not_reached();
}

static void
add_disk(xmlNode *disks, const SnapshotDisk *disk)
{
    xmlNode *node = xml_node_add(disks, "disk", NULL);

    xml_node_set_attribute(node, "name", disk->name);
    xml_node_set_attribute(node, "snapshot", kind_name(disk->kind));
    if (disk->format == NULL && disk->path == NULL && disk->type == DISK_SOURCE_FILE)
        return;

    xml_node_set_attribute(node, "type", disk_source_type_name(disk->type));
    if (disk->format != NULL)
        xml_node_set_attribute(xml_node_add(node, "driver", NULL), "type", disk->format);
    if (disk->path != NULL)
        xml_node_set_attribute(xml_node_add(node, "source", NULL),
                               disk->type == DISK_SOURCE_BLOCK ? "dev" : "file",
                               disk->path);
}

/* libvirt writes the memory element into metadata always, and asks for memory only by it. */
static void
add_memory(xmlNode *root, const SnapshotXml *xml)
{
    xmlNode *memory;

    if (xml->state == NULL && !xml->has_memory)
        return;

    memory = xml_node_add(root, "memory", NULL);
    xml_node_set_attribute(memory,
                           "snapshot",
                           kind_name(!xml->has_memory           ? SNAPSHOT_DISK_NO
                                     : xml->memory_path != NULL ? SNAPSHOT_DISK_EXTERNAL
                                                                : SNAPSHOT_DISK_INTERNAL));
    if (xml->has_memory)
        xml_node_set_attribute(memory, "file", xml->memory_path);
}

static void
add_text(xmlNode *parent, const char *name, const char *text)
{
    if (text != NULL)
        xml_node_add(parent, name, text);
}

/* Everything but the domain, in libvirt's order. */
static void
add_head(xmlNode *root, const SnapshotXml *xml)
{
    add_text(root, "name", xml->name);
    add_text(root, "description", xml->description);
    add_text(root, "state", xml->state);
    if (xml->parent != NULL)
        add_text(xml_node_add(root, "parent", NULL), "name", xml->parent);
    if (xml->creation_time > 0) {
        g_autofree char *time = g_strdup_printf("%" G_GUINT64_FORMAT, xml->creation_time);

        add_text(root, "creationTime", time);
    }
    add_memory(root, xml);
    if (xml->disks->len > 0) {
        xmlNode *disks = xml_node_add(root, "disks", NULL);

        for (guint i = 0; i < xml->disks->len; i++)
            add_disk(disks, g_ptr_array_index(xml->disks, i));
    }
}

/* The domain keeps its own layout, two spaces to the right. */
static void
add_domain(xmlNode *root, const DomainXml *domain)
{
    xmlNode *copy = xmlDocCopyNode((xmlNode *)domain_xml_get_root(domain), root->doc, 1);

    xml_node_insert_after(root, xmlLastElementChild(root), copy);
    xml_node_shift(copy, 2);
}

static gboolean
is_writable(const SnapshotXml *xml)
{
    const char *const texts[] = {
        xml->name, xml->description, xml->state, xml->parent, xml->memory_path};

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        if (texts[i] != NULL && !xml_text_is_writable(texts[i]))
            return FALSE;
    }
    for (guint i = 0; i < xml->disks->len; i++) {
        const SnapshotDisk *disk = g_ptr_array_index(xml->disks, i);

        if (!xml_text_is_writable(disk->name) ||
            (disk->format != NULL && !xml_text_is_writable(disk->format)) ||
            (disk->path != NULL && !xml_text_is_writable(disk->path)))
            return FALSE;
    }

    return TRUE;
}

char *
snapshot_xml_format(const SnapshotXml *xml, GError **error)
{
    g_autoptr(xmlDoc) document = xmlNewDoc((const xmlChar *)"1.0");
    xmlNode *root = xmlNewDocNode(document, NULL, (const xmlChar *)"domainsnapshot", NULL);
    g_autoptr(SnapshotXml) again = NULL;
    g_autofree char *text = NULL;

    xmlDocSetRootElement(document, root);
    if (!is_writable(xml)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "snapshot '%s' has a text that XML cannot hold",
                    xml->name != NULL && xml_text_is_writable(xml->name) ? xml->name : "");
        return NULL;
    }
    add_head(root, xml);
    xml_node_layout(root);
    if (xml->domain != NULL)
        add_domain(root, xml->domain);

    text = xml_document_format(document);
    again = snapshot_xml_parse_stored(text, error);
    if (again == NULL) {
        g_prefix_error(error, "cannot write snapshot '%s': ", xml->name != NULL ? xml->name : "");
        return NULL;
    }

    return g_steal_pointer(&text);
}
