/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Jobs */

#include "qemu-shim/job/job.h"

#include <errno.h>
#include <string.h>

#include "api/vblk-error.h"

struct JobList {
    GPtrArray *jobs; /* of Job, owned, oldest first */
    const JobEvents *events;
    gpointer user_data;
};

/* From a job's thread to the main thread. */
typedef struct {
    Job *job; /* owned */
    void (*handle)(Job *job, gint64 value);
    gint64 value;
} Message;

static GThread *main_thread;

static gboolean
is_main_thread(void)
{
    return g_thread_self() == main_thread;
}

static Job *
job_ref(Job *job)
{
    g_atomic_ref_count_inc(&job->references);
    return job;
}

static void
job_unref(Job *job)
{
    if (!g_atomic_ref_count_dec(&job->references))
        return;

    g_mutex_clear(&job->lock);
    g_cond_clear(&job->wake);
    g_free(job->id);
    g_free(job->error);
    g_free(job);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Job, job_unref)

JobList *
job_list_new(const JobEvents *events, gpointer user_data)
{
    JobList *list = g_new0(JobList, 1);

    main_thread = g_thread_self();
    list->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_unref);
    list->events = events;
    list->user_data = user_data;
    return list;
}

void
job_list_free(JobList *list)
{
    if (list == NULL)
        return;

    g_assert(list->jobs->len == 0);
    g_ptr_array_unref(list->jobs);
    g_free(list);
}

GPtrArray *
job_list_get(JobList *list)
{
    GPtrArray *jobs = g_ptr_array_new();

    for (guint i = list->jobs->len; i > 0; i--)
        g_ptr_array_add(jobs, g_ptr_array_index(list->jobs, i - 1));
    return jobs;
}

Job *
job_list_find(JobList *list, const char *id)
{
    for (guint i = 0; i < list->jobs->len; i++) {
        Job *job = g_ptr_array_index(list->jobs, i);

        if (g_str_equal(job->id, id))
            return job;
    }

    return NULL;
}

static void
transition(Job *job, JobStatus to)
{
    g_assert(is_main_thread());
    g_assert(job_table_allows_transition(job->status, to));

    g_debug("job '%s': %s -> %s", job->id, job_status_name(job->status), job_status_name(to));
    job->status = to;
    job->list->events->on_status(job, job->list->user_data);
}

static gboolean
on_message(gpointer user_data)
{
    Message *message = user_data;

    message->handle(message->job, message->value);
    return G_SOURCE_REMOVE;
}

static void
message_free(Message *message)
{
    job_unref(message->job);
    g_free(message);
}

static void
tell_main(Job *job, void (*handle)(Job *job, gint64 value), gint64 value)
{
    Message *message = g_new0(Message, 1);

    message->job = job_ref(job);
    message->handle = handle;
    message->value = value;
    g_idle_add_full(G_PRIORITY_DEFAULT, on_message, message, (GDestroyNotify)message_free);
    /* cppcheck-suppress memleak ; the main loop has it */
}

static void
drop(Job *job)
{
    JobList *list = job->list;

    transition(job, JOB_STATUS_NULL);
    g_ptr_array_remove(list->jobs, job);
    if (list->jobs->len == 0)
        list->events->on_idle(list->user_data);
}

/* The end of every job, good or bad. */
static void
end(Job *job, gboolean is_cancelled)
{
    g_autoptr(Job) hold = job_ref(job);
    const JobEvents *events = job->list->events;

    job->type->clean(job);
    if (is_cancelled)
        events->on_cancelled(job, job->list->user_data);
    else
        events->on_completed(job, job->list->user_data);
    transition(job, JOB_STATUS_CONCLUDED);
    if (job->auto_dismiss)
        drop(job);
}

static void
abort_job(Job *job, int status, gboolean is_cancelled)
{
    job->error = g_strdup(g_strerror(is_cancelled ? ECANCELED : -status));
    transition(job, JOB_STATUS_ABORTING);
    end(job, is_cancelled);
}

static void
conclude(Job *job)
{
    int status = job->type->conclude(job);

    if (status < 0)
        abort_job(job, status, FALSE);
    else
        end(job, FALSE);
}

static void
on_run_ended(Job *job, gint64 value)
{
    gboolean is_cancelled;
    int status = (int)value;

    g_thread_join(g_steal_pointer(&job->thread));
    g_mutex_lock(&job->lock);
    is_cancelled = job->is_cancelled;
    job->is_busy = FALSE;
    g_mutex_unlock(&job->lock);

    /* A job ends from running; one that is cancelled while paused wakes up first. */
    if (job->status == JOB_STATUS_PAUSED)
        transition(job, JOB_STATUS_RUNNING);
    if (is_cancelled || status < 0) {
        abort_job(job, status, is_cancelled);
        return;
    }

    transition(job, JOB_STATUS_WAITING);
    transition(job, JOB_STATUS_PENDING);
    if (job->auto_finalize)
        conclude(job);
    else
        job->list->events->on_pending(job, job->list->user_data);
}

static gpointer
run_thread(gpointer user_data)
{
    g_autoptr(Job) job = user_data;
    int status = job_may_go_on(job) ? job->type->run(job) : 0;

    tell_main(job, on_run_ended, status);
    return NULL;
}

static gboolean
check_id(JobList *list, const char *id, GError **error)
{
    gboolean is_good = g_ascii_isalpha(id[0]) && strlen(id) < 256;

    for (const char *at = id; *at != '\0' && is_good; at++)
        is_good = g_ascii_isalnum(*at) || strchr("-._", *at) != NULL;
    if (!is_good) {
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "Invalid job ID '%s'", id);
        return FALSE;
    }
    if (job_list_find(list, id) != NULL) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "Job ID '%s' already in use", id);
        return FALSE;
    }
    if (list->jobs->len >= JOB_MAX_COUNT) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_LIMIT, "there are %d jobs already", JOB_MAX_COUNT);
        return FALSE;
    }

    return TRUE;
}

Job *
job_start(JobList *list,
          const JobType *type,
          const JobOptions *options,
          gpointer state,
          GError **error)
{
    Job *job;

    if (!check_id(list, options->id, error))
        return NULL;

    job = g_new0(Job, 1);
    g_atomic_ref_count_init(&job->references);
    g_mutex_init(&job->lock);
    g_cond_init(&job->wake);
    job->id = g_strdup(options->id);
    job->type = type;
    job->state = state;
    job->auto_finalize = options->auto_finalize;
    job->auto_dismiss = options->auto_dismiss;
    job->on_error = options->on_error;
    job->length = options->length;
    job->list = list;
    job->is_busy = TRUE;
    rate_limit_set_speed(&job->limit, options->speed_bps, g_get_monotonic_time());

    /* What the thread tells us is heard when the main loop runs again. */
    job->thread = g_thread_try_new("job", run_thread, job_ref(job), error);
    if (job->thread == NULL) {
        job_unref(job);
        job_unref(job);
        return NULL;
    }
    g_ptr_array_add(list->jobs, job);
    transition(job, JOB_STATUS_CREATED);
    transition(job, JOB_STATUS_RUNNING);
    return job;
}

gboolean
job_check_verb(Job *job, JobVerb verb, GError **error)
{
    if (job_table_allows_verb(verb, job->status))
        return TRUE;

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_OPERATION_INVALID,
                "Job '%s' in state '%s' cannot accept command verb '%s'",
                job->id,
                job_status_name(job->status),
                job_verb_name(verb));
    return FALSE;
}

static void
request_cancel(Job *job)
{
    g_mutex_lock(&job->lock);
    job->is_cancelled = TRUE;
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);

    /* Nothing runs any more that could see it. */
    if (job->status == JOB_STATUS_PENDING)
        abort_job(job, 0, TRUE);
}

gboolean
job_cancel(Job *job, GError **error)
{
    if (!job_check_verb(job, JOB_VERB_CANCEL, error))
        return FALSE;

    request_cancel(job);
    return TRUE;
}

void
job_list_cancel_all(JobList *list)
{
    g_autoptr(GPtrArray) jobs = job_list_get(list);

    for (guint i = 0; i < jobs->len; i++) {
        Job *job = g_ptr_array_index(jobs, i);

        job->auto_dismiss = TRUE;
        if (job->status == JOB_STATUS_CONCLUDED)
            drop(job);
        else
            request_cancel(job);
    }
}

gboolean
job_pause(Job *job, GError **error)
{
    gboolean was_paused;

    if (!job_check_verb(job, JOB_VERB_PAUSE, error))
        return FALSE;

    g_mutex_lock(&job->lock);
    was_paused = job->is_paused;
    job->is_paused = TRUE;
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);
    if (was_paused) {
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID, "Job is already paused");
        return FALSE;
    }

    return TRUE;
}

gboolean
job_resume(Job *job, GError **error)
{
    gboolean was_paused;

    g_mutex_lock(&job->lock);
    was_paused = job->is_paused;
    g_mutex_unlock(&job->lock);
    if (!was_paused) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "Can't resume a job that was not paused");
        return FALSE;
    }
    if (!job_check_verb(job, JOB_VERB_RESUME, error))
        return FALSE;

    g_mutex_lock(&job->lock);
    job->is_paused = FALSE;
    job->io_status = 0;
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);
    return TRUE;
}

gboolean
job_set_speed(Job *job, guint64 speed_bps, GError **error)
{
    if (!job_check_verb(job, JOB_VERB_SET_SPEED, error))
        return FALSE;

    g_mutex_lock(&job->lock);
    rate_limit_set_speed(&job->limit, speed_bps, g_get_monotonic_time());
    g_cond_signal(&job->wake);
    g_mutex_unlock(&job->lock);
    return TRUE;
}

gboolean
job_complete(Job *job, GError **error)
{
    if (!job_check_verb(job, JOB_VERB_COMPLETE, error))
        return FALSE;

    g_assert(job->type->complete != NULL); /* else it would not be ready */
    job->type->complete(job);
    return TRUE;
}

gboolean
job_finalize(Job *job, GError **error)
{
    if (!job_check_verb(job, JOB_VERB_FINALIZE, error))
        return FALSE;

    conclude(job);
    return TRUE;
}

gboolean
job_dismiss(Job *job, GError **error)
{
    if (!job_check_verb(job, JOB_VERB_DISMISS, error))
        return FALSE;

    drop(job);
    return TRUE;
}

static void
on_paused(Job *job, gint64 value)
{
    if (job->status == JOB_STATUS_RUNNING)
        transition(job, JOB_STATUS_PAUSED);
}

static void
on_resumed(Job *job, gint64 value)
{
    if (job->status == JOB_STATUS_PAUSED)
        transition(job, JOB_STATUS_RUNNING);
}

static void
wait_while_paused_locked(Job *job)
{
    tell_main(job, on_paused, 0);
    while (job->is_paused && !job->is_cancelled)
        g_cond_wait(&job->wake, &job->lock);
    tell_main(job, on_resumed, 0);
}

gboolean
job_may_go_on(Job *job)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&job->lock);

    job->is_busy = FALSE;
    while (!job->is_cancelled) {
        gint64 now_us = g_get_monotonic_time();
        gint64 delay_us = rate_limit_delay_us(&job->limit, now_us);

        if (job->is_paused)
            wait_while_paused_locked(job);
        else if (delay_us > 0)
            g_cond_wait_until(&job->wake, &job->lock, now_us + delay_us);
        else
            break;
    }
    job->is_busy = TRUE;

    return !job->is_cancelled;
}

gboolean
job_is_held(Job *job)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&job->lock);

    return job->is_paused || job->is_cancelled;
}

guint64
job_chunk(Job *job, guint64 most, guint64 unit)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&job->lock);

    return rate_limit_chunk(&job->limit, most, unit);
}

void
job_advance(Job *job, guint64 done, guint64 copied)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&job->lock);

    job->offset += done;
    rate_limit_account(&job->limit, copied, g_get_monotonic_time());
}

static const char *const actions[] = {"report", "ignore", "stop"};

/* value: the action, and whether it was a read. */
static void
on_io_error(Job *job, gint64 value)
{
    job->list->events->on_error(
        job, (value & 1) != 0 ? "read" : "write", actions[value >> 1], job->list->user_data);
}

static JobOnError
choose_action(JobOnError on_error, int status)
{
    if (on_error == JOB_ON_ERROR_ENOSPC)
        return status == -ENOSPC ? JOB_ON_ERROR_STOP : JOB_ON_ERROR_REPORT;
    return on_error;
}

gboolean
job_handle_error(Job *job, gboolean is_read, int *status)
{
    JobOnError action = choose_action(job->on_error, *status);
    gboolean is_stop = action == JOB_ON_ERROR_STOP;

    /* Who hears of the error may resume the job at once. */
    if (is_stop) {
        g_mutex_lock(&job->lock);
        job->is_paused = TRUE;
        job->io_status = -*status;
        g_mutex_unlock(&job->lock);
    }
    tell_main(job, on_io_error, ((gint64)action << 1) | (is_read ? 1 : 0));
    if (action == JOB_ON_ERROR_IGNORE)
        *status = 0;
    return is_stop;
}
