/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Layer writer */

/*
 * A disk names its chain by nesting:
 *
 *   disk type=                                  layer 0
 *     driver type=    source index=
 *     backingStore type= index=                 layer 1
 *       format type=    source
 *       backingStore type= index=               layer 2
 *         ...
 *         backingStore                          empty: the chain ends here
 *
 * The elements of the old chain are taken apart and the new chain is put together from them: a
 * layer that stays (by type and path) keeps its own source element, and its backingStore element
 * where it had one, with all that they hold. What no new layer wants is freed at the very end,
 * because what was moved may still point to namespaces declared there.
 *
 * Two things belong to the disk and not to the image, though they stand in the source element: the
 * index attribute, which for lower layers is at backingStore, and startupPolicy.
 */

#include "xml/disk-layers.h"

#include "api/vblk-error.h"
#include "xml/node.h"
#include "xml/text.h"

/* A layer of the old chain, as elements. */
typedef struct {
    const DiskSource *layer;
    char *type;      /* the type attribute; NULL where it had none */
    xmlNode *store;  /* its backingStore element; NULL for layer 0 */
    xmlNode *source; /* NULL for a drive without a medium */
    gboolean is_kept;
} Part;

static void
part_free(Part *part)
{
    g_free(part->type);
    g_free(part);
}

static Part *
part_new(const DiskSource *layer, xmlNode *parent, xmlNode *store)
{
    Part *part = g_new0(Part, 1);

    part->layer = layer;
    part->type = xml_node_attribute(parent, "type");
    part->store = store;
    part->source = xml_node_child(parent, "source");

    return part;
}

/* The old chain, top first; the elements are still linked. */
static GPtrArray *
collect_parts(xmlNode *disk, const DiskXml *model)
{
    GPtrArray *parts = g_ptr_array_new_with_free_func((GDestroyNotify)part_free);
    xmlNode *parent = disk;

    for (guint i = 0; i < model->layers->len; i++) {
        g_ptr_array_add(
            parts,
            part_new(g_ptr_array_index(model->layers, i), parent, parent == disk ? NULL : parent));
        parent = xml_node_child(parent, "backingStore");
    }

    return parts;
}

static Part *
take_part(GPtrArray *parts, const DiskSource *layer)
{
    for (guint i = 0; i < parts->len; i++) {
        Part *part = g_ptr_array_index(parts, i);

        if (!part->is_kept && disk_source_is_same(part->layer, layer)) {
            part->is_kept = TRUE;
            return part;
        }
    }

    return NULL;
}

static gboolean
refuse_layer(GError **error, const DiskXml *disk, const DiskSource *layer, const char *fault)
{
    g_autofree char *path = layer->path != NULL ? g_strescape(layer->path, NULL) : NULL;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "layer '%s' of disk '%s' %s",
                path != NULL ? path : "",
                disk->target,
                fault);

    return FALSE;
}

/* Whether @layer can be written as layer @position; @part is what it is made from, if anything. */
static gboolean
check_layer(const DiskXml *disk,
            const DiskSource *layer,
            guint position,
            const Part *part,
            GError **error)
{
    if (layer->type == DISK_SOURCE_NONE)
        return position == 0 || refuse_layer(error, disk, layer, "has no source");
    if (position > 0 && (layer->format == NULL || *layer->format == '\0'))
        return refuse_layer(error, disk, layer, "has no format");
    if (layer->format != NULL && !xml_text_is_writable(layer->format))
        return refuse_layer(error, disk, layer, "has a format that XML cannot hold");
    if (part != NULL)
        return TRUE;
    if (layer->type != DISK_SOURCE_FILE && layer->type != DISK_SOURCE_BLOCK)
        return refuse_layer(error, disk, layer, "is neither a file nor a block device");
    if (layer->path == NULL || *layer->path == '\0' || !xml_text_is_writable(layer->path))
        return refuse_layer(error, disk, layer, "has a path that XML cannot hold");

    return TRUE;
}

static void
set_index(xmlNode *node, guint index)
{
    g_autofree char *text = index > 0 ? g_strdup_printf("%u", index) : NULL;

    xml_node_set_attribute(node, "index", text);
}

static xmlNode *
new_source(const xmlNode *disk, const DiskSource *layer)
{
    xmlNode *source = xml_node_new(disk, "source");

    xml_node_set_attribute(source, layer->type == DISK_SOURCE_BLOCK ? "dev" : "file", layer->path);

    return source;
}

static xmlNode *
child_or_first(xmlNode *parent, const char *name)
{
    xmlNode *child = xml_node_child(parent, name);

    if (child == NULL) {
        child = xml_node_new(parent, name);
        xml_node_insert_after(parent, NULL, child);
    }

    return child;
}

static void
write_top_format(xmlNode *disk, const char *format)
{
    xmlNode *driver = xml_node_child(disk, "driver");

    if (driver == NULL && format == NULL)
        return;
    if (driver == NULL) {
        driver = child_or_first(disk, "driver");
        xml_node_set_attribute(driver, "name", "qemu");
    }
    xml_node_set_attribute(driver, "type", format);
}

/* Old documents have beside the source what belongs into it, and goes where the source goes. */
static void
move_into_source(xmlNode *disk, xmlNode *source, const char *name)
{
    xmlNode *node = xml_node_child(disk, name);

    if (node == NULL)
        return;
    xml_node_detach(node);
    xmlAddChild(source, node);
}

/* Puts @source, of another layer, where the old top's source is, which may be wanted below. */
static void
replace_source(xmlNode *disk, xmlNode *old, xmlNode *source)
{
    g_autofree char *policy = old != NULL ? xml_node_attribute(old, "startupPolicy") : NULL;

    xmlUnlinkNode(source);
    if (old == NULL) {
        xml_node_insert_after(disk, xml_node_child(disk, "driver"), source);
    } else {
        move_into_source(disk, old, "auth");
        move_into_source(disk, old, "encryption");
        xmlReplaceNode(old, source);
        xml_node_set_attribute(old, "startupPolicy", NULL);
        xml_node_set_attribute(source, "startupPolicy", policy);
    }
    xml_node_layout(source);
}

static void
write_top(xmlNode *disk, const DiskSource *layer, const Part *part, const Part *old_top)
{
    const char *type = part != NULL ? part->type : disk_source_type_name(layer->type);
    xmlNode *source;

    write_top_format(disk, layer->format);
    if (layer->type == DISK_SOURCE_NONE) {
        if (old_top->source != NULL && part != old_top)
            xml_node_detach(old_top->source);
        return;
    }

    source = part != NULL ? part->source : new_source(disk, layer);
    xml_node_set_attribute(disk, "type", type);
    set_index(source, layer->index);
    if (part != old_top)
        replace_source(disk, old_top->source, source);
}

/* The backingStore element of a lower layer, not linked yet. */
static xmlNode *
make_store(const xmlNode *disk, const DiskSource *layer, const Part *part)
{
    xmlNode *store = part != NULL ? part->store : NULL;
    xmlNode *source;

    if (store == NULL)
        store = xml_node_new(disk, "backingStore");
    source = xml_node_child(store, "source");

    xml_node_set_attribute(store,
                           "type",
                           part != NULL && part->type != NULL ? part->type
                                                              : disk_source_type_name(layer->type));
    set_index(store, layer->index);
    xml_node_set_attribute(child_or_first(store, "format"), "type", layer->format);
    if (source == NULL) {
        source = part != NULL ? part->source : new_source(disk, layer);
        xmlUnlinkNode(source);
        xmlAddChild(store, source);
    }
    /* the index of a lower layer stands at its backingStore element */
    xml_node_set_attribute(source, "index", NULL);

    return store;
}

static void
link_store(xmlNode *disk, xmlNode *parent, xmlNode *store)
{
    xmlNode *previous;

    if (parent != disk) {
        xmlAddChild(parent, store);
        return;
    }
    previous = xml_node_child(disk, "source");
    if (previous == NULL)
        previous = xml_node_child(disk, "driver");
    xml_node_insert_after(disk, previous, store);
}

/* Takes each backingStore element out of the one above; returns the empty one, if there was one. */
static xmlNode *
unlink_stores(xmlNode *disk, GPtrArray *parts)
{
    xmlNode *parent = disk;
    xmlNode *store = NULL;

    for (guint i = 1; i <= parts->len; i++) {
        store = xml_node_child(parent, "backingStore");
        if (store == NULL)
            return NULL;
        xml_node_detach(store);
        parent = store;
    }

    return store;
}

static gboolean
is_as_wanted(const DiskXml *disk, GPtrArray *layers, gboolean is_complete)
{
    if (disk->layers->len != layers->len || disk->is_chain_complete != is_complete)
        return FALSE;

    for (guint i = 0; i < layers->len; i++) {
        const DiskSource *now = g_ptr_array_index(disk->layers, i);
        const DiskSource *wanted = g_ptr_array_index(layers, i);

        if (!disk_source_is_same(now, wanted) || now->index != wanted->index ||
            g_strcmp0(now->format, wanted->format) != 0)
            return FALSE;
    }

    return TRUE;
}

/* Only where a backingStore element declares one can what was moved have lost its namespace. */
static void
repair_namespaces(xmlNode *disk, GPtrArray *parts)
{
    gboolean is_needed = FALSE;

    for (guint i = 1; i < parts->len; i++)
        is_needed |= ((Part *)g_ptr_array_index(parts, i))->store->nsDef != NULL;
    for (xmlNode *child = disk->children; is_needed && child != NULL; child = child->next) {
        if (xml_node_is(child, "source") || xml_node_is(child, "backingStore"))
            xmlReconciliateNs(disk->doc, child);
    }
}

static void
free_unwanted(GPtrArray *parts)
{
    for (guint i = 0; i < parts->len; i++) {
        const Part *part = g_ptr_array_index(parts, i);
        xmlNode *node = i > 0 ? part->store : part->source;

        if (node != NULL && node->parent == NULL)
            xmlFreeNode(node);
    }
}

gboolean
disk_write_layers(xmlNode *node,
                  const DiskXml *disk,
                  GPtrArray *layers,
                  gboolean is_complete,
                  GError **error)
{
    g_autoptr(GPtrArray) parts = collect_parts(node, disk);
    g_autoptr(GPtrArray) chosen = g_ptr_array_new(); /* of Part, borrowed, NULL for a new layer */
    xmlNode *terminator;
    xmlNode *parent = node;

    g_assert(layers->len > 0);
    if (is_as_wanted(disk, layers, is_complete))
        return TRUE;
    for (guint i = 0; i < layers->len; i++) {
        const DiskSource *layer = g_ptr_array_index(layers, i);
        Part *part = take_part(parts, layer);

        g_ptr_array_add(chosen, part);
        if (!check_layer(disk, layer, i, part, error))
            return FALSE;
    }

    terminator = unlink_stores(node, parts);
    write_top(node,
              g_ptr_array_index(layers, 0),
              g_ptr_array_index(chosen, 0),
              g_ptr_array_index(parts, 0));
    for (guint i = 1; i < layers->len; i++) {
        xmlNode *store = make_store(
            node, g_ptr_array_index(layers, i), g_ptr_array_index(chosen, i));

        link_store(node, parent, store);
        parent = store;
    }
    if (is_complete)
        link_store(node, parent, xml_node_new(node, "backingStore"));

    repair_namespaces(node, parts);
    if (layers->len > 1 || is_complete)
        xml_node_layout(xml_node_child(node, "backingStore"));
    free_unwanted(parts);
    xmlFreeNode(terminator);

    return TRUE;
}
