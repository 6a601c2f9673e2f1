/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Object registry */

#include "daemon/registry.h"

#include "daemon/disk-object.h"
#include "daemon/domain-object.h"
#include "daemon/job-object.h"
#include "daemon/object-path.h"
#include "daemon/snapshot-object.h"

struct Registry {
    Driver *driver;
    Exporter *exporter;
};

static void
add(Registry *registry, const char *path, gpointer object)
{
    exporter_add(registry->exporter, path, G_DBUS_INTERFACE_SKELETON(object));
}

/* Shows @disk as it is, with @job on it. */
static void
show_disk(Registry *registry, Domain *domain, const Disk *disk, guint position, const Job *job)
{
    g_autofree char *path = object_path_of_disk(domain_get_uuid(domain), disk->target);
    GDBusInterfaceSkeleton *known = exporter_find(registry->exporter, path);
    DiskObject *object;

    if (known != NULL) {
        disk_object_update(VB_DISK_OBJECT(known), disk, position, job);
        return;
    }

    object = disk_object_new(domain, disk->target);
    disk_object_update(object, disk, position, job);
    add(registry, path, object);
}

/* The disks of @domain, and no others. */
static void
show_disks(Registry *registry, Domain *domain)
{
    g_autofree char *path = object_path_of_domain(domain_get_uuid(domain));
    g_autofree char *folder = g_strconcat(path, "/disks", NULL);
    g_auto(GStrv) known = exporter_list_below(registry->exporter, folder);
    g_autoptr(GHashTable) wanted = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    GPtrArray *disks = domain_get_disks(domain);

    for (guint i = 0; i < disks->len; i++) {
        const Disk *disk = disks->pdata[i];

        g_hash_table_add(wanted, object_path_of_disk(domain_get_uuid(domain), disk->target));
        show_disk(registry, domain, disk, i, disk->job);
    }

    for (guint i = 0; known[i] != NULL; i++) {
        if (!g_hash_table_contains(wanted, known[i]))
            exporter_remove(registry->exporter, known[i]);
    }
}

static void
show_disk_of_job(Registry *registry, Domain *domain, const Job *job, gboolean is_live)
{
    GPtrArray *disks = domain_get_disks(domain);

    for (guint i = 0; i < disks->len; i++) {
        const Disk *disk = disks->pdata[i];

        if (g_str_equal(disk->target, job->target))
            show_disk(registry, domain, disk, i, is_live ? job : NULL);
    }
}

static void
show_snapshot(Registry *registry, Domain *domain, const Snapshot *snapshot)
{
    g_autofree char *path = object_path_of_snapshot(domain_get_uuid(domain), snapshot->name);
    GDBusInterfaceSkeleton *known = exporter_find(registry->exporter, path);

    if (known != NULL)
        snapshot_object_update(VB_SNAPSHOT_OBJECT(known), snapshot);
    else
        add(registry, path, snapshot_object_new(registry->driver, domain, snapshot));
}

/* All of them: with one, another may have stopped being the current one. */
static void
show_snapshots(Registry *registry, Domain *domain)
{
    GPtrArray *snapshots = domain_get_snapshots(domain);

    for (guint i = 0; i < snapshots->len; i++)
        show_snapshot(registry, domain, snapshots->pdata[i]);
}

static void
on_domain_added(Driver *driver, Domain *domain, Registry *registry)
{
    g_autofree char *path = object_path_of_domain(domain_get_uuid(domain));

    add(registry, path, domain_object_new(driver, domain));
    show_disks(registry, domain);
    show_snapshots(registry, domain);
}

static void
on_domain_changed(Driver *driver, Domain *domain, Registry *registry)
{
    g_autofree char *path = object_path_of_domain(domain_get_uuid(domain));

    domain_object_update(VB_DOMAIN_OBJECT(exporter_find(registry->exporter, path)));
    show_disks(registry, domain);
}

static void
on_domain_removed(Driver *driver, Domain *domain, Registry *registry)
{
    g_autofree char *path = object_path_of_domain(domain_get_uuid(domain));
    g_auto(GStrv) below = exporter_list_below(registry->exporter, path);

    for (guint i = 0; below[i] != NULL; i++)
        exporter_remove(registry->exporter, below[i]);
    exporter_remove(registry->exporter, path);
}

static void
on_job_added(Driver *driver, Domain *domain, const Job *job, Registry *registry)
{
    g_autofree char *path = object_path_of_job(job->id);

    add(registry, path, job_object_new(driver, domain, job));
    show_disk_of_job(registry, domain, job, TRUE);
}

static void
on_job_changed(Driver *driver, Domain *domain, const Job *job, Registry *registry)
{
    g_autofree char *path = object_path_of_job(job->id);
    GDBusInterfaceSkeleton *object = exporter_find(registry->exporter, path);

    /* A job may change before it was accepted, which is when it is added. */
    if (object != NULL)
        job_object_update(VB_JOB_OBJECT(object), job);
}

static void
on_job_ended(Driver *driver, Domain *domain, const Job *job, Registry *registry)
{
    g_autofree char *path = object_path_of_job(job->id);
    GDBusInterfaceSkeleton *object = exporter_find(registry->exporter, path);

    show_disk_of_job(registry, domain, job, FALSE);
    if (object == NULL)
        return;

    job_object_end(VB_JOB_OBJECT(object), job);
    exporter_remove(registry->exporter, path);
}

static void
on_snapshot_changed(Driver *driver, Domain *domain, const Snapshot *snapshot, Registry *registry)
{
    show_snapshots(registry, domain);
}

static void
on_snapshot_removed(Driver *driver, Domain *domain, const Snapshot *snapshot, Registry *registry)
{
    g_autofree char *path = object_path_of_snapshot(domain_get_uuid(domain), snapshot->name);

    exporter_remove(registry->exporter, path);
}

Registry *
registry_new(Driver *driver, Exporter *exporter)
{
    static const struct {
        const char *signal;
        GCallback callback;
    } handlers[] = {
        {"domain-added", G_CALLBACK(on_domain_added)},
        {"domain-changed", G_CALLBACK(on_domain_changed)},
        {"domain-removed", G_CALLBACK(on_domain_removed)},
        {"job-added", G_CALLBACK(on_job_added)},
        {"job-changed", G_CALLBACK(on_job_changed)},
        {"job-ended", G_CALLBACK(on_job_ended)},
        {"snapshot-added", G_CALLBACK(on_snapshot_changed)},
        {"snapshot-changed", G_CALLBACK(on_snapshot_changed)},
        {"snapshot-removed", G_CALLBACK(on_snapshot_removed)},
    };
    Registry *registry = g_new0(Registry, 1);

    registry->driver = g_object_ref(driver);
    registry->exporter = g_object_ref(exporter);
    for (guint i = 0; i < G_N_ELEMENTS(handlers); i++)
        g_signal_connect(driver, handlers[i].signal, handlers[i].callback, registry);
    return registry;
}

void
registry_free(Registry *registry)
{
    if (registry == NULL)
        return;

    g_signal_handlers_disconnect_by_data(registry->driver, registry);
    g_object_unref(registry->driver);
    g_object_unref(registry->exporter);
    g_free(registry);
}
