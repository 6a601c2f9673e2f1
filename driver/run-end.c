/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Ends of runs */

#include "api/vblk-error.h"
#include "driver/inspect.h"
#include "driver/run-private.h"
#include "driver/turn.h"

#define STORE_RETRY_MS 2000

void
run_wind_down(Run *run)
{
    if (run->driver == NULL)
        return;

    if (run->peer != NULL) {
        run_forget_signals(run);
        peer_quit(g_steal_pointer(&run->peer));
    }
    if (g_ptr_array_remove(run->driver->runs, run))
        run_unref(run);
}

/* Recording */

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
    g_autoptr(GPtrArray) aborts = g_steal_pointer(&run->aborts);

    run->aborts = g_ptr_array_new_with_free_func(g_object_unref);
    for (guint i = 0; i < aborts->len; i++)
        g_task_return_boolean(g_ptr_array_index(aborts, i), TRUE);
}

/* What the job has changed. That it has ended is told when its images are free. */
static void
apply_outcome(Run *run, DomainXml *definition)
{
    if (definition != NULL) {
        domain_xml_free(run->domain->definition);
        run->domain->definition = definition;
    }
    if (run->job->state == JOB_STATE_COMPLETED) {
        chain_free(run->disk->chain);
        run->disk->chain = chain_copy(run->plan->result);
        run->disk->is_chain_known = TRUE;
    }
}

static void
tell_outcome(Run *run)
{
    g_autoptr(Job) job = g_steal_pointer(&run->disk->job);

    run->job = NULL;
    run->disk->is_busy = FALSE;
    run->disk = NULL;

    driver_tell_domain(run->driver, "domain-changed", run->domain);
    driver_tell_job(run->driver, "job-ended", run->domain, job);
    driver_tell_events(run->driver, run->events);
    answer_aborts(run);
}

static void
on_peer_left(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;

    peer_quit_finish(result);
    if (run->driver == NULL)
        return;

    tell_outcome(run);
    run_wind_down(run);
}

/* The steps that follow the record. Nothing that fails here changes the outcome. */

static void clean_up(Run *run);

static void
on_cleaned_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Run) run = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL)
        g_debug("job '%s': '%s' after its end: %s",
                run->plan->job_id,
                run_get_step(run)->command,
                error->message);
    clean_up(run);
}

static void
clean_up(Run *run)
{
    run->step++;
    if (run->driver == NULL)
        return;

    if (run->peer == NULL) {
        tell_outcome(run);
        run_wind_down(run);
    } else if (run->step < run->plan->steps->len) {
        peer_step_async(run->peer, run_get_step(run), on_cleaned_up, run_ref(run));
    } else {
        run_forget_signals(run);
        peer_quit_async(g_steal_pointer(&run->peer), on_peer_left, run_ref(run));
    }
}

/* A job that came to nothing is dismissed; its nodes go with the peer. */
static void
begin_clean_up(Run *run)
{
    run->step = 0;
    while (run_get_step(run)->kind != STEP_RECORD)
        run->step++;
    if (run->job->state != JOB_STATE_COMPLETED)
        g_ptr_array_set_size(run->plan->steps, (gint)run->step + 2);
    clean_up(run);
}

static void record(gpointer user_data);

static gboolean
on_record_again(gpointer user_data)
{
    Run *run = user_data;

    turn_enter(run->domain, record, run_ref(run));
    return G_SOURCE_REMOVE;
}

typedef struct {
    Run *run;
    DomainXml *definition; /* NULL: unchanged */
} Recording;

static void
recording_free(Recording *recording)
{
    turn_leave(recording->run->domain);
    run_unref(recording->run);
    domain_xml_free(recording->definition);
    g_free(recording);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Recording, recording_free)

static void
on_recorded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Recording) recording = user_data;
    Run *run = recording->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (run->driver == NULL)
        return;

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

    apply_outcome(run, g_steal_pointer(&recording->definition));
    run->events = g_steal_pointer(&events);
    begin_clean_up(run);
}

static void
record(gpointer user_data)
{
    g_autoptr(Recording) recording = g_new0(Recording, 1);
    Run *run = recording->run = user_data;
    StoreBatch *batch;

    if (run->driver == NULL)
        return;

    batch = store_batch_new();
    recording->definition = new_definition(run);
    store_batch_put_job(batch, run->job);
    store_batch_delete_monitor(batch, run->job->id);
    add_events(run, batch, outcome_of(run->job->state));
    if (recording->definition != NULL) {
        g_autofree char *xml = domain_xml_format(recording->definition);

        store_batch_put_domain(batch, run->domain->uuid, run->domain->name, xml);
    }
    store_commit_async(run->driver->store, batch, on_recorded, g_steal_pointer(&recording));
}

void
run_finish(Run *run, JobState outcome, const char *message)
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
        g_critical("job '%s': %s", run->job->id, error->message); /* no end follows an end */
    turn_enter(run->domain, record, run_ref(run));
}

/* Judging */

typedef struct {
    Run *run;
    Peer *peer; /* NULL until it was started */
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
    return g_strcmp0(path, run->job->base_path) == 0 ||
           g_strcmp0(name, chain_active(run->plan->result)->backing_name) == 0;
}

static void
on_judged(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Judgement) judgement = user_data;
    Run *run = judgement->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(Chain) found = inspect_chain_finish(result, &error);
    g_autofree char *message = NULL;

    if (run->is_ending)
        return;
    if (found != NULL && is_pulled(run, found)) {
        run_finish(run, JOB_STATE_COMPLETED, NULL);
        return;
    }
    if (found != NULL && run->job->state == JOB_STATE_CANCELLING) {
        run_finish(run, JOB_STATE_CANCELLED, NULL);
        return;
    }

    if (found == NULL)
        message = g_strdup_printf("%s: %s", judgement->reason, error->message);
    else
        message = g_strdup_printf("%s; the image '%s' keeps its backing file, and pulling again "
                                  "goes on where this ended",
                                  judgement->reason,
                                  run->job->source_path);
    run_finish(run, JOB_STATE_FAILED, message);
}

static void
on_judge_launched(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Judgement) judgement = user_data;
    Run *run = judgement->run;
    g_autoptr(Chain) known = chain_new();
    g_autoptr(GError) error = NULL;

    judgement->peer = peer_finish(result, &error);
    if (run->is_ending)
        return;
    if (judgement->peer == NULL) {
        g_autofree char *message = g_strdup_printf(
            "%s; the image could not be looked at: %s", judgement->reason, error->message);

        run_finish(run, JOB_STATE_FAILED, message);
        return;
    }

    chain_append(known, layer_copy(chain_active(run->chain)), NULL);
    inspect_chain_async(judgement->peer, known, TRUE, 0, on_judged, judgement);
    g_steal_pointer(&judgement);
}

void
run_judge_image(Run *run, const char *reason)
{
    Judgement *judgement = g_new0(Judgement, 1);
    g_autofree char *socket_path = driver_next_socket(run->driver, "judge");

    judgement->run = run_ref(run);
    judgement->reason = g_strdup(reason);
    peer_launch_async(
        run->driver->shim_path, run->domain->name, socket_path, on_judge_launched, judgement);
}
