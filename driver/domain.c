/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain */

#include "driver/domain.h"

#include "api/vblk-error.h"
#include "driver/domain-private.h"

typedef void (*LayerFunc)(Layer *layer, gpointer user_data);

static void
for_each_layer(const Domain *domain, LayerFunc function, gpointer user_data)
{
    for (guint d = 0; d < domain->disks->len; d++) {
        const Disk *disk = g_ptr_array_index(domain->disks, d);

        for (guint i = 0; i < chain_depth(disk->chain); i++)
            function(chain_layer(disk->chain, i), user_data);
    }
}

static void
take_max_index(Layer *layer, gpointer user_data)
{
    guint *max = user_data;

    *max = MAX(*max, layer->index);
}

guint
domain_next_index(const Domain *domain)
{
    guint max = 0;

    for_each_layer(domain, take_max_index, &max);

    return max + 1;
}

static void
drop_second_index(Layer *layer, gpointer user_data)
{
    GHashTable *seen = user_data;

    if (g_hash_table_contains(seen, &layer->index))
        layer->index = 0;
    else
        g_hash_table_add(seen, &layer->index);
}

static void
give_index(Layer *layer, gpointer user_data)
{
    guint *next = user_data;

    if (layer->index == 0)
        layer->index = (*next)++;
}

/* Node names are made of indexes, so no two layers may share one. A definition gives none above
 * G_MAXINT32, so there is room to count on. */
static void
number_layers(Domain *domain)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int_hash, g_int_equal);
    guint next;

    for_each_layer(domain, drop_second_index, seen);
    next = domain_next_index(domain);
    for_each_layer(domain, give_index, &next);
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
    g_queue_init(&domain->turns);
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

    g_assert(g_queue_is_empty(&domain->turns));
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

static Disk *
find_disk_by_path(const Domain *domain, const char *path, guint *ret_position)
{
    for (guint i = 0; i < domain->disks->len; i++) {
        Disk *disk = g_ptr_array_index(domain->disks, i);
        const Layer *active = chain_active(disk->chain);

        if (active != NULL && g_str_equal(active->path, path)) {
            *ret_position = 0;
            return disk;
        }
    }

    for (guint i = 0; i < domain->disks->len; i++) {
        Disk *disk = g_ptr_array_index(domain->disks, i);

        if (chain_find(disk->chain, disk->target, path, ret_position, NULL))
            return disk;
    }

    return NULL;
}

Disk *
domain_find_disk(const Domain *domain, const char *name, guint *ret_position, GError **error)
{
    Disk *disk = domain_get_disk_by_target(domain, name);
    g_autofree char *target = NULL;
    guint index;

    if (disk != NULL) {
        *ret_position = 0;
        return disk;
    }

    if (chain_parse_index(name, &target, &index)) {
        disk = domain_get_disk_by_target(domain, target);
        if (disk != NULL)
            return chain_find(disk->chain, target, name, ret_position, error) ? disk : NULL;
    } else if (name[0] != '\0' && !chain_is_relative_name(name)) {
        disk = find_disk_by_path(domain, name, ret_position);
        if (disk != NULL)
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

DomainXml *
domain_definition_with_chain(const Domain *domain,
                             const Disk *disk,
                             const Chain *chain,
                             GError **error)
{
    g_autoptr(DomainXml) xml = domain_xml_copy(domain->definition);
    guint n_layers = disk->is_chain_in_xml ? chain_depth(chain) : 1;
    g_autoptr(GPtrArray) sources = disk_sources(chain, n_layers, FALSE);

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
        sources = disk_sources(disk->chain, chain_depth(disk->chain), TRUE);
        if (!domain_xml_set_disk_layers(xml, disk->target, sources, TRUE, &error))
            g_debug("domain '%s': the chain of '%s' is left out: %s",
                    domain->name,
                    disk->target,
                    error->message);
    }

    return domain_xml_format(xml);
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

gboolean
domain_check_free(const Domain *domain, GError **error)
{
    if (domain->is_removed)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_DOMAIN,
                    "no domain with matching name '%s'",
                    domain->name);
    else if (domain->is_changing)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "domain '%s' is being defined or undefined by another call: try again",
                    domain->name);
    else
        return TRUE;

    return FALSE;
}
