/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durable store */

#include "daemon/store.h"

#include "daemon/catalog.h"
#include "daemon/files.h"
#include "daemon/journal.h"

struct _DaemonStore {
    GObject parent;

    GThreadPool *worker;

    /* What follows belongs to the worker. */
    char *state_dir;
    Catalog *catalog;
    Journal *journal;      /* NULL until opened */
    GPtrArray *unfinished; /* of FileChange: recorded, but not done yet; NULL: none */

    guint64 last_sequence; /* atomic: the main thread reads it */
};

/* One call, as the worker gets it; task data. */
typedef struct {
    void (*run)(DaemonStore *store, GTask *task);
    StoreBatch *batch; /* borrowed */
    guint64 after;
    guint limit;
} Work;

static void daemon_store_iface_init(StoreInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(DaemonStore,
                              daemon_store,
                              G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(STORE_TYPE, daemon_store_iface_init))

static StoreContents *
contents_new(void)
{
    StoreContents *contents = g_new0(StoreContents, 1);

    contents->domains = g_ptr_array_new_with_free_func((GDestroyNotify)stored_domain_free);
    contents->snapshots = g_ptr_array_new_with_free_func((GDestroyNotify)stored_snapshot_free);
    contents->monitors = g_ptr_array_new_with_free_func((GDestroyNotify)stored_monitor_free);
    contents->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    return contents;
}

static void
set_last_sequence(DaemonStore *store, guint64 sequence)
{
    __atomic_store_n(&store->last_sequence, sequence, __ATOMIC_RELAXED);
}

/* Does what the journal holds to be done; stops at the first that cannot be. */
static gboolean
finish_files(DaemonStore *store, GError **error)
{
    for (guint i = 0; store->unfinished != NULL && i < store->unfinished->len; i++) {
        if (!file_change_apply(store->unfinished->pdata[i], store->state_dir, error))
            return FALSE;
    }

    g_clear_pointer(&store->unfinished, g_ptr_array_unref);
    return TRUE;
}

static gboolean
open_journal(DaemonStore *store, GError **error)
{
    g_autofree char *path = g_build_filename(store->state_dir, "journal.db", NULL);
    g_autoptr(Journal) journal = NULL;

    if (store->journal != NULL)
        return TRUE;

    journal = journal_open(path, error);
    if (journal == NULL)
        return FALSE;

    store->unfinished = journal_get_file_changes(journal, error);
    if (store->unfinished == NULL)
        return FALSE;

    set_last_sequence(store, journal_get_last_sequence(journal));
    store->journal = g_steal_pointer(&journal);
    return TRUE;
}

static StoreContents *
load(DaemonStore *store, GError **error)
{
    g_autoptr(StoreContents) contents = contents_new();

    if (!open_journal(store, error) || !finish_files(store, error) ||
        !catalog_load(store->catalog, contents, error) ||
        !journal_load(store->journal, contents, error))
        return NULL;

    return g_steal_pointer(&contents);
}

static void
run_load(DaemonStore *store, GTask *task)
{
    GError *error = NULL;
    StoreContents *contents = load(store, &error);

    if (contents != NULL)
        g_task_return_pointer(task, contents, (GDestroyNotify)store_contents_free);
    else
        g_task_return_error(task, error);
}

/* The names that are taken are known once all was loaded. */
static gboolean
ensure_loaded(DaemonStore *store, GError **error)
{
    g_autoptr(StoreContents) contents = NULL;

    if (store->journal != NULL)
        return finish_files(store, error);

    contents = load(store, error);
    return contents != NULL;
}

static gboolean
commit(DaemonStore *store, const StoreBatch *batch, GError **error)
{
    g_autoptr(GPtrArray) changes = NULL;
    g_autoptr(GError) reason = NULL;

    if (!ensure_loaded(store, error))
        return FALSE;

    changes = catalog_stage(store->catalog, batch, error);
    if (changes == NULL)
        return FALSE;

    if (!journal_commit(store->journal, batch, changes, error)) {
        for (guint i = 0; i < changes->len; i++)
            file_change_discard(changes->pdata[i], store->state_dir);
        return FALSE;
    }

    store->unfinished = g_steal_pointer(&changes);
    if (!finish_files(store, &reason))
        g_warning("%s: it will be tried again", reason->message);
    catalog_settle(store->catalog, batch);
    set_last_sequence(store, journal_get_last_sequence(store->journal));
    return TRUE;
}

static void
run_commit(DaemonStore *store, GTask *task)
{
    Work *work = g_task_get_task_data(task);
    GError *error = NULL;

    if (commit(store, work->batch, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, error);
}

static void
return_list(GTask *task, GPtrArray *list, GError *error)
{
    if (list != NULL)
        g_task_return_pointer(task, list, (GDestroyNotify)g_ptr_array_unref);
    else
        g_task_return_error(task, error);
}

static void
run_list_events(DaemonStore *store, GTask *task)
{
    Work *work = g_task_get_task_data(task);
    GError *error = NULL;
    GPtrArray *events = NULL;

    if (ensure_loaded(store, &error))
        events = journal_list_events(store->journal, work->after, work->limit, &error);
    return_list(task, events, error);
}

static void
run_list_ended_jobs(DaemonStore *store, GTask *task)
{
    Work *work = g_task_get_task_data(task);
    GError *error = NULL;
    GPtrArray *jobs = NULL;

    if (ensure_loaded(store, &error))
        jobs = journal_list_ended_jobs(store->journal, work->limit, &error);
    return_list(task, jobs, error);
}

static void
on_work(gpointer data, gpointer user_data)
{
    g_autoptr(GTask) task = data;
    Work *work = g_task_get_task_data(task);

    work->run(user_data, task);
}

static GTask *
work_new(DaemonStore *store,
         void (*run)(DaemonStore *store, GTask *task),
         GAsyncReadyCallback callback,
         gpointer user_data,
         Work **ret_work)
{
    GTask *task = g_task_new(store, NULL, callback, user_data);
    Work *work = g_new0(Work, 1);

    work->run = run;
    g_task_set_task_data(task, work, g_free);
    *ret_work = work;
    return task;
}

/* Takes @task. */
static void
work_begin(DaemonStore *store, GTask *task)
{
    /* The worker's thread exists since the store does, so this cannot fail. */
    g_thread_pool_push(store->worker, task, NULL);
}

static void
daemon_store_commit_async(Store *base,
                          StoreBatch *batch,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    DaemonStore *store = VB_DAEMON_STORE(base);
    Work *work = NULL;
    GTask *task = work_new(store, run_commit, callback, user_data, &work);

    g_task_set_source_tag(task, daemon_store_commit_async);
    work->batch = batch;
    work_begin(store, task);
}

static gboolean
daemon_store_commit_finish(Store *base, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, daemon_store_commit_async), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

static void
daemon_store_load_async(Store *base, GAsyncReadyCallback callback, gpointer user_data)
{
    DaemonStore *store = VB_DAEMON_STORE(base);
    Work *work = NULL;
    GTask *task = work_new(store, run_load, callback, user_data, &work);

    g_task_set_source_tag(task, daemon_store_load_async);
    work_begin(store, task);
}

static StoreContents *
daemon_store_load_finish(Store *base, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, daemon_store_load_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
daemon_store_list_ended_jobs_async(Store *base,
                                   guint limit,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data)
{
    DaemonStore *store = VB_DAEMON_STORE(base);
    Work *work = NULL;
    GTask *task = work_new(store, run_list_ended_jobs, callback, user_data, &work);

    g_task_set_source_tag(task, daemon_store_list_ended_jobs_async);
    work->limit = limit;
    work_begin(store, task);
}

static GPtrArray *
daemon_store_list_ended_jobs_finish(Store *base, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, daemon_store_list_ended_jobs_async),
                         NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
daemon_store_list_events_async(DaemonStore *store,
                               guint64 after,
                               guint limit,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
    Work *work = NULL;
    GTask *task = work_new(store, run_list_events, callback, user_data, &work);

    g_task_set_source_tag(task, daemon_store_list_events_async);
    work->after = after;
    work->limit = limit;
    work_begin(store, task);
}

GPtrArray *
daemon_store_list_events_finish(DaemonStore *store, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, daemon_store_list_events_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

guint64
daemon_store_get_last_sequence(DaemonStore *store)
{
    return __atomic_load_n(&store->last_sequence, __ATOMIC_RELAXED);
}

DaemonStore *
daemon_store_new(const char *state_dir)
{
    DaemonStore *store = g_object_new(DAEMON_STORE_TYPE, NULL);

    store->state_dir = g_strdup(state_dir);
    store->catalog = catalog_new(state_dir);
    return store;
}

void
daemon_store_close(DaemonStore *store)
{
    if (store->worker == NULL)
        return;

    g_thread_pool_free(g_steal_pointer(&store->worker), FALSE, TRUE);
    g_clear_pointer(&store->journal, journal_free);
}

/* Each call holds a reference, so none is under way; the worker itself may be what drops the last
 * one, so it cannot be waited for. */
static void
daemon_store_finalize(GObject *object)
{
    DaemonStore *store = VB_DAEMON_STORE(object);

    if (store->worker != NULL)
        g_thread_pool_free(store->worker, FALSE, FALSE);
    journal_free(store->journal);
    catalog_free(store->catalog);
    g_clear_pointer(&store->unfinished, g_ptr_array_unref);
    g_free(store->state_dir);

    G_OBJECT_CLASS(daemon_store_parent_class)->finalize(object);
}

static void
daemon_store_iface_init(StoreInterface *iface)
{
    iface->commit_async = daemon_store_commit_async;
    iface->commit_finish = daemon_store_commit_finish;
    iface->load_async = daemon_store_load_async;
    iface->load_finish = daemon_store_load_finish;
    iface->list_ended_jobs_async = daemon_store_list_ended_jobs_async;
    iface->list_ended_jobs_finish = daemon_store_list_ended_jobs_finish;
}

static void
daemon_store_class_init(DaemonStoreClass *class)
{
    G_OBJECT_CLASS(class)->finalize = daemon_store_finalize;
}

static void
daemon_store_init(DaemonStore *store)
{
    store->worker = g_thread_pool_new(on_work, store, 1, TRUE, NULL);
}
