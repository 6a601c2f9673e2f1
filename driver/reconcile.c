/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Taking up */

#include "driver/reconcile.h"

#include "api/vblk-error.h"
#include "driver/chain-text.h"
#include "driver/run.h"

/* One job that is being taken up; the whole ends with the last of them. */
typedef struct {
    GTask *task; /* of the whole, owned */
    RunParts parts;
} Takeup;

/* Task data of the whole. */
typedef struct {
    StoreContents *contents;
    guint n_left;
} Whole;

static void
whole_free(Whole *whole)
{
    store_contents_free(whole->contents);
    g_free(whole);
}

static void
one_less(GTask *task)
{
    Whole *whole = g_task_get_task_data(task);

    if (--whole->n_left == 0)
        g_task_return_boolean(task, TRUE);
}

static void
takeup_free(Takeup *takeup)
{
    one_less(takeup->task);
    g_object_unref(takeup->task);
    job_free(takeup->parts.job);
    plan_free(takeup->parts.plan);
    chain_free(takeup->parts.chain);
    g_free(takeup);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Takeup, takeup_free)

static void
on_attached(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Takeup) takeup = user_data;
    Driver *driver = g_task_get_source_object(takeup->task);
    g_autoptr(GError) error = NULL;

    takeup->parts.peer = peer_finish(result, &error);
    if (takeup->parts.peer != NULL) {
        run_resume(driver, &takeup->parts);
        return;
    }

    g_debug("job '%s': %s", takeup->parts.job->id, error->message);
    run_judge(driver, &takeup->parts, "qemu-shim ended while virtblockd was away");
}

/* The plan is what it was: pure functions of what was stored. */
static Plan *
plan_again(const Job *job, const StoredMonitor *monitor, const Chain *chain, GError **error)
{
    PeerCapabilities capabilities = {TRUE, TRUE, TRUE, TRUE};
    PullRequest request = {
        .job_id = job->id,
        .target = job->target,
        .base = G_MAXUINT,
        .keeps_relative = monitor->keeps_relative,
        .bandwidth_bps = job->bandwidth_bps,
    };

    if (job->base_path != NULL &&
        !chain_find(chain, job->target, job->base_path, &request.base, error))
        return NULL;
    return plan_pull(&request, chain, &capabilities, error);
}

static const StoredMonitor *
find_monitor(const StoreContents *contents, const char *job_id)
{
    for (guint i = 0; i < contents->monitors->len; i++) {
        const StoredMonitor *monitor = g_ptr_array_index(contents->monitors, i);

        if (g_strcmp0(monitor->job_id, job_id) == 0)
            return monitor;
    }

    return NULL;
}

/* A job whose record makes no sense any more ends in the store alone, and its event with it. */
static void
give_up(Driver *driver, const Job *job, const char *reason)
{
    g_autoptr(Job) ended = job_copy(job);
    g_autoptr(Event)
        event = event_new(EVENT_BLOCK_JOB_2, job->domain_name, job->domain_uuid, g_get_real_time());
    StoreBatch *batch = store_batch_new();

    g_warning("job '%s' cannot be taken up: %s", job->id, reason);
    g_free(ended->message);
    ended->message = g_strdup(reason);
    job_transition(ended, JOB_STATE_FAILED, g_get_real_time(), NULL);
    event->disk = g_strdup(job->target);
    event->job_id = g_strdup(job->id);
    event->job_type = job->type;
    event->outcome = JOB_OUTCOME_FAILED;
    event->message = g_strdup(reason);
    store_batch_put_job(batch, ended);
    store_batch_delete_monitor(batch, job->id);
    store_batch_append_event(batch, event);
    store_commit_async(driver->store, batch, NULL, NULL);
}

static void
take_up(GTask *task, const StoreContents *contents, const Job *job)
{
    Driver *driver = g_task_get_source_object(task);
    const StoredMonitor *monitor = find_monitor(contents, job->id);
    Domain *domain = g_hash_table_lookup(driver->domains, job->domain_uuid);
    Disk *disk = domain != NULL ? domain_get_disk_by_target(domain, job->target) : NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(Takeup) takeup = g_new0(Takeup, 1);

    takeup->task = g_object_ref(task);
    if (monitor == NULL || disk == NULL) {
        give_up(driver, job, "its disk or its monitor is not known any more");
        return;
    }
    if (disk->is_busy) {
        give_up(driver, job, "another job is recorded for the same disk");
        return;
    }

    takeup->parts.domain = domain;
    takeup->parts.disk = disk;
    takeup->parts.job = job_copy(job);
    takeup->parts.chain = chain_from_text(monitor->chain, &error);
    if (takeup->parts.chain != NULL)
        takeup->parts.plan = plan_again(job, monitor, takeup->parts.chain, &error);
    if (takeup->parts.plan == NULL) {
        give_up(driver, job, error->message);
        return;
    }

    disk->is_busy = TRUE;
    chain_free(disk->chain);
    disk->chain = chain_copy(takeup->parts.chain);
    disk->is_chain_known = TRUE;
    peer_attach_async(monitor->socket_path, on_attached, g_steal_pointer(&takeup));
}

void
reconcile_async(Driver *driver,
                StoreContents *contents,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, NULL, callback, user_data);
    Whole *whole = g_new0(Whole, 1);

    g_task_set_source_tag(task, reconcile_async);
    whole->contents = contents;
    whole->n_left = contents->jobs->len + 1;
    g_task_set_task_data(task, whole, (GDestroyNotify)whole_free);
    for (guint i = 0; i < contents->jobs->len; i++)
        take_up(task, contents, g_ptr_array_index(contents->jobs, i));
    one_less(task);
}

void
reconcile_finish(GAsyncResult *result)
{
    g_return_if_fail(g_async_result_is_tagged(result, reconcile_async));

    g_task_propagate_boolean(G_TASK(result), NULL);
}
