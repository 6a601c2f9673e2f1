/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Running plans */

#include "driver/run.h"

#include "api/vblk-error.h"
#include "driver/chain-text.h"
#include "driver/inspect.h"
#include "driver/run-private.h"
#include "qmp/value.h"

#define POLL_MS        500
#define STORE_RETRY_MS 2000

static void begin_step(Run *run);
static void finish(Run *run, JobState outcome, const char *message);

Run *
run_ref(Run *run)
{
    g_atomic_ref_count_inc(&run->references);
    return run;
}

static void
let_go_of_peer(Run *run)
{
    if (run->peer == NULL)
        return;

    g_clear_signal_handler(&run->event, run->peer->client);
    g_clear_signal_handler(&run->closed, run->peer->client);
}

void
run_unref(Run *run)
{
    if (!g_atomic_ref_count_dec(&run->references))
        return;

    let_go_of_peer(run);
    g_clear_pointer(&run->peer, peer_free);
    plan_free(run->plan);
    chain_free(run->chain);
    g_ptr_array_unref(run->aborts);
    domain_unref(run->domain);
    g_free(run);
}

static const Step *
current_step(const Run *run)
{
    return g_ptr_array_index(run->plan->steps, run->step);
}

void
run_tell_changed(Run *run)
{
    driver_tell_job(run->driver, "job-changed", run->domain, run->job);
}

/* The outcome */

static void
add_events(Run *run, StoreBatch *batch, JobOutcome outcome)
{
    const EventKind kinds[] = {EVENT_BLOCK_JOB, EVENT_BLOCK_JOB_2};
    const char *const disks[] = {run->job->source_path, run->job->target};

    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autoptr(Event)
            event = event_new(kinds[i], run->domain->name, run->domain->uuid, g_get_real_time());

        event->disk = g_strdup(disks[i]);
        event->job_id = g_strdup(run->job->id);
        event->job_type = run->job->type;
        event->outcome = outcome;
        event->message = g_strdup(run->job->message);
        store_batch_append_event(batch, event);
    }
}

static JobOutcome
outcome_of(JobState state)
{
    if (state == JOB_STATE_COMPLETED)
        return JOB_OUTCOME_COMPLETED;
    return state == JOB_STATE_CANCELLED ? JOB_OUTCOME_CANCELLED : JOB_OUTCOME_FAILED;
}

/* The definition after a job that was completed; NULL where it stays as it is. */
static DomainXml *
new_definition(Run *run)
{
    g_autoptr(GError) error = NULL;
    DomainXml *xml;

    if (run->job->state != JOB_STATE_COMPLETED || !run->disk->is_chain_in_xml)
        return NULL;

    xml = domain_definition_with_chain(run->domain, run->disk, run->plan->result, &error);
    if (xml == NULL)
        g_warning("domain '%s': the definition keeps the old chain of '%s': %s",
                  run->domain->name,
                  run->disk->target,
                  error->message);
    return xml;
}

static void
answer_aborts(Run *run)
{
    for (guint i = 0; i < run->aborts->len; i++)
        g_task_return_boolean(g_ptr_array_index(run->aborts, i), TRUE);
    g_ptr_array_set_size(run->aborts, 0);
}

static void
wind_down(Run *run)
{
    let_go_of_peer(run);
    if (run->peer != NULL)
        peer_quit(g_steal_pointer(&run->peer));
    if (g_ptr_array_remove(run->driver->runs, run))
        run_unref(run);
}

static void
apply_outcome(Run *run, DomainXml *definition, GPtrArray *events)
{
    g_autoptr(Job) job = g_steal_pointer(&run->disk->job);

    if (definition != NULL) {
        domain_xml_free(run->domain->definition);
        run->domain->definition = definition;
    }
    if (job->state == JOB_STATE_COMPLETED) {
        chain_free(run->disk->chain);
        run->disk->chain = chain_copy(run->plan->result);
        run->disk->is_chain_known = TRUE;
    }
    run->disk->is_busy = FALSE;

    driver_tell_domain(run->driver, "domain-changed", run->domain);
    driver_tell_job(run->driver, "job-ended", run->domain, job);
    driver_tell_events(run->driver, events);
    answer_aborts(run);
}

static void record(Run *run);

static gboolean
on_record_again(gpointer user_data)
{
    record(user_data);
    return G_SOURCE_REMOVE;
}

typedef struct {
    Run *run;
    DomainXml *definition; /* NULL: unchanged */
    GPtrArray *events;     /* NULL until they are stored */
} Recording;

static void
recording_free(Recording *recording)
{
    run_unref(recording->run);
    domain_xml_free(recording->definition);
    g_clear_pointer(&recording->events, g_ptr_array_unref);
    g_free(recording);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recording, recording_free)

/* Told when the images are free again: who waits for the end may start the machine at once. */
static void
on_peer_gone(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Recording) recording = user_data;

    apply_outcome(recording->run, g_steal_pointer(&recording->definition), recording->events);
    wind_down(recording->run);
}

static void
on_dismissed(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Recording *recording = user_data;
    Run *run = recording->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL)
        g_debug("job '%s' was not dismissed: %s", run->plan->job_id, error->message);
    let_go_of_peer(run);
    if (run->peer != NULL)
        peer_quit_async(g_steal_pointer(&run->peer), on_peer_gone, recording);
    else
        on_peer_gone(NULL, NULL, recording);
}

static void
on_recorded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Recording) recording = user_data;
    Run *run = recording->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    /* The job stays with its peer until its outcome is on disk, however long that takes. */
    if (events == NULL) {
        g_warning("the outcome of job '%s' cannot be stored yet: %s", run->job->id, error->message);
        g_timeout_add_full(G_PRIORITY_DEFAULT,
                           STORE_RETRY_MS,
                           on_record_again,
                           run_ref(run),
                           (GDestroyNotify)run_unref);
        return;
    }

    recording->events = g_steal_pointer(&events);
    if (run->peer != NULL)
        peer_call_async(run->peer,
                        "job-dismiss",
                        g_variant_new_parsed("{'id': <%s>}", run->plan->job_id),
                        on_dismissed,
                        g_steal_pointer(&recording));
    else
        on_peer_gone(NULL, NULL, g_steal_pointer(&recording));
}

static void
record(Run *run)
{
    StoreBatch *batch = store_batch_new();
    Recording *recording = g_new0(Recording, 1);

    recording->run = run_ref(run);
    recording->definition = new_definition(run);
    store_batch_put_job(batch, run->job);
    store_batch_delete_monitor(batch, run->job->id);
    add_events(run, batch, outcome_of(run->job->state));
    if (recording->definition != NULL) {
        g_autofree char *xml = domain_xml_format(recording->definition);

        store_batch_put_domain(batch, run->domain->uuid, run->domain->name, xml);
    }
    store_commit_async(run->driver->store, batch, on_recorded, recording);
}

static void
finish(Run *run, JobState outcome, const char *message)
{
    g_autoptr(GError) error = NULL;

    if (run->is_ending)
        return;

    run->is_ending = TRUE;
    g_clear_handle_id(&run->poll, g_source_remove);
    g_free(run->job->message);
    run->job->message = g_strdup(message);
    if (outcome == JOB_STATE_COMPLETED)
        run->job->current = run->job->end;
    if (!job_transition(run->job, outcome, g_get_real_time(), &error))
        g_error("%s", error->message); /* no end follows an end */
    record(run);
}

/* What the peer does not tell the image does. */

typedef struct {
    Run *run;
    Peer *peer;
    char *reason;
} Judgement;

static void
judgement_free(Judgement *judgement)
{
    run_unref(judgement->run);
    if (judgement->peer != NULL)
        peer_quit(judgement->peer);
    g_free(judgement->reason);
    g_free(judgement);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Judgement, judgement_free)

/* Whether the active layer stands on the base now: by its header, which changes last. */
static gboolean
is_pulled(Run *run, const Chain *found)
{
    const char *name = chain_active(found)->backing_name;
    g_autofree char *path = NULL;

    if (run->job->base_path == NULL || name == NULL)
        return run->job->base_path == NULL && name == NULL;

    path = chain_resolve_backing_path(chain_active(found), name);
    return g_strcmp0(path, run->job->base_path) == 0;
}

static void
on_judged(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Judgement) judgement = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Chain) found = inspect_chain_finish(result, &error);
    g_autofree char *message = NULL;

    if (found != NULL && is_pulled(judgement->run, found)) {
        finish(judgement->run, JOB_STATE_COMPLETED, NULL);
        return;
    }

    message = g_strdup_printf(
        "%s; the image '%s' keeps its backing file, and pulling again goes on "
        "where this ended",
        judgement->reason,
        judgement->run->job->source_path);
    finish(judgement->run, JOB_STATE_FAILED, message);
}

static void
on_judge_launched(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Judgement) judgement = user_data;
    Layer *active = chain_active(judgement->run->chain);
    g_autoptr(Chain) known = chain_new();
    g_autoptr(GError) error = NULL;

    judgement->peer = peer_finish(result, &error);
    if (judgement->peer == NULL) {
        g_autofree char *message = g_strdup_printf(
            "%s; the image could not be looked at: %s", judgement->reason, error->message);

        finish(judgement->run, JOB_STATE_FAILED, message);
        return;
    }

    chain_append(known, layer_copy(active), NULL);
    inspect_chain_async(judgement->peer, known, TRUE, 0, on_judged, judgement);
    g_steal_pointer(&judgement);
}

static void
judge(Run *run, const char *reason)
{
    Judgement *judgement = g_new0(Judgement, 1);
    g_autofree char *socket_path = driver_next_socket(run->driver, "judge");

    judgement->run = run_ref(run);
    judgement->reason = g_strdup(reason);
    peer_launch_async(
        run->driver->shim_path, run->domain->name, socket_path, on_judge_launched, judgement);
}

/* Steps */

static void
on_peer_closed(QmpClient *client, GError *reason, gpointer user_data)
{
    g_autoptr(Run) run = run_ref(user_data);
    g_autofree char *message = NULL;

    if (run->is_ending) {
        let_go_of_peer(run);
        g_clear_pointer(&run->peer, peer_free);
        return;
    }

    message = g_strdup_printf("qemu-shim (process %d) ended while the job ran",
                              qmp_client_get_peer_pid(client));
    g_clear_handle_id(&run->poll, g_source_remove);
    let_go_of_peer(run);
    g_clear_pointer(&run->peer, peer_free);
    if (run->starting == NULL)
        judge(run, message);
}

static void
on_undone(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL)
        g_debug("job '%s': the step was not undone: %s", run->plan->job_id, error->message);
    if (run->job != NULL && run->job->message != NULL) {
        g_autofree char *message = g_strdup(run->job->message);

        finish(run, JOB_STATE_FAILED, message);
    }
}

/* A step that failed is undone by its plan, then the job has failed. */
static void
fail_step(Run *run, const char *reason)
{
    const Step *step = current_step(run);

    if (step->undo_command == NULL || run->peer == NULL) {
        finish(run, JOB_STATE_FAILED, reason);
        return;
    }

    g_free(run->job->message);
    run->job->message = g_strdup(reason);
    peer_call_async(run->peer, step->undo_command, step->undo_arguments, on_undone, run_ref(run));
}

static void
next_step(Run *run)
{
    run->step++;
    run->is_waiting = FALSE;
    run->is_resumed = FALSE;
    begin_step(run);
}

/* What the peer's own status means for the step that waits for it. */
static void
judge_status(Run *run, const char *error)
{
    JobStatus status = run->job->status;

    if (!run->is_waiting || run->is_ending)
        return;

    /* It was told to end while we were away: by us, or by somebody else. */
    if (status == JOB_STATUS_CONCLUDED && run->is_resumed && error == NULL) {
        run->is_waiting = FALSE;
        judge(run, "the job was stopped while virtblockd was away");
        return;
    }

    /* QEMU gives a cancelled job an error that says so. */
    if (status == JOB_STATUS_CONCLUDED && run->is_cancelled && !run->is_finalized)
        finish(run, JOB_STATE_CANCELLED, NULL);
    else if (status == JOB_STATUS_CONCLUDED && error != NULL)
        finish(run, JOB_STATE_FAILED, error);
    else if ((current_step(run)->until & (1u << status)) != 0)
        next_step(run);
    else if (status == JOB_STATUS_CONCLUDED)
        finish(run,
               run->is_cancelled ? JOB_STATE_CANCELLED : JOB_STATE_FAILED,
               run->is_cancelled ? NULL : "the job ended before all was copied");
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
        if (run->is_waiting)
            finish(run, JOB_STATE_FAILED, "the process that ran the job does not know it");
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
    judge_status(run, error);
}

static void
on_jobs(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) jobs = peer_call_finish(result, &error);

    run->is_querying = FALSE;
    if (jobs != NULL && !run->is_ending)
        run_take_jobs(run, jobs);
    else if (error != NULL)
        g_debug("job '%s' cannot be asked for: %s", run->plan->job_id, error->message);
}

void
run_ask(Run *run)
{
    if (run->is_querying || run->is_ending || run->peer == NULL)
        return;

    run->is_querying = TRUE;
    peer_call_async(run->peer, "query-jobs", NULL, on_jobs, run_ref(run));
}

static gboolean
on_poll(gpointer user_data)
{
    run_ask(user_data);
    return G_SOURCE_CONTINUE;
}

/* A hint: what it says is asked for. A query that is under way may be older than the event. */
static void
on_event(QmpClient *client, const char *name, GVariant *data, gint64 time_us, gpointer user_data)
{
    Run *run = user_data;
    const char *id = NULL;

    if (!g_str_equal(name, "JOB_STATUS_CHANGE") || !g_variant_lookup(data, "id", "&s", &id) ||
        !g_str_equal(id, run->plan->job_id))
        return;

    run->is_querying = FALSE;
    run_ask(run);
}

static void
answer_start(Run *run, GError *error)
{
    g_autoptr(GTask) task = g_steal_pointer(&run->starting);

    if (task == NULL)
        return;
    if (error != NULL)
        g_task_return_error(task, error);
    else
        g_task_return_pointer(task, job_copy(run->job), (GDestroyNotify)job_free);
}

/* The very first command was refused: there is no job, and there will be no record of one. */
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

    g_clear_pointer(&run->disk->job, job_free);
    run->job = NULL;
    run->disk->is_busy = FALSE;
    answer_start(run, error);
    wind_down(run);
}

static void
on_step_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);
    const Step *step = current_step(run);

    if (run->is_ending)
        return;
    if (value == NULL && run->starting != NULL) {
        forget(run, g_steal_pointer(&error));
        return;
    }
    if (value == NULL && run->peer == NULL)
        return; /* the end of the peer is told elsewhere */
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

static void
begin_step(Run *run)
{
    const Step *step = current_step(run);

    if (step->kind == STEP_RECORD) {
        finish(run, JOB_STATE_COMPLETED, NULL);
        return;
    }
    if (run->peer == NULL)
        return;

    if (g_str_equal(step->command, "job-finalize"))
        run->is_finalized = TRUE;
    peer_call_async(run->peer, step->command, step->arguments, on_step_answered, run_ref(run));
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
    run->peer = g_steal_pointer(&parts->peer);
    run->aborts = g_ptr_array_new_with_free_func(g_object_unref);
    g_ptr_array_add(driver->runs, run);

    if (run->peer != NULL) {
        run->event = g_signal_connect(run->peer->client, "event", G_CALLBACK(on_event), run);
        run->closed = g_signal_connect(
            run->peer->client, "closed", G_CALLBACK(on_peer_closed), run);
        run->poll = g_timeout_add(POLL_MS, on_poll, run);
    }
    return run;
}

static void
on_intent_stored(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (events == NULL) {
        forget(run, g_steal_pointer(&error));
        return;
    }
    if (run->peer == NULL) {
        forget(run,
               g_error_new(
                   VBLK_ERROR, VBLK_ERROR_NO_CONNECTION, "qemu-shim ended before the job began"));
        return;
    }

    begin_step(run);
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

    run->is_waiting = TRUE;
    run->is_resumed = TRUE;
    driver_tell_job(driver, "job-added", run->domain, run->job);
    run_ask(run);
}

void
run_judge(Driver *driver, RunParts *parts, const char *reason)
{
    Run *run = run_new(driver, parts);

    driver_tell_job(driver, "job-added", run->domain, run->job);
    judge(run, reason);
}

void
run_detach_all(Driver *driver)
{
    /* Out of the list first: closing a monitor answers calls, which look at the list. */
    while (driver->runs->len > 0) {
        Run *run = g_ptr_array_steal_index(driver->runs, driver->runs->len - 1);

        run->is_ending = TRUE;
        g_clear_handle_id(&run->poll, g_source_remove);
        let_go_of_peer(run);
        g_clear_pointer(&run->peer, peer_free);
        run_unref(run);
    }
}
