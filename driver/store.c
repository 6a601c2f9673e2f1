/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Store interface */

#include "driver/store.h"

G_DEFINE_INTERFACE(Store, store, G_TYPE_OBJECT)

static void
store_default_init(StoreInterface *iface)
{
    (void)iface;
}

static StoredDomain *
stored_domain_new(const char *uuid, const char *name, const char *xml)
{
    StoredDomain *domain = g_new0(StoredDomain, 1);

    domain->uuid = g_strdup(uuid);
    domain->name = g_strdup(name);
    domain->xml = g_strdup(xml);

    return domain;
}

void
stored_domain_free(StoredDomain *domain)
{
    if (!domain)
        return;

    g_free(domain->uuid);
    g_free(domain->name);
    g_free(domain->xml);
    g_free(domain);
}

static StoredSnapshot *
stored_snapshot_copy(const StoredSnapshot *snapshot)
{
    StoredSnapshot *copy = g_new(StoredSnapshot, 1);

    *copy = *snapshot;
    copy->domain_uuid = g_strdup(snapshot->domain_uuid);
    copy->name = g_strdup(snapshot->name);
    copy->xml = g_strdup(snapshot->xml);

    return copy;
}

void
stored_snapshot_free(StoredSnapshot *snapshot)
{
    if (!snapshot)
        return;

    g_free(snapshot->domain_uuid);
    g_free(snapshot->name);
    g_free(snapshot->xml);
    g_free(snapshot);
}

static StoredMonitor *
stored_monitor_copy(const StoredMonitor *monitor)
{
    StoredMonitor *copy = g_new(StoredMonitor, 1);

    *copy = *monitor;
    copy->job_id = g_strdup(monitor->job_id);
    copy->socket_path = g_strdup(monitor->socket_path);
    copy->chain = g_strdup(monitor->chain);

    return copy;
}

void
stored_monitor_free(StoredMonitor *monitor)
{
    if (!monitor)
        return;

    g_free(monitor->job_id);
    g_free(monitor->socket_path);
    g_free(monitor->chain);
    g_free(monitor);
}

void
store_contents_free(StoreContents *contents)
{
    if (!contents)
        return;

    g_clear_pointer(&contents->domains, g_ptr_array_unref);
    g_clear_pointer(&contents->snapshots, g_ptr_array_unref);
    g_clear_pointer(&contents->monitors, g_ptr_array_unref);
    g_clear_pointer(&contents->jobs, g_ptr_array_unref);
    g_free(contents);
}

static void
store_change_free(StoreChange *change)
{
    stored_domain_free(change->domain);
    stored_snapshot_free(change->snapshot);
    stored_monitor_free(change->monitor);
    job_free(change->job);
    event_free(change->event);
    g_free(change->uuid);
    g_free(change->name);
    g_free(change->job_id);
    g_free(change);
}

StoreBatch *
store_batch_new(void)
{
    StoreBatch *batch = g_new0(StoreBatch, 1);

    batch->changes = g_ptr_array_new_with_free_func((GDestroyNotify)store_change_free);

    return batch;
}

void
store_batch_free(StoreBatch *batch)
{
    if (!batch)
        return;

    g_ptr_array_unref(batch->changes);
    g_free(batch);
}

static StoreChange *
append_change(StoreBatch *batch, StoreChangeKind kind)
{
    StoreChange *change = g_new0(StoreChange, 1);

    change->kind = kind;
    g_ptr_array_add(batch->changes, change);

    return change;
}

void
store_batch_put_domain(StoreBatch *batch, const char *uuid, const char *name, const char *xml)
{
    append_change(batch, STORE_PUT_DOMAIN)->domain = stored_domain_new(uuid, name, xml);
}

void
store_batch_delete_domain(StoreBatch *batch, const char *uuid)
{
    append_change(batch, STORE_DELETE_DOMAIN)->uuid = g_strdup(uuid);
}

void
store_batch_put_snapshot(StoreBatch *batch, const StoredSnapshot *snapshot)
{
    append_change(batch, STORE_PUT_SNAPSHOT)->snapshot = stored_snapshot_copy(snapshot);
}

void
store_batch_delete_snapshot(StoreBatch *batch, const char *domain_uuid, const char *name)
{
    StoreChange *change = append_change(batch, STORE_DELETE_SNAPSHOT);

    change->uuid = g_strdup(domain_uuid);
    change->name = g_strdup(name);
}

void
store_batch_put_monitor(StoreBatch *batch, const StoredMonitor *monitor)
{
    append_change(batch, STORE_PUT_MONITOR)->monitor = stored_monitor_copy(monitor);
}

void
store_batch_delete_monitor(StoreBatch *batch, const char *job_id)
{
    append_change(batch, STORE_DELETE_MONITOR)->job_id = g_strdup(job_id);
}

void
store_batch_put_job(StoreBatch *batch, const Job *job)
{
    append_change(batch, STORE_PUT_JOB)->job = job_copy(job);
}

void
store_batch_append_event(StoreBatch *batch, const Event *event)
{
    append_change(batch, STORE_APPEND_EVENT)->event = event_copy(event);
}

static GPtrArray *
copy_events(const StoreBatch *batch)
{
    GPtrArray *events = g_ptr_array_new_with_free_func((GDestroyNotify)event_free);

    for (guint i = 0; i < batch->changes->len; i++) {
        const StoreChange *change = g_ptr_array_index(batch->changes, i);
        if (change->event)
            g_ptr_array_add(events, event_copy(change->event));
    }

    return events;
}

static void
on_committed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Store *store = VB_STORE(source);
    g_autoptr(GTask) task = user_data;
    GError *error = NULL;

    if (!VB_STORE_GET_IFACE(store)->commit_finish(store, result, &error)) {
        g_task_return_error(task, error);
        return;
    }

    GPtrArray *events = copy_events(g_task_get_task_data(task));
    g_task_return_pointer(task, events, (GDestroyNotify)g_ptr_array_unref);
}

void
store_commit_async(Store *store,
                   StoreBatch *batch,
                   GAsyncReadyCallback callback,
                   gpointer user_data)
{
    GTask *task = g_task_new(store, NULL, callback, user_data);

    g_task_set_source_tag(task, store_commit_async);
    g_task_set_task_data(task, batch, (GDestroyNotify)store_batch_free);
    VB_STORE_GET_IFACE(store)->commit_async(store, batch, on_committed, task);
}

GPtrArray *
store_commit_finish(Store *store, GAsyncResult *result, GError **error)
{
    g_assert(g_task_is_valid(result, store));

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
store_load_async(Store *store, GAsyncReadyCallback callback, gpointer user_data)
{
    VB_STORE_GET_IFACE(store)->load_async(store, callback, user_data);
}

StoreContents *
store_load_finish(Store *store, GAsyncResult *result, GError **error)
{
    return VB_STORE_GET_IFACE(store)->load_finish(store, result, error);
}

void
store_list_ended_jobs_async(Store *store,
                            guint limit,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    VB_STORE_GET_IFACE(store)->list_ended_jobs_async(store, limit, callback, user_data);
}

GPtrArray *
store_list_ended_jobs_finish(Store *store, GAsyncResult *result, GError **error)
{
    return VB_STORE_GET_IFACE(store)->list_ended_jobs_finish(store, result, error);
}
