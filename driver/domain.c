/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain */

#include "driver/domain.h"

#include "api/vblk-error.h"
#include "driver/domain-private.h"

static void
disk_free(Disk *disk)
{
    g_free(disk->target);
    g_free(disk->device);
    g_free(disk->type);
    chain_free(disk->chain);
    job_free(disk->job);
    g_free(disk);
}

static LayerKind
layer_kind(DiskSourceType type)
{
    switch (type) {
    case DISK_SOURCE_FILE:
        return LAYER_FILE;
    case DISK_SOURCE_BLOCK:
        return LAYER_BLOCK;
    case DISK_SOURCE_NETWORK:
        return LAYER_NETWORK;
    case DISK_SOURCE_NONE:
    case DISK_SOURCE_OTHER:
        break;
    }

    return LAYER_OTHER;
}

static DiskSourceType
source_type(LayerKind kind)
{
    switch (kind) {
    case LAYER_FILE:
        return DISK_SOURCE_FILE;
    case LAYER_BLOCK:
        return DISK_SOURCE_BLOCK;
    case LAYER_NETWORK:
        return DISK_SOURCE_NETWORK;
    case LAYER_OTHER:
        break;
    }

    return DISK_SOURCE_OTHER;
}

/* libvirt takes a disk without a format for raw; guessing it from the content is what it must not
 * do, and neither do we. */
static gboolean
add_layers(Disk *disk, const DiskXml *xml, GError **error)
{
    for (guint i = 0; i < xml->layers->len; i++) {
        const DiskSource *source = g_ptr_array_index(xml->layers, i);
        const char *format = source->format != NULL ? source->format : "raw";

        if (source->type == DISK_SOURCE_NONE)
            break;
        if (!chain_append(disk->chain,
                          layer_new(layer_kind(source->type),
                                    source->path != NULL ? source->path : "",
                                    format,
                                    source->index),
                          error))
            return FALSE;
    }

    return TRUE;
}

static Disk *
disk_new(const DiskXml *xml, GError **error)
{
    Disk *disk = g_new0(Disk, 1);
    const DiskSource *source = xml->layers->len > 0 ? g_ptr_array_index(xml->layers, 0) : NULL;

    disk->target = g_strdup(xml->target);
    disk->device = g_strdup(xml->device);
    disk->type = g_strdup(source != NULL && source->type != DISK_SOURCE_NONE
                              ? disk_source_type_name(source->type)
                              : "file");
    disk->is_read_only = xml->is_read_only;
    disk->is_shareable = xml->is_shareable;
    disk->is_chain_in_xml = xml->layers->len > 1 || xml->is_chain_complete;
    disk->is_chain_known = xml->is_chain_complete;
    disk->chain = chain_new();
    if (add_layers(disk, xml, error))
        return disk;

    disk_free(disk);
    return NULL;
}

static guint
max_index(const Domain *domain)
{
    guint max = 0;

    for (guint d = 0; d < domain->disks->len; d++) {
        const Disk *disk = g_ptr_array_index(domain->disks, d);

        for (guint i = 0; i < chain_depth(disk->chain); i++)
            max = MAX(max, chain_layer(disk->chain, i)->index);
    }

    return max;
}

static void
number_layers(Domain *domain)
{
    guint next = max_index(domain) + 1;

    for (guint d = 0; d < domain->disks->len; d++) {
        const Disk *disk = g_ptr_array_index(domain->disks, d);

        for (guint i = 0; i < chain_depth(disk->chain); i++) {
            Layer *layer = chain_layer(disk->chain, i);

            if (layer->index == 0)
                layer->index = next++;
        }
    }
}

Domain *
domain_new(DomainXml *definition, GError **error)
{
    g_autoptr(Domain) domain = g_new0(Domain, 1);
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(definition);

    g_atomic_ref_count_init(&domain->references);
    domain->definition = definition;
    domain->name = g_strdup(domain_xml_get_name(definition));
    domain->uuid = g_strdup(domain_xml_get_uuid(definition));
    domain->state = DOMAIN_SHUT_OFF;
    domain->disks = g_ptr_array_new_with_free_func((GDestroyNotify)disk_free);
    domain->snapshots = g_ptr_array_new_with_free_func((GDestroyNotify)snapshot_free);

    for (guint i = 0; i < disks->len; i++) {
        Disk *disk = disk_new(g_ptr_array_index(disks, i), error);

        if (disk == NULL)
            return NULL;
        g_ptr_array_add(domain->disks, disk);
    }

    number_layers(domain);
    return g_steal_pointer(&domain);
}

Domain *
domain_ref(Domain *domain)
{
    g_atomic_ref_count_inc(&domain->references);
    return domain;
}

void
domain_unref(Domain *domain)
{
    if (domain == NULL || !g_atomic_ref_count_dec(&domain->references))
        return;

    domain_xml_free(domain->definition);
    g_ptr_array_unref(domain->disks);
    g_ptr_array_unref(domain->snapshots);
    g_free(domain->name);
    g_free(domain->uuid);
    g_free(domain->current_snapshot);
    g_free(domain);
}

void
domain_take_definition(Domain *domain, Domain *other)
{
    DomainXml *definition = domain->definition;
    GPtrArray *disks = domain->disks;
    char *name = domain->name;

    domain->definition = other->definition;
    domain->disks = other->disks;
    domain->name = other->name;
    other->definition = definition;
    other->disks = disks;
    other->name = name;
}

gboolean
domain_is_removed(const Domain *domain)
{
    return domain->is_removed;
}

const char *
domain_get_name(const Domain *domain)
{
    return domain->name;
}

const char *
domain_get_uuid(const Domain *domain)
{
    return domain->uuid;
}

DomainState
domain_get_state(const Domain *domain)
{
    return domain->state;
}

const DomainXml *
domain_get_definition(const Domain *domain)
{
    return domain->definition;
}

GPtrArray *
domain_get_disks(const Domain *domain)
{
    return domain->disks;
}

GPtrArray *
domain_get_snapshots(const Domain *domain)
{
    return domain->snapshots;
}

const char *
domain_get_current_snapshot(const Domain *domain)
{
    return domain->current_snapshot;
}

Disk *
domain_get_disk_by_target(const Domain *domain, const char *target)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        Disk *disk = g_ptr_array_index(domain->disks, i);

        if (g_strcmp0(disk->target, target) == 0)
            return disk;
    }

    return NULL;
}

Disk *
domain_find_disk(const Domain *domain, const char *name, guint *ret_position, GError **error)
{
    Disk *disk = domain_get_disk_by_target(domain, name);

    if (disk != NULL) {
        *ret_position = 0;
        return disk;
    }

    for (guint i = 0; i < domain->disks->len; i++) {
        disk = g_ptr_array_index(domain->disks, i);
        if (chain_find(disk->chain, disk->target, name, ret_position, NULL))
            return disk;
    }

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "disk '%s' not found in domain '%s': 'domblklist %s' shows its disks",
                name,
                domain->name,
                domain->name);
    return NULL;
}

Snapshot *
domain_find_snapshot(const Domain *domain, const char *name)
{
    for (guint i = 0; i < domain->snapshots->len; i++) {
        Snapshot *snapshot = g_ptr_array_index(domain->snapshots, i);

        if (g_strcmp0(snapshot->name, name) == 0)
            return snapshot;
    }

    return NULL;
}

/* @n_layers of @chain as the XML has them. */
static GPtrArray *
chain_to_sources(const Chain *chain, guint n_layers, gboolean with_index)
{
    GPtrArray *sources = g_ptr_array_new_with_free_func((GDestroyNotify)disk_source_free);

    for (guint i = 0; i < n_layers; i++) {
        const Layer *layer = chain_layer(chain, i);

        g_ptr_array_add(sources,
                        disk_source_new(source_type(layer->kind),
                                        layer->path,
                                        layer->format,
                                        with_index ? layer->index : 0));
    }

    return sources;
}

DomainXml *
domain_definition_with_chain(const Domain *domain,
                             const Disk *disk,
                             const Chain *chain,
                             GError **error)
{
    g_autoptr(DomainXml) xml = domain_xml_copy(domain->definition);
    guint n_layers = disk->is_chain_in_xml ? chain_depth(chain) : 1;
    g_autoptr(GPtrArray) sources = chain_to_sources(chain, n_layers, FALSE);

    if (!domain_xml_set_disk_layers(xml, disk->target, sources, disk->is_chain_in_xml, error))
        return NULL;
    return g_steal_pointer(&xml);
}

char *
domain_format_xml(const Domain *domain, gboolean is_as_stored)
{
    g_autoptr(DomainXml) xml = NULL;

    if (is_as_stored)
        return domain_xml_format(domain->definition);

    xml = domain_xml_copy(domain->definition);
    for (guint i = 0; i < domain->disks->len; i++) {
        const Disk *disk = g_ptr_array_index(domain->disks, i);
        g_autoptr(GPtrArray) sources = NULL;
        g_autoptr(GError) error = NULL;

        if (!disk->is_chain_known || chain_depth(disk->chain) == 0)
            continue;
        sources = chain_to_sources(disk->chain, chain_depth(disk->chain), TRUE);
        if (!domain_xml_set_disk_layers(xml, disk->target, sources, TRUE, &error))
            g_debug("domain '%s': the chain of '%s' is left out: %s",
                    domain->name,
                    disk->target,
                    error->message);
    }

    return domain_xml_format(xml);
}

guint
domain_next_index(const Domain *domain)
{
    return max_index(domain) + 1;
}

gboolean
domain_has_job(const Domain *domain)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        const Disk *disk = g_ptr_array_index(domain->disks, i);

        if (disk->job != NULL || disk->is_busy)
            return TRUE;
    }

    return FALSE;
}

Snapshot *
snapshot_new(const char *name, const char *xml)
{
    Snapshot *snapshot = g_new0(Snapshot, 1);

    snapshot->name = g_strdup(name);
    snapshot->xml = g_strdup(xml);
    return snapshot;
}

void
snapshot_free(Snapshot *snapshot)
{
    g_free(snapshot->name);
    g_free(snapshot->description);
    g_free(snapshot->parent);
    g_free(snapshot->state);
    g_free(snapshot->xml);
    g_free(snapshot);
}
