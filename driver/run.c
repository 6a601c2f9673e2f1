/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Running plans */

#include "driver/run.h"

#include "api/vblk-error.h"
#include "driver/chain-text.h"
#include "driver/run-private.h"
#include "qmp/value.h"

#define POLL_MS           500
#define MAX_REATTACHMENTS 3

Run *
run_ref(Run *run)
{
    g_atomic_ref_count_inc(&run->references);
    return run;
}

void
run_forget_signals(Run *run)
{
    g_clear_handle_id(&run->poll, g_source_remove);
    if (run->peer == NULL)
        return;

    g_clear_signal_handler(&run->event, run->peer->client);
    g_clear_signal_handler(&run->closed, run->peer->client);
}

void
run_drop_peer(Run *run)
{
    run_forget_signals(run);
    g_clear_pointer(&run->peer, peer_free);
}

void
run_unref(Run *run)
{
    if (!g_atomic_ref_count_dec(&run->references))
        return;

    run_drop_peer(run);
    plan_free(run->plan);
    chain_free(run->chain);
    g_ptr_array_unref(run->aborts);
    g_clear_pointer(&run->events, g_ptr_array_unref);
    domain_unref(run->domain);
    g_free(run->failure);
    g_free(run);
}

const Step *
run_get_step(const Run *run)
{
    return g_ptr_array_index(run->plan->steps, run->step);
}

void
run_tell_changed(Run *run)
{
    driver_tell_job(run->driver, "job-changed", run->domain, run->job);
}

/* A step that failed is undone by its plan. That ends the job, and the failure is its reason. */

static void
on_undone(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL)
        g_debug("job '%s': the step was not undone: %s", run->plan->job_id, error->message);
    run->is_waiting = TRUE;
    run_ask(run);
}

static void
undo_step(Run *run)
{
    run->is_waiting = FALSE;
    peer_call_async(
        run->peer, run->failed->undo_command, run->failed->undo_arguments, on_undone, run_ref(run));
}

static void
fail_step(Run *run, const char *reason)
{
    if (run_get_step(run)->undo_command == NULL) {
        run_finish(run, JOB_STATE_FAILED, reason);
        return;
    }

    run->failed = run_get_step(run);
    run->failure = g_strdup(reason);
    undo_step(run);
}

static void
next_step(Run *run)
{
    run->step++;
    run->is_waiting = FALSE;
    run_begin_step(run);
}

/* Status */

/* The words of QEMU for a job that was told to end, by whomever. */
static gboolean
is_cancelled_by_error(const char *error)
{
    return g_strcmp0(error, "Operation canceled") == 0;
}

static void
take_end(Run *run, const char *error)
{
    gboolean is_step_done = (run_get_step(run)->until & (1u << JOB_STATUS_CONCLUDED)) != 0;

    /* A command that was not answered may have been carried out all the same. */
    if (run->failed != NULL && run->is_finalized && error == NULL)
        run_judge_image(run, run->failure);
    else if (run->failed != NULL)
        run_finish(run, JOB_STATE_FAILED, run->failure);
    else if (run->is_cancelled && run->is_met_again && error == NULL)
        run_judge_image(run, "the job was cancelled");
    else if ((run->is_cancelled && !run->is_finalized) || is_cancelled_by_error(error))
        run_finish(run, JOB_STATE_CANCELLED, NULL);
    else if (error != NULL)
        run_finish(run, JOB_STATE_FAILED, error);
    else if (is_step_done)
        next_step(run);
    else if (run->is_resumed)
        run_judge_image(run, "the job was stopped while virtblockd did not see it");
    else
        run_finish(run, JOB_STATE_FAILED, "the job ended before all was copied");
}

/* What the peer's own status means for the step that waits for it. */
static void
take_status(Run *run, const char *error)
{
    JobStatus status = run->job->status;

    if (!run->is_waiting)
        return;

    if (status == JOB_STATUS_CONCLUDED) {
        run->is_waiting = FALSE;
        take_end(run, error);
        return;
    }

    run->is_resumed = FALSE;
    if (run->failed != NULL) {
        if (status == JOB_STATUS_PENDING)
            undo_step(run);
    } else if ((run_get_step(run)->until & (1u << status)) != 0) {
        next_step(run);
    }
}

static GVariant *
find_job(GVariant *jobs, const char *id)
{
    for (gsize i = 0; i < g_variant_n_children(jobs); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(jobs, i);
        g_autoptr(GVariant) job = g_variant_get_variant(boxed);
        const char *found;

        if (g_variant_is_of_type(job, G_VARIANT_TYPE_VARDICT) &&
            qmp_value_get_string(job, "id", &found, NULL) && g_str_equal(found, id))
            return g_steal_pointer(&job);
    }

    return NULL;
}

void
run_take_jobs(Run *run, GVariant *jobs)
{
    g_autoptr(GVariant) found = g_variant_is_of_type(jobs, G_VARIANT_TYPE("av"))
                                    ? find_job(jobs, run->plan->job_id)
                                    : NULL;
    const char *word = "";
    const char *error = NULL;
    guint64 current = 0, end = 0;
    JobStatus status;
    gboolean is_changed;

    if (found == NULL) {
        if (run->is_waiting) {
            run->is_waiting = FALSE;
            run_judge_image(run, "the process that ran the job does not know it");
        }
        return;
    }

    qmp_value_get_string(found, "status", &word, NULL);
    qmp_value_get_string(found, "error", &error, NULL);
    qmp_value_get_uint64(found, "current-progress", &current, NULL);
    qmp_value_get_uint64(found, "total-progress", &end, NULL);
    if (!job_status_parse(word, &status))
        return;

    is_changed = job_take_progress(run->job, current, end, g_get_real_time());
    is_changed = job_take_status(run->job, status, g_get_real_time()) || is_changed;
    if (is_changed)
        run_tell_changed(run);
    take_status(run, error);
}

static void
on_jobs(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) jobs = peer_call_finish(result, &error);

    run->is_querying = FALSE;
    if (run->is_ending)
        return;

    if (jobs != NULL)
        run_take_jobs(run, jobs);
    else
        g_debug("job '%s' cannot be asked for: %s", run->plan->job_id, error->message);
    if (run->is_outdated)
        run_ask(run);
}

void
run_ask(Run *run)
{
    if (run->is_querying || run->is_ending || run->peer == NULL)
        return;

    run->is_querying = TRUE;
    run->is_outdated = FALSE;
    peer_call_async(run->peer, "query-jobs", NULL, on_jobs, run_ref(run));
}

static gboolean
on_poll(gpointer user_data)
{
    run_ask(user_data);
    return G_SOURCE_CONTINUE;
}

/* A hint: what it says is asked for. A query that is under way may be older than the event; one
 * more follows it, however many events there were. */
static void
on_event(QmpClient *client, const char *name, GVariant *data, gint64 time_us, gpointer user_data)
{
    Run *run = user_data;
    const char *id = NULL;

    if (!g_str_equal(name, "JOB_STATUS_CHANGE") || !g_variant_lookup(data, "id", "&s", &id) ||
        !g_str_equal(id, run->plan->job_id))
        return;

    run->is_outdated = run->is_querying;
    run_ask(run);
}

/* The monitor */

static void on_peer_closed(QmpClient *client, GError *reason, gpointer user_data);

static void
take_peer(Run *run, Peer *peer)
{
    run->peer = peer;
    run->event = g_signal_connect(peer->client, "event", G_CALLBACK(on_event), run);
    run->closed = g_signal_connect(peer->client, "closed", G_CALLBACK(on_peer_closed), run);
    run->poll = g_timeout_add(POLL_MS, on_poll, run);
}

static void
on_cancelled_again(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    /* Refused where the job has ended; what it then is, the query tells. */
    if (value == NULL)
        g_debug("job '%s' is not cancelled again: %s", run->plan->job_id, error->message);
    run_ask(run);
}

/* The peer may never have got what was asked of it. */
static void
cancel_again(Run *run)
{
    run->is_cancelled = TRUE;
    peer_call_async(run->peer,
                    "job-cancel",
                    g_variant_new_parsed("{'id': <%s>}", run->plan->job_id),
                    on_cancelled_again,
                    run_ref(run));
}

/* What was under way is not known: the status that the job has now tells where to go on. */
static void
resume(Run *run)
{
    run->is_met_again = TRUE;
    run->step = 0;
    run->is_waiting = TRUE;
    run->is_held = FALSE;
    run->is_resumed = TRUE;
    if (run->job->state == JOB_STATE_CANCELLING)
        cancel_again(run);
    else
        run_ask(run);
}

typedef struct {
    Run *run;
    char *reason;
} Reattachment;

static void
reattachment_free(Reattachment *reattachment)
{
    run_unref(reattachment->run);
    g_free(reattachment->reason);
    g_free(reattachment);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reattachment, reattachment_free)

static void
on_reattached(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Reattachment) reattachment = user_data;
    Run *run = reattachment->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(Peer) peer = peer_finish(result, &error);

    if (run->is_ending)
        return;
    if (peer == NULL) {
        g_debug("job '%s': %s", run->plan->job_id, error->message);
        run_judge_image(run, reattachment->reason);
        return;
    }

    take_peer(run, g_steal_pointer(&peer));
    resume(run);
}

/* A monitor that was closed while its process lives is opened again. */
static void
on_peer_closed(QmpClient *client, GError *reason, gpointer user_data)
{
    g_autoptr(Run) run = run_ref(user_data);
    g_autofree char *socket_path = g_strdup(run->peer->socket_path);
    g_autoptr(Reattachment) reattachment = NULL;

    run_drop_peer(run);
    run->is_waiting = FALSE;
    run->is_querying = FALSE;
    if (run->is_ending || run->starting != NULL)
        return;

    reattachment = g_new0(Reattachment, 1);
    reattachment->run = run_ref(run);
    reattachment->reason = g_strdup_printf("qemu-shim (process %d) ended while the job ran",
                                           qmp_client_get_peer_pid(client));
    if (run->n_reattached++ < MAX_REATTACHMENTS) {
        peer_attach_async(socket_path, on_reattached, g_steal_pointer(&reattachment));
        return;
    }

    run_judge_image(run, reason->message);
}

/* Steps */

static void
answer_start(Run *run, GError *error)
{
    g_autoptr(GTask) task = g_steal_pointer(&run->starting);

    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, job_copy(run->job), (GDestroyNotify)job_free);
}

/* The very first command was refused: there is no job, and no end of one is told. */
static void
forget(Run *run, GError *error)
{
    StoreBatch *batch = store_batch_new();

    run->is_ending = TRUE;
    g_clear_handle_id(&run->poll, g_source_remove);
    run->job->message = g_strdup(error->message);
    job_transition(run->job, JOB_STATE_FAILED, g_get_real_time(), NULL);
    store_batch_put_job(batch, run->job);
    store_batch_delete_monitor(batch, run->job->id);
    store_commit_async(run->driver->store, batch, NULL, NULL);

    run->job = NULL;
    g_clear_pointer(&run->disk->job, job_free);
    run->disk->is_busy = FALSE;
    run->disk = NULL;
    answer_start(run, error);
    run_wind_down(run);
}

static void
on_step_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);
    const Step *step = run_get_step(run);

    if (run->is_ending)
        return;
    if (value == NULL && run->starting != NULL) {
        forget(run, g_steal_pointer(&error));
        return;
    }
    /* Whether the command was carried out is found by who is told that the monitor closed. */
    if (value == NULL && (run->peer == NULL || qmp_client_is_closed(run->peer->client)))
        return;
    if (value == NULL && !step->may_fail) {
        fail_step(run, error->message);
        return;
    }

    if (run->starting != NULL) {
        job_take_status(run->job, JOB_STATUS_RUNNING, g_get_real_time());
        driver_tell_job(run->driver, "job-added", run->domain, run->job);
        answer_start(run, NULL);
    }
    if (step->kind == STEP_JOB) {
        run->is_waiting = TRUE;
        run_ask(run);
    } else {
        next_step(run);
    }
}

void
run_begin_step(Run *run)
{
    const Step *step = run_get_step(run);

    if (step->kind == STEP_RECORD) {
        run_finish(run, JOB_STATE_COMPLETED, NULL);
        return;
    }
    if (run->peer == NULL)
        return;
    /* A job that is told to end gets no further command before that is settled. */
    if (run->is_cancelled && !run->is_finalized) {
        run->is_held = TRUE;
        run->is_waiting = TRUE;
        run_ask(run);
        return;
    }

    run->is_held = FALSE;
    run->is_waiting = FALSE;
    if (g_str_equal(step->command, "job-finalize"))
        run->is_finalized = TRUE;
    peer_step_async(run->peer, step, on_step_answered, run_ref(run));
}

static Run *
run_new(Driver *driver, RunParts *parts)
{
    Run *run = g_new0(Run, 1);

    g_atomic_ref_count_init(&run->references);
    run->driver = driver;
    run->domain = domain_ref(parts->domain);
    run->disk = parts->disk;
    run->disk->job = run->job = g_steal_pointer(&parts->job);
    run->plan = g_steal_pointer(&parts->plan);
    run->chain = g_steal_pointer(&parts->chain);
    run->aborts = g_ptr_array_new_with_free_func(g_object_unref);
    g_ptr_array_add(driver->runs, run);
    if (parts->peer != NULL)
        take_peer(run, g_steal_pointer(&parts->peer));
    return run;
}

static void
on_intent_stored(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (run->is_ending)
        return;
    if (events == NULL)
        forget(run, g_steal_pointer(&error));
    else if (run->peer == NULL)
        forget(run,
               g_error_new(
                   VBLK_ERROR, VBLK_ERROR_NO_CONNECTION, "qemu-shim ended before the job began"));
    else
        run_begin_step(run);
}

void
run_start_async(Driver *driver, RunParts *parts, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);
    Run *run = run_new(driver, parts);
    StoreBatch *batch = store_batch_new();
    g_autofree char *text = chain_to_text(run->chain);
    StoredMonitor monitor = {
        .job_id = run->job->id,
        .socket_path = run->peer->socket_path,
        .chain = text,
        .keeps_relative = run->plan->keeps_relative,
    };

    g_task_set_source_tag(task, run_start_async);
    run->starting = task;
    run->job->start_time_us = g_get_real_time();
    store_batch_put_job(batch, run->job);
    store_batch_put_monitor(batch, &monitor);
    store_commit_async(driver->store, batch, on_intent_stored, run_ref(run));
}

Job *
run_start_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, run_start_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

/* The step is found by what the peer says: it waits in the first one, and a job that is past
 * the end of that step goes on from there. */
void
run_resume(Driver *driver, RunParts *parts)
{
    Run *run = run_new(driver, parts);

    driver_tell_job(driver, "job-added", run->domain, run->job);
    resume(run);
}

void
run_judge(Driver *driver, RunParts *parts, const char *reason)
{
    Run *run = run_new(driver, parts);

    driver_tell_job(driver, "job-added", run->domain, run->job);
    run_judge_image(run, reason);
}

static void
detach(Run *run)
{
    g_autoptr(GPtrArray) waiting = g_steal_pointer(&run->aborts);

    run->aborts = g_ptr_array_new_with_free_func(g_object_unref);
    if (run->starting != NULL)
        g_ptr_array_add(waiting, g_steal_pointer(&run->starting));
    run->is_ending = TRUE;
    run->driver = NULL;
    run_drop_peer(run);
    for (guint i = 0; i < waiting->len; i++)
        g_task_return_new_error(g_ptr_array_index(waiting, i),
                                VBLK_ERROR,
                                VBLK_ERROR_CANCELLED,
                                "virtblockd stops; block job '%s' runs on",
                                run->plan->job_id);
}

void
run_detach_all(Driver *driver)
{
    /* Out of the list first: closing a monitor answers calls, which look at the list. */
    while (driver->runs->len > 0) {
        g_autoptr(Run) run = g_ptr_array_steal_index(driver->runs, driver->runs->len - 1);

        detach(run);
    }
}
