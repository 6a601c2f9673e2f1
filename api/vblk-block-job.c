/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public jobs */

#include "api/vblk-block-job.h"

#include "api/vblk-block-job-private.h"
#include "api/vblk-properties.h"

#define INTERFACE   "org.virtblock1.BlockJob"
#define JOBS_FOLDER VBLK_ROOT_PATH "/jobs/"

struct _VblkBlockJob {
    GObject parent;

    VblkLink *link;
    char *path;
    char *id;
    GVariant *properties;
    guint changes; /* subscriptions, 0: none */
    guint completion;
};

G_DEFINE_FINAL_TYPE(VblkBlockJob, vblk_block_job, G_TYPE_OBJECT)

enum {
    SIGNAL_CHANGED,
    SIGNAL_ENDED,
    N_SIGNALS,
};

static guint signals[N_SIGNALS];

static void
stop_following(VblkBlockJob *job)
{
    if (job->changes != 0)
        vblk_link_unsubscribe(job->link, job->changes);
    if (job->completion != 0)
        vblk_link_unsubscribe(job->link, job->completion);
    job->changes = job->completion = 0;
}

static void
on_changed(GDBusConnection *bus,
           const char *sender,
           const char *path,
           const char *interface,
           const char *signal,
           GVariant *parameters,
           gpointer user_data)
{
    VblkBlockJob *job = user_data;
    g_autoptr(GVariant) changed = NULL;

    g_variant_get(parameters, "(&s@a{sv}@as)", NULL, &changed, NULL);
    job->properties = vblk_properties_merge(job->properties, changed);
    g_signal_emit(job, signals[SIGNAL_CHANGED], 0);
}

static void
on_completed(GDBusConnection *bus,
             const char *sender,
             const char *path,
             const char *interface,
             const char *signal,
             GVariant *parameters,
             gpointer user_data)
{
    g_autoptr(VblkBlockJob) job = g_object_ref(user_data);

    stop_following(job);
    g_signal_emit(job, signals[SIGNAL_ENDED], 0);
}

GObject *
vblk_block_job_build(VblkLink *link, const char *path, GVariant *properties)
{
    VblkBlockJob *job = g_object_new(VBLK_TYPE_BLOCK_JOB, NULL);

    job->link = g_object_ref(link);
    job->path = g_strdup(path);
    job->id = g_strdup(vblk_properties_get_string(properties, "Id"));
    job->properties = g_variant_ref(properties);
    if (!vblk_block_job_is_ended(job)) {
        job->changes = vblk_link_subscribe(
            link, "org.freedesktop.DBus.Properties", "PropertiesChanged", path, on_changed, job);
        job->completion = vblk_link_subscribe(
            link, INTERFACE, "Completed", path, on_completed, job);
    }

    return G_OBJECT(job);
}

VblkBlockJob *
vblk_block_job_build_listed(VblkLink *link, GVariant *properties)
{
    const char *id = vblk_properties_get_string(properties, "Id");
    g_autofree char *name = vblk_block_job_escape_id(id != NULL ? id : "");
    g_autofree char *path = g_strconcat(JOBS_FOLDER, name, NULL);

    return VBLK_BLOCK_JOB(vblk_block_job_build(link, path, properties));
}

const char *
vblk_block_job_get_id(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), NULL);

    return job->id;
}

const char *
vblk_block_job_get_domain_name(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), NULL);

    return vblk_properties_get_string(job->properties, "DomainName");
}

const char *
vblk_block_job_get_disk(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), NULL);

    return vblk_properties_get_string(job->properties, "Disk");
}

VblkBlockJobType
vblk_block_job_get_job_type(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), VBLK_BLOCK_JOB_UNKNOWN);

    return (VblkBlockJobType)vblk_properties_get_int(job->properties, "Type", 0);
}

const char *
vblk_block_job_get_operation(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), NULL);

    return vblk_properties_get_string(job->properties, "Operation");
}

const char *
vblk_block_job_get_state(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), NULL);

    return vblk_properties_get_string(job->properties, "State");
}

const char *
vblk_block_job_get_base(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), NULL);

    return vblk_properties_get_string(job->properties, "Base");
}

guint64
vblk_block_job_get_current(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return vblk_properties_get_uint64(job->properties, "Current");
}

guint64
vblk_block_job_get_end(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return vblk_properties_get_uint64(job->properties, "End");
}

double
vblk_block_job_get_progress(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return vblk_properties_get_double(job->properties, "Progress");
}

guint64
vblk_block_job_get_rate(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return vblk_properties_get_uint64(job->properties, "Rate");
}

guint64
vblk_block_job_get_bandwidth(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return vblk_properties_get_uint64(job->properties, "Bandwidth");
}

gint64
vblk_block_job_get_start_time(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return (gint64)vblk_properties_get_uint64(job->properties, "StartTime");
}

gint64
vblk_block_job_get_end_time(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return (gint64)vblk_properties_get_uint64(job->properties, "EndTime");
}

gint64
vblk_block_job_get_expected_end_time(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), 0);

    return (gint64)vblk_properties_get_uint64(job->properties, "ExpectedEndTime");
}

const char *
vblk_block_job_get_error(VblkBlockJob *job)
{
    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), NULL);

    return vblk_properties_get_string(job->properties, "Error");
}

gboolean
vblk_block_job_is_ended(VblkBlockJob *job)
{
    static const char *const ends[] = {"completed", "failed", "cancelled", NULL};
    const char *state;

    g_return_val_if_fail(VBLK_IS_BLOCK_JOB(job), TRUE);

    state = vblk_block_job_get_state(job);
    return state != NULL && g_strv_contains(ends, state);
}

void
vblk_block_job_cancel_async(VblkBlockJob *job,
                            gboolean waits,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_BLOCK_JOB(job));

    task = g_task_new(job, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_block_job_cancel_async);
    vblk_link_call(job->link,
                   job->path,
                   INTERFACE,
                   "Cancel",
                   g_variant_new("(u)", waits ? 0 : VBLK_BLOCK_JOB_ABORT_ASYNC),
                   task);
}

gboolean
vblk_block_job_cancel_finish(VblkBlockJob *job, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, job), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

void
vblk_block_job_pause_async(VblkBlockJob *job,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_BLOCK_JOB(job));

    task = g_task_new(job, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_block_job_pause_async);
    vblk_link_call(job->link, job->path, INTERFACE, "Pause", NULL, task);
}

gboolean
vblk_block_job_pause_finish(VblkBlockJob *job, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, job), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

void
vblk_block_job_resume_async(VblkBlockJob *job,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_BLOCK_JOB(job));

    task = g_task_new(job, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_block_job_resume_async);
    vblk_link_call(job->link, job->path, INTERFACE, "Resume", NULL, task);
}

gboolean
vblk_block_job_resume_finish(VblkBlockJob *job, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, job), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

void
vblk_block_job_set_speed_async(VblkBlockJob *job,
                               guint64 bandwidth_bps,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_BLOCK_JOB(job));

    task = g_task_new(job, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_block_job_set_speed_async);
    vblk_link_call(
        job->link, job->path, INTERFACE, "SetSpeed", g_variant_new("(t)", bandwidth_bps), task);
}

gboolean
vblk_block_job_set_speed_finish(VblkBlockJob *job, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, job), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

static void
vblk_block_job_finalize(GObject *object)
{
    VblkBlockJob *job = VBLK_BLOCK_JOB(object);

    stop_following(job);
    g_clear_object(&job->link);
    g_free(job->path);
    g_free(job->id);
    g_clear_pointer(&job->properties, g_variant_unref);

    G_OBJECT_CLASS(vblk_block_job_parent_class)->finalize(object);
}

static void
vblk_block_job_class_init(VblkBlockJobClass *class)
{
    G_OBJECT_CLASS(class)->finalize = vblk_block_job_finalize;

    /**
     * VblkBlockJob::changed:
     *
     * Progress or state changed.
     *
     * Since: 0.1
     */
    signals[SIGNAL_CHANGED] = g_signal_new(
        "changed", VBLK_TYPE_BLOCK_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);

    /**
     * VblkBlockJob::ended:
     *
     * It has completed, failed or was cancelled, as its state and error tell.
     *
     * Since: 0.1
     */
    signals[SIGNAL_ENDED] = g_signal_new(
        "ended", VBLK_TYPE_BLOCK_JOB, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vblk_block_job_init(VblkBlockJob *job)
{
}
