/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disk reader */

#include "xml/disk-read.h"

#include <string.h>

#include "xml/node.h"

/* Longer than any name that a guest gives to a disk. */
#define MAX_TARGET 64

/* Sources by the type of their disk, and the attribute that names what virsh lists. */
static const struct {
    const char *type;
    const char *attribute;
    DiskSourceType source;
} source_types[] = {
    {"file", "file", DISK_SOURCE_FILE},
    {"block", "dev", DISK_SOURCE_BLOCK},
    {"network", "name", DISK_SOURCE_NETWORK},
    {"dir", "dir", DISK_SOURCE_OTHER},
    {"volume", "volume", DISK_SOURCE_OTHER},
    {"nvme", "namespace", DISK_SOURCE_OTHER},
    {"vhostuser", "path", DISK_SOURCE_OTHER},
    {"vhostvdpa", "dev", DISK_SOURCE_OTHER},
};

static const char *const devices[] = {"disk", "cdrom", "floppy", "lun", NULL};

/* Content that is not the file's own bytes from first to last. */
static gboolean
is_partial_or_ciphered(const xmlNode *parent, const xmlNode *source)
{
    return xml_node_child(source, "slices") != NULL ||
           xml_node_child(source, "dataStore") != NULL ||
           xml_node_child(source, "encryption") != NULL ||
           xml_node_child(parent, "encryption") != NULL;
}

static char *
network_path(const xmlNode *source, const char *name, GError **error)
{
    g_autofree char *protocol = xml_node_attribute(source, "protocol");

    if (protocol == NULL || *protocol == '\0') {
        xml_node_refuse(source, error, "a network source needs a 'protocol'");
        return NULL;
    }

    return name != NULL ? g_strdup_printf("%s:%s", protocol, name) : g_strdup(protocol);
}

static gboolean
read_index(const xmlNode *node, guint *ret_index, GError **error)
{
    g_autofree char *text = xml_node_attribute(node, "index");
    guint64 index;

    if (text == NULL)
        return TRUE;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &index, NULL))
        return xml_node_refuse(node, error, "'%s' is no index of a source", text);
    *ret_index = (guint)index;

    return TRUE;
}

/*
 * The source element below @parent, which is a disk, a backingStore or a mirror; of @type, or of
 * the type that @parent names. No source element, or an empty one, is a drive without a medium.
 */
static DiskSource *
read_source(const xmlNode *parent, const char *default_type, GError **error)
{
    g_autofree char *type = xml_node_attribute(parent, "type");
    g_autoptr(DiskSource) result = disk_source_new(DISK_SOURCE_NONE, NULL, NULL, 0);
    const char *type_name = type != NULL ? type : default_type;
    g_autofree char *path = NULL;
    xmlNode *source = NULL;
    gsize i = 0;

    while (i < G_N_ELEMENTS(source_types) && !g_str_equal(source_types[i].type, type_name))
        i++;
    if (i == G_N_ELEMENTS(source_types)) {
        xml_node_refuse(parent, error, "unknown disk type '%s'", type_name);
        return NULL;
    }
    if (!xml_node_only_child(parent, "source", &source, error))
        return NULL;
    if (source == NULL)
        return g_steal_pointer(&result);

    path = xml_node_attribute(source, source_types[i].attribute);
    result->type = source_types[i].source;
    if (result->type == DISK_SOURCE_NETWORK) {
        result->path = network_path(source, path, error);
        if (result->path == NULL)
            return NULL;
    } else if (g_str_equal(type_name, "volume")) {
        g_autofree char *pool = xml_node_attribute(source, "pool");

        result->path = g_strdup_printf("%s/%s", pool != NULL ? pool : "", path != NULL ? path : "");
    } else if (path != NULL && *path != '\0') {
        result->path = g_steal_pointer(&path);
    } else if (result->type != DISK_SOURCE_OTHER) {
        result->type = DISK_SOURCE_NONE;
    }
    if (result->type != DISK_SOURCE_NONE && is_partial_or_ciphered(parent, source))
        result->type = DISK_SOURCE_OTHER;
    if (!read_index(source, &result->index, error))
        return NULL;

    return g_steal_pointer(&result);
}

static gboolean
read_child_attribute(const xmlNode *parent,
                     const char *child_name,
                     const char *name,
                     char **ret_value,
                     GError **error)
{
    xmlNode *child = NULL;

    if (!xml_node_only_child(parent, child_name, &child, error))
        return FALSE;
    *ret_value = child != NULL ? xml_node_attribute(child, name) : NULL;

    return TRUE;
}

/* One backingStore element that is not the empty one. */
static DiskSource *
read_layer(const xmlNode *store, GError **error)
{
    g_autoptr(DiskSource) layer = read_source(store, "file", error);

    if (layer == NULL || !read_child_attribute(store, "format", "type", &layer->format, error))
        return NULL;
    if (layer->type == DISK_SOURCE_NONE) {
        xml_node_refuse(store, error, "a 'backingStore' with a type needs a source");
        return NULL;
    }
    if (layer->format == NULL || *layer->format == '\0') {
        xml_node_refuse(store, error, "a 'backingStore' with a type needs a format");
        return NULL;
    }
    if (!read_index(store, &layer->index, error))
        return NULL;

    return g_steal_pointer(&layer);
}

static gboolean
read_chain(const xmlNode *disk, DiskXml *ret_disk, GError **error)
{
    const xmlNode *parent = disk;
    xmlNode *store = NULL;

    while (TRUE) {
        DiskSource *layer;

        if (!xml_node_only_child(parent, "backingStore", &store, error))
            return FALSE;
        if (store == NULL)
            return TRUE;
        if (!xmlHasProp(store, (const xmlChar *)"type")) {
            ret_disk->is_chain_complete = TRUE;
            if (xmlFirstElementChild(store) != NULL)
                return xml_node_refuse(store, error, "a 'backingStore' with content needs a type");
            return TRUE;
        }

        layer = read_layer(store, error);
        if (layer == NULL)
            return FALSE;
        g_ptr_array_add(ret_disk->layers, layer);
        parent = store;
    }
}

static gboolean
read_mirror(const xmlNode *disk, DiskXml *ret_disk, GError **error)
{
    xmlNode *mirror = NULL;

    if (!xml_node_only_child(disk, "mirror", &mirror, error))
        return FALSE;
    if (mirror == NULL)
        return TRUE;

    ret_disk->mirror = read_source(mirror, "file", error);
    if (ret_disk->mirror == NULL)
        return FALSE;
    if (!read_child_attribute(mirror, "format", "type", &ret_disk->mirror->format, error))
        return FALSE;
    /* what libvirt 1.0 wrote, and still writes for a plain file */
    if (ret_disk->mirror->type == DISK_SOURCE_NONE) {
        ret_disk->mirror->path = xml_node_attribute(mirror, "file");
        if (ret_disk->mirror->path == NULL)
            return xml_node_refuse(mirror, error, "a 'mirror' needs a source");
        ret_disk->mirror->type = DISK_SOURCE_FILE;
    }
    if (ret_disk->mirror->format == NULL)
        ret_disk->mirror->format = xml_node_attribute(mirror, "format");
    ret_disk->mirror_job = xml_node_attribute(mirror, "job");
    if (ret_disk->mirror_job == NULL)
        ret_disk->mirror_job = g_strdup("copy");
    ret_disk->mirror_ready = xml_node_attribute(mirror, "ready");

    return TRUE;
}

/* The target names the disk in commands, in "vda[2]" and in node names: plain characters only. */
static gboolean
read_target(const xmlNode *disk, DiskXml *ret_disk, GError **error)
{
    xmlNode *target = NULL;

    if (!xml_node_only_child(disk, "target", &target, error))
        return FALSE;
    if (target != NULL) {
        ret_disk->target = xml_node_attribute(target, "dev");
        ret_disk->bus = xml_node_attribute(target, "bus");
    }
    if (ret_disk->target == NULL || *ret_disk->target == '\0')
        return xml_node_refuse(disk, error, "a disk needs a target with a 'dev'");
    if (strlen(ret_disk->target) > MAX_TARGET ||
        strspn(ret_disk->target, G_CSET_a_2_z G_CSET_A_2_Z G_CSET_DIGITS "_-") !=
            strlen(ret_disk->target))
        return xml_node_refuse(target, error, "'%s' is no name for a disk", ret_disk->target);

    return TRUE;
}

static gboolean
read_device(const xmlNode *disk, DiskXml *ret_disk, GError **error)
{
    ret_disk->device = xml_node_attribute(disk, "device");
    if (ret_disk->device == NULL)
        ret_disk->device = g_strdup("disk");
    if (!g_strv_contains(devices, ret_disk->device))
        return xml_node_refuse(disk, error, "unknown disk device '%s'", ret_disk->device);

    ret_disk->is_read_only = g_str_equal(ret_disk->device, "cdrom") ||
                             xml_node_child(disk, "readonly") != NULL;
    ret_disk->is_shareable = xml_node_child(disk, "shareable") != NULL;
    ret_disk->is_transient = xml_node_child(disk, "transient") != NULL;

    return read_child_attribute(disk, "alias", "name", &ret_disk->alias, error);
}

static gboolean
has_removable_medium(const DiskXml *disk)
{
    return g_str_equal(disk->device, "cdrom") || g_str_equal(disk->device, "floppy");
}

static gboolean
read_layers(const xmlNode *disk, DiskXml *ret_disk, GError **error)
{
    DiskSource *top = read_source(disk, "file", error);

    if (top == NULL)
        return FALSE;
    g_ptr_array_add(ret_disk->layers, top);
    if (top->type == DISK_SOURCE_NONE && !has_removable_medium(ret_disk))
        return xml_node_refuse(disk, error, "disk '%s' needs a source", ret_disk->target);

    return read_child_attribute(disk, "driver", "type", &top->format, error) &&
           read_chain(disk, ret_disk, error);
}

DiskXml *
disk_read(const xmlNode *disk, GError **error)
{
    DiskXml *result = g_new0(DiskXml, 1);

    result->layers = g_ptr_array_new_with_free_func((GDestroyNotify)disk_source_free);
    if (read_target(disk, result, error) && read_device(disk, result, error) &&
        read_layers(disk, result, error) && read_mirror(disk, result, error))
        return result;
    disk_xml_free(result);

    return NULL;
}
