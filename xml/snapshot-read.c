/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot reader */

#include "xml/snapshot-read.h"

#include <string.h>

#include "xml/domain-node.h"
#include "xml/node.h"

#define MAX_NAME        255
#define MAX_DESCRIPTION (16 * 1024)
#define MAX_PATH        4095

static const char *const root_children[] = {
    "name",
    "description",
    "state",
    "parent",
    "creationTime",
    "memory",
    "disks",
    "domain",
    "active",
    NULL,
};
static const char *const parent_children[] = {"name", NULL};
static const char *const disks_children[] = {"disk", NULL};
static const char *const disk_children[] = {"driver", "source", NULL};
static const char *const no_children[] = {NULL};

static const char *const memory_attributes[] = {"snapshot", "file", NULL};
static const char *const disk_attributes[] = {"name", "snapshot", "type", NULL};
static const char *const driver_attributes[] = {"type", NULL};
static const char *const file_attributes[] = {"file", NULL};
static const char *const block_attributes[] = {"dev", NULL};
static const char *const no_attributes[] = {NULL};

static const struct {
    const char *name;
    SnapshotDiskKind kind;
} kinds[] = {
    {"no", SNAPSHOT_DISK_NO},
    {"internal", SNAPSHOT_DISK_INTERNAL},
    {"external", SNAPSHOT_DISK_EXTERNAL},
};

/* What we would have to forget is refused. */
static gboolean
check_content(const xmlNode *node,
              const char *const *attributes,
              const char *const *children,
              GError **error)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        if (attribute->ns != NULL || !g_strv_contains(attributes, (const char *)attribute->name))
            return xml_node_refuse(node,
                                   error,
                                   "attribute '%s' of '%s' is not supported in a snapshot",
                                   (const char *)attribute->name,
                                   (const char *)node->name);
    }
    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE &&
            (child->ns != NULL || !g_strv_contains(children, (const char *)child->name)))
            return xml_node_refuse(child,
                                   error,
                                   "element '%s' in '%s' is not supported in a snapshot",
                                   (const char *)child->name,
                                   (const char *)node->name);
    }

    return TRUE;
}

/* An empty name element counts as none, as with libvirt. */
static gboolean
read_name(const xmlNode *parent, char **ret_name, GError **error)
{
    xmlNode *node = NULL;
    g_autofree char *name = NULL;

    if (!xml_node_only_child(parent, "name", &node, error))
        return FALSE;
    name = node != NULL ? xml_node_text(node) : NULL;
    if (name == NULL || *name == '\0')
        return TRUE;
    if (strlen(name) > MAX_NAME)
        return xml_node_refuse(
            node, error, "the name of a snapshot cannot be longer than '%d' bytes", MAX_NAME);
    if (*name == '.')
        return xml_node_refuse(node, error, "the name of a snapshot cannot start with '.'");
    for (const char *p = name; *p != '\0'; p = g_utf8_next_char(p)) {
        if (*p == '/' || g_unichar_iscntrl(g_utf8_get_char(p)))
            return xml_node_refuse(
                node, error, "the name of a snapshot cannot contain '/' or control characters");
    }
    *ret_name = g_steal_pointer(&name);

    return TRUE;
}

static gboolean
read_parent(const xmlNode *root, SnapshotXml *xml, GError **error)
{
    xmlNode *parent = NULL;

    if (!xml_node_only_child(root, "parent", &parent, error))
        return FALSE;
    if (parent == NULL)
        return TRUE;

    return check_content(parent, no_attributes, parent_children, error) &&
           read_name(parent, &xml->parent, error);
}

static gboolean
read_plain(const xmlNode *root, const char *name, char **ret_text, GError **error)
{
    xmlNode *node = NULL;

    if (!xml_node_only_child(root, name, &node, error))
        return FALSE;
    if (node == NULL)
        return TRUE;
    *ret_text = xml_node_content(node);

    return check_content(node, no_attributes, no_children, error);
}

static gboolean
read_head(const xmlNode *root, SnapshotXml *xml, GError **error)
{
    g_autofree char *time = NULL;

    if (!read_plain(root, "description", &xml->description, error) ||
        !read_plain(root, "state", &xml->state, error) ||
        !read_plain(root, "creationTime", &time, error))
        return FALSE;
    if (xml->description != NULL && strlen(xml->description) > MAX_DESCRIPTION)
        return xml_node_refuse(root,
                               error,
                               "the description of a snapshot cannot be longer than '%d' bytes",
                               MAX_DESCRIPTION);
    if (time != NULL &&
        !g_ascii_string_to_unsigned(g_strstrip(time), 10, 0, G_MAXINT64, &xml->creation_time, NULL))
        return xml_node_refuse(root, error, "'%s' is no creation time", time);

    return TRUE;
}

static gboolean
read_kind(const xmlNode *node, SnapshotDiskKind *ret_kind, GError **error)
{
    g_autofree char *name = xml_node_attribute(node, "snapshot");

    if (name == NULL)
        return TRUE;
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i].name, name)) {
            *ret_kind = kinds[i].kind;
            return TRUE;
        }
    }

    return xml_node_refuse(node, error, "unknown kind of snapshot '%s'", name);
}

static gboolean
read_memory(const xmlNode *root, SnapshotXml *xml, GError **error)
{
    SnapshotDiskKind kind = SNAPSHOT_DISK_DEFAULT;
    xmlNode *memory = NULL;

    if (!xml_node_only_child(root, "memory", &memory, error))
        return FALSE;
    if (memory == NULL)
        return TRUE;
    if (!check_content(memory, memory_attributes, no_children, error) ||
        !read_kind(memory, &kind, error))
        return FALSE;
    xml->memory_path = xml_node_attribute(memory, "file");
    if (kind == SNAPSHOT_DISK_DEFAULT && xml->memory_path != NULL)
        kind = SNAPSHOT_DISK_EXTERNAL;
    if ((kind == SNAPSHOT_DISK_EXTERNAL) != (xml->memory_path != NULL))
        return xml_node_refuse(memory, error, "external memory, and no other, needs a 'file'");
    xml->has_memory = kind == SNAPSHOT_DISK_EXTERNAL || kind == SNAPSHOT_DISK_INTERNAL;

    return TRUE;
}

static gboolean
read_type(const xmlNode *node, SnapshotDisk *disk, GError **error)
{
    g_autofree char *type = xml_node_attribute(node, "type");

    if (type != NULL && g_str_equal(type, "block"))
        disk->type = DISK_SOURCE_BLOCK;
    else if (type != NULL && !g_str_equal(type, "file"))
        return xml_node_refuse(node, error, "an overlay of type '%s' is not supported", type);

    return TRUE;
}

static gboolean
read_overlay(const xmlNode *node, SnapshotDisk *disk, GError **error)
{
    gboolean is_block = disk->type == DISK_SOURCE_BLOCK;
    xmlNode *driver = NULL;
    xmlNode *source = NULL;

    if (!xml_node_only_child(node, "driver", &driver, error) ||
        !xml_node_only_child(node, "source", &source, error))
        return FALSE;
    if (driver != NULL) {
        if (!check_content(driver, driver_attributes, no_children, error))
            return FALSE;
        disk->format = xml_node_attribute(driver, "type");
    }
    if (source != NULL) {
        if (!check_content(
                source, is_block ? block_attributes : file_attributes, no_children, error))
            return FALSE;
        disk->path = xml_node_attribute(source, is_block ? "dev" : "file");
    }
    if (disk->path != NULL && (*disk->path != '/' || strlen(disk->path) > MAX_PATH))
        return xml_node_refuse(source, error, "'%s' is no absolute path", disk->path);
    if (disk->path == NULL && disk->format == NULL)
        return TRUE;

    if (disk->kind == SNAPSHOT_DISK_DEFAULT)
        disk->kind = SNAPSHOT_DISK_EXTERNAL;
    if (disk->kind != SNAPSHOT_DISK_EXTERNAL)
        return xml_node_refuse(node,
                               error,
                               "disk '%s' names an overlay, but its snapshot is not external",
                               disk->name);

    return TRUE;
}

static SnapshotDisk *
read_disk(const xmlNode *node, GError **error)
{
    g_autofree char *name = xml_node_attribute(node, "name");
    g_autoptr(SnapshotDisk) disk = snapshot_disk_new(name, SNAPSHOT_DISK_DEFAULT);

    if (!check_content(node, disk_attributes, disk_children, error))
        return NULL;
    if (name == NULL || *name == '\0' || strlen(name) > MAX_PATH) {
        xml_node_refuse(node, error, "a disk of a snapshot needs a 'name'");
        return NULL;
    }
    if (!read_kind(node, &disk->kind, error) || !read_type(node, disk, error) ||
        !read_overlay(node, disk, error))
        return NULL;

    return g_steal_pointer(&disk);
}

static gboolean
read_disks(const xmlNode *root, SnapshotXml *xml, GError **error)
{
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    xmlNode *disks = NULL;

    if (!xml_node_only_child(root, "disks", &disks, error))
        return FALSE;
    if (disks == NULL)
        return TRUE;
    if (!check_content(disks, no_attributes, disks_children, error))
        return FALSE;

    for (xmlNode *node = xml_node_child(disks, "disk"); node != NULL;
         node = xml_node_next(node, "disk")) {
        SnapshotDisk *disk = read_disk(node, error);

        if (disk == NULL)
            return FALSE;
        g_ptr_array_add(xml->disks, disk);
        if (!g_hash_table_add(names, disk->name))
            return xml_node_refuse(node, error, "disk '%s' is named twice", disk->name);
    }

    return TRUE;
}

static gboolean
read_domain(const xmlNode *root, SnapshotXml *xml, GError **error)
{
    xmlNode *domain = NULL;
    xmlDoc *document;
    xmlNode *copy;

    if (!xml_node_only_child(root, "domain", &domain, error))
        return FALSE;
    if (domain == NULL)
        return TRUE;

    document = xmlNewDoc((const xmlChar *)"1.0");
    copy = xmlDocCopyNode(domain, document, 1);
    xmlDocSetRootElement(document, copy);
    xml_node_shift(copy, -(int)xml_node_indent(domain));
    xml->domain = domain_xml_new_for_document(document, error);

    return xml->domain != NULL;
}

SnapshotXml *
snapshot_read(const xmlNode *root, GError **error)
{
    g_autoptr(SnapshotXml) xml = snapshot_xml_new();

    if (!xml_node_is(root, "domainsnapshot")) {
        xml_node_refuse(root,
                        error,
                        "the document is a '%s', not a 'domainsnapshot'",
                        (const char *)root->name);
        return NULL;
    }
    if (!check_content(root, no_attributes, root_children, error) ||
        !read_name(root, &xml->name, error) || !read_parent(root, xml, error) ||
        !read_head(root, xml, error) || !read_memory(root, xml, error) ||
        !read_disks(root, xml, error) || !read_domain(root, xml, error))
        return NULL;

    return g_steal_pointer(&xml);
}
