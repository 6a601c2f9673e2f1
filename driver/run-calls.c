/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls on runs */

#include "api/vblk-error.h"
#include "driver/run-private.h"
#include "driver/run.h"

Run *
run_find(Driver *driver, const char *job_id)
{
    for (guint i = 0; i < driver->runs->len; i++) {
        Run *run = g_ptr_array_index(driver->runs, i);

        if (g_strcmp0(run->plan->job_id, job_id) == 0)
            return run;
    }

    return NULL;
}

Job *
run_get_job(Run *run)
{
    return run->job;
}

static gboolean
check_alive(Run *run, GTask *task)
{
    if (run->peer != NULL && !run->is_ending && run->starting == NULL)
        return TRUE;

    g_task_return_new_error(task,
                            VBLK_ERROR,
                            VBLK_ERROR_OPERATION_INVALID,
                            "block job '%s' is still being %s",
                            run->plan->job_id,
                            run->starting != NULL ? "started" : "ended");
    return FALSE;
}

typedef struct {
    Run *run;
    gboolean waits;
} Abort;

static void
abort_free(Abort *data)
{
    run_unref(data->run);
    g_free(data);
}

static void
on_abort_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Abort *data = g_task_get_task_data(task);
    Run *run = data->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL && !run->is_ending) {
        /* Another abort may have been accepted before. */
        run->is_cancelled = run->is_cancel_accepted;
        if (run->is_held && !run->is_cancelled)
            run_begin_step(run);
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    run->is_cancel_accepted = TRUE;
    if (data->waits && run->driver != NULL && run->job != NULL)
        g_ptr_array_add(run->aborts, g_object_ref(task));
    else
        g_task_return_boolean(task, TRUE);
    run_ask(run);
}

/* The job may have ended, or lost its monitor, while the wish was written down. */
static void
on_abort_stored(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Abort *data = g_task_get_task_data(task);
    Run *run = data->run;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (events == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    if (!check_alive(run, task))
        return;

    run->is_cancelled = TRUE;
    if (job_transition(run->job, JOB_STATE_CANCELLING, g_get_real_time(), NULL))
        run_tell_changed(run);
    peer_call_async(run->peer,
                    "job-cancel",
                    g_variant_new_parsed("{'id': <%s>}", run->plan->job_id),
                    on_abort_answered,
                    g_steal_pointer(&task));
}

/* That the job is to end is on disk before the peer is told: whoever takes it up goes on. */
void
run_abort_async(Run *run, gboolean waits, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    Abort *data = g_new0(Abort, 1);
    g_autoptr(Job) intent = NULL;
    StoreBatch *batch;

    g_task_set_source_tag(task, run_abort_async);
    data->run = run_ref(run);
    data->waits = waits;
    g_task_set_task_data(task, data, (GDestroyNotify)abort_free);
    if (!check_alive(run, task))
        return;

    batch = store_batch_new();
    intent = job_copy(run->job);
    job_transition(intent, JOB_STATE_CANCELLING, g_get_real_time(), NULL);
    store_batch_put_job(batch, intent);
    store_commit_async(run->driver->store, batch, on_abort_stored, g_steal_pointer(&task));
}

gboolean
run_abort_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, run_abort_async), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

static void
on_command_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    run_ask(g_task_get_task_data(task));
    g_task_return_boolean(task, TRUE);
}

void
run_command_async(Run *run,
                  const char *command,
                  const char *id_member,
                  GVariantDict *arguments,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    g_autoptr(GVariant) owned = NULL;

    g_task_set_source_tag(task, run_command_async);
    g_task_set_task_data(task, run_ref(run), (GDestroyNotify)run_unref);
    g_variant_dict_insert(arguments, id_member, "s", run->plan->job_id);
    owned = g_variant_ref_sink(g_variant_dict_end(arguments));
    if (check_alive(run, task))
        peer_call_async(run->peer, command, owned, on_command_answered, g_steal_pointer(&task));
}

gboolean
run_command_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, run_command_async), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

/* What is known of the job now: nothing once it has ended. */
static void
answer_query(GTask *task)
{
    Run *run = g_task_get_task_data(task);
    Job *job = run->job != NULL ? job_copy(run->job) : NULL;

    g_task_return_pointer(task, job, (GDestroyNotify)job_free);
}

static void
on_queried(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Run *run = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) jobs = peer_call_finish(result, &error);

    if (jobs == NULL)
        g_debug("job '%s' cannot be asked for: %s", run->plan->job_id, error->message);
    else if (!run->is_ending)
        run_take_jobs(run, jobs);
    answer_query(task);
}

void
run_query_async(Run *run, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);

    g_task_set_source_tag(task, run_query_async);
    g_task_set_task_data(task, run_ref(run), (GDestroyNotify)run_unref);
    if (run->peer == NULL || run->is_ending)
        answer_query(task);
    else
        peer_call_async(run->peer, "query-jobs", NULL, on_queried, g_steal_pointer(&task));
}

Job *
run_query_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, run_query_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
