/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Driver */

#include "driver/driver.h"

#include <string.h>

#include "api/vblk-error.h"
#include "driver/driver-private.h"
#include "driver/inspect.h"
#include "driver/reconcile.h"
#include "driver/run.h"
#include "driver/sweep.h"
#include "xml/snapshot-xml.h"

G_DEFINE_FINAL_TYPE(Driver, driver, G_TYPE_OBJECT)

enum {
    SIGNAL_DOMAIN_ADDED,
    SIGNAL_DOMAIN_CHANGED,
    SIGNAL_DOMAIN_REMOVED,
    SIGNAL_JOB_ADDED,
    SIGNAL_JOB_CHANGED,
    SIGNAL_JOB_ENDED,
    SIGNAL_SNAPSHOT_ADDED,
    SIGNAL_SNAPSHOT_CHANGED,
    SIGNAL_SNAPSHOT_REMOVED,
    SIGNAL_EVENT,
    N_SIGNALS,
};

static const struct {
    const char *name;
    guint n_values;
} signal_table[N_SIGNALS] = {
    {"domain-added", 1},
    {"domain-changed", 1},
    {"domain-removed", 1},
    {"job-added", 2},
    {"job-changed", 2},
    {"job-ended", 2},
    {"snapshot-added", 2},
    {"snapshot-changed", 2},
    {"snapshot-removed", 2},
    {"event", 1},
};

void
driver_tell_domain(Driver *driver, const char *signal, Domain *domain)
{
    g_signal_emit_by_name(driver, signal, domain);
}

void
driver_tell_job(Driver *driver, const char *signal, Domain *domain, Job *job)
{
    g_signal_emit_by_name(driver, signal, domain, job);
}

void
driver_tell_snapshot(Driver *driver, const char *signal, Domain *domain, Snapshot *snapshot)
{
    g_signal_emit_by_name(driver, signal, domain, snapshot);
}

void
driver_tell_events(Driver *driver, GPtrArray *events)
{
    for (guint i = 0; i < events->len; i++)
        g_signal_emit_by_name(driver, "event", g_ptr_array_index(events, i));
}

void
driver_begin_call(Driver *driver)
{
    driver->n_calls++;
    g_object_ref(driver);
}

void
driver_end_call(Driver *driver)
{
    driver->n_calls--;
    g_object_unref(driver);
}

char *
driver_next_socket(Driver *driver, const char *name)
{
    g_autofree char *path = NULL;

    /* One that a daemon before us left may still be served. */
    do {
        g_free(path);
        path = g_strdup_printf("%s/%s-%08x.sock", driver->runtime_dir, name, g_random_int());
    } while (g_file_test(path, G_FILE_TEST_EXISTS));
    return g_steal_pointer(&path);
}

Driver *
driver_new(Store *store, const DriverConfig *config)
{
    Driver *driver = g_object_new(DRIVER_TYPE, NULL);

    driver->store = g_object_ref(store);
    driver->runtime_dir = g_strdup(config->runtime_dir);
    driver->shim_path = g_strdup(config->shim_path);
    return driver;
}

gboolean
driver_is_idle(Driver *driver)
{
    return driver->runs->len == 0 && driver->n_calls == 0;
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0((*(Domain *const *)a)->name, (*(Domain *const *)b)->name);
}

GPtrArray *
driver_get_domains(Driver *driver)
{
    GPtrArray *domains = g_ptr_array_new();
    GHashTableIter iter;
    gpointer domain;

    g_hash_table_iter_init(&iter, driver->domains);
    while (g_hash_table_iter_next(&iter, NULL, &domain))
        g_ptr_array_add(domains, domain);
    g_ptr_array_sort(domains, compare_names);
    return domains;
}

static Domain *
find_by_name(Driver *driver, const char *name)
{
    GHashTableIter iter;
    gpointer domain;

    g_hash_table_iter_init(&iter, driver->domains);
    while (g_hash_table_iter_next(&iter, NULL, &domain)) {
        if (g_str_equal(((Domain *)domain)->name, name))
            return domain;
    }

    return NULL;
}

Domain *
driver_find_domain(Driver *driver, const char *name_or_uuid, GError **error)
{
    Domain *domain = find_by_name(driver, name_or_uuid);

    if (domain == NULL)
        domain = g_hash_table_lookup(driver->domains, name_or_uuid);
    if (domain == NULL)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_DOMAIN,
                    "no domain with matching name '%s'",
                    name_or_uuid);
    return domain;
}

GPtrArray *
driver_find_users(Driver *driver, const char *path, const Domain *except, const char *except_target)
{
    g_autoptr(GPtrArray) domains = driver_get_domains(driver);
    GPtrArray *users = g_ptr_array_new_with_free_func(g_free);

    for (guint d = 0; d < domains->len; d++) {
        Domain *domain = g_ptr_array_index(domains, d);

        for (guint i = 0; i < domain->disks->len; i++) {
            Disk *disk = g_ptr_array_index(domain->disks, i);

            if (domain == except && g_strcmp0(disk->target, except_target) == 0)
                continue;
            for (guint l = 0; l < chain_depth(disk->chain); l++) {
                if (g_strcmp0(chain_layer(disk->chain, l)->path, path) == 0)
                    g_ptr_array_add(users, g_strdup_printf("%s/%s", domain->name, disk->target));
            }
        }
    }

    return users;
}

/* Starting */

static gboolean
add_stored_domain(Driver *driver, const StoredDomain *stored, GError **error)
{
    g_autoptr(DomainXml) xml = domain_xml_parse_stored(stored->xml, error);
    Domain *domain;

    if (xml == NULL)
        return FALSE;
    if (domain_xml_get_uuid(xml) == NULL)
        domain_xml_set_uuid(xml, stored->uuid);
    domain = domain_new(g_steal_pointer(&xml), error);
    if (domain == NULL)
        return FALSE;

    g_hash_table_insert(driver->domains, g_strdup(domain->uuid), domain);
    driver_tell_domain(driver, "domain-added", domain);
    return TRUE;
}

static void
add_stored_snapshot(Driver *driver, const StoredSnapshot *stored)
{
    Domain *domain = g_hash_table_lookup(driver->domains, stored->domain_uuid);
    g_autoptr(GError) error = NULL;
    g_autoptr(SnapshotXml) xml = snapshot_xml_parse_stored(stored->xml, &error);
    Snapshot *snapshot;

    if (domain == NULL || xml == NULL) {
        g_warning("the snapshot '%s' is left out: %s",
                  stored->name,
                  error != NULL ? error->message : "its domain is not there");
        return;
    }

    snapshot = snapshot_new(stored->name, stored->xml);
    snapshot->description = g_strdup(xml->description);
    snapshot->parent = g_strdup(xml->parent);
    snapshot->state = g_strdup(xml->state);
    snapshot->creation_time = xml->creation_time;
    g_ptr_array_add(domain->snapshots, snapshot);
    if (stored->is_current) {
        g_free(domain->current_snapshot);
        domain->current_snapshot = g_strdup(stored->name);
    }
    driver_tell_snapshot(driver, "snapshot-added", domain, snapshot);
}

static void
on_reconciled(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;

    reconcile_finish(result);
    g_task_return_boolean(task, TRUE);
}

static void
on_loaded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Driver *driver = g_task_get_source_object(task);
    g_autoptr(GError) error = NULL;
    StoreContents *contents = store_load_finish(VB_STORE(source), result, &error);

    if (contents == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    driver->last_job_number = contents->last_job_number;
    for (guint i = 0; i < contents->domains->len; i++) {
        const StoredDomain *stored = g_ptr_array_index(contents->domains, i);
        g_autoptr(GError) reason = NULL;

        if (!add_stored_domain(driver, stored, &reason))
            g_warning("the domain '%s' is left out: %s", stored->name, reason->message);
    }
    for (guint i = 0; i < contents->snapshots->len; i++)
        add_stored_snapshot(driver, g_ptr_array_index(contents->snapshots, i));
    sweep(driver, contents);
    reconcile_async(driver, contents, on_reconciled, g_steal_pointer(&task));
}

void
driver_start_async(Driver *driver, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(driver, NULL, callback, user_data);

    g_task_set_source_tag(task, driver_start_async);
    store_load_async(driver->store, on_loaded, task);
}

gboolean
driver_start_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

void
driver_stop_async(Driver *driver, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, NULL, callback, user_data);

    g_task_set_source_tag(task, driver_stop_async);
    run_detach_all(driver);
    g_task_return_boolean(task, TRUE);
}

gboolean
driver_stop_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

static void
driver_finalize(GObject *object)
{
    Driver *driver = VB_DRIVER(object);

    run_detach_all(driver);
    g_ptr_array_unref(driver->runs);
    g_ptr_array_unref(driver->coming);
    g_hash_table_unref(driver->domains);
    g_clear_object(&driver->store);
    g_free(driver->runtime_dir);
    g_free(driver->shim_path);

    G_OBJECT_CLASS(driver_parent_class)->finalize(object);
}

static void
driver_class_init(DriverClass *class)
{
    GType pointers[] = {G_TYPE_POINTER, G_TYPE_POINTER};

    G_OBJECT_CLASS(class)->finalize = driver_finalize;
    for (guint i = 0; i < N_SIGNALS; i++)
        g_signal_newv(signal_table[i].name,
                      DRIVER_TYPE,
                      G_SIGNAL_RUN_LAST,
                      NULL,
                      NULL,
                      NULL,
                      NULL,
                      G_TYPE_NONE,
                      signal_table[i].n_values,
                      pointers);
}

static void
driver_init(Driver *driver)
{
    driver->domains = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)domain_unref);
    driver->runs = g_ptr_array_new();
    driver->coming = g_ptr_array_new();
}
