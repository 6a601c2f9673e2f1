/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job object */

#include "daemon/job-object.h"

#include "daemon/answer.h"
#include "daemon/object-path.h"
#include "driver/block-calls.h"
#include "virtblock-dbus.h"

#define UPDATE_INTERVAL_US (G_USEC_PER_SEC / 2)

struct JobObject {
    Exporter *exporter; /* borrowed, outlives us */
    Driver *driver;     /* borrowed, outlives us */
    Domain *domain;     /* owned */
    char *target;
    char *path;
    VirtblockDBusBlockJob *skeleton;
    JobState told_state;
    gint64 told_us;
};

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void
fill(VirtblockDBusBlockJob *skeleton, const Job *job)
{
    gint64 now_us = g_get_real_time();

    virtblock_dbus_block_job_set_state(skeleton, job_state_name(job->state));
    virtblock_dbus_block_job_set_current(skeleton, job->current);
    virtblock_dbus_block_job_set_end(skeleton, job->end);
    virtblock_dbus_block_job_set_progress(skeleton, job_progress(job));
    virtblock_dbus_block_job_set_rate(skeleton, job->rate_bps);
    virtblock_dbus_block_job_set_bandwidth(skeleton, job->bandwidth_bps);
    virtblock_dbus_block_job_set_start_time(skeleton, (guint64)job->start_time_us);
    virtblock_dbus_block_job_set_end_time(skeleton, (guint64)job->end_time_us);
    virtblock_dbus_block_job_set_expected_end_time(skeleton,
                                                   (guint64)job_expected_end_us(job, now_us));
    virtblock_dbus_block_job_set_error(skeleton, or_empty(job->message));
}

static void
fill_constants(VirtblockDBusBlockJob *skeleton, const Job *job)
{
    g_autofree char *domain = object_path_domain(job->domain_uuid);

    virtblock_dbus_block_job_set_id(skeleton, job->id);
    virtblock_dbus_block_job_set_domain(skeleton, domain);
    virtblock_dbus_block_job_set_domain_name(skeleton, job->domain_name);
    virtblock_dbus_block_job_set_disk(skeleton, job->target);
    virtblock_dbus_block_job_set_type_(skeleton, (int)job->type);
    virtblock_dbus_block_job_set_operation(skeleton, job_type_name(job->type));
    virtblock_dbus_block_job_set_base(skeleton, or_empty(job->base_path));
}

GVariant *
job_object_describe(const Job *job)
{
    g_autoptr(VirtblockDBusBlockJob) skeleton = virtblock_dbus_block_job_skeleton_new();

    fill_constants(skeleton, job);
    fill(skeleton, job);
    return g_dbus_interface_skeleton_get_properties(G_DBUS_INTERFACE_SKELETON(skeleton));
}

static void
on_verb_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GError *error = NULL;

    if (driver_block_job_verb_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        g_dbus_method_invocation_take_error(invocation, error);
}

static void
do_verb(JobObject *object, GDBusMethodInvocation *invocation, BlockJobVerb verb)
{
    driver_block_job_verb_async(
        object->driver, object->domain, object->target, verb, NULL, on_verb_done, invocation);
}

static gboolean
on_cancel(VirtblockDBusBlockJob *skeleton,
          GDBusMethodInvocation *invocation,
          guint flags,
          gpointer user_data)
{
    if (answer_check_flags(invocation, flags, 1))
        do_verb(user_data, invocation, (flags & 1) != 0 ? BLOCK_JOB_ABORT_ASYNC : BLOCK_JOB_ABORT);
    return TRUE;
}

static gboolean
on_pause(VirtblockDBusBlockJob *skeleton, GDBusMethodInvocation *invocation, gpointer user_data)
{
    do_verb(user_data, invocation, BLOCK_JOB_PAUSE);
    return TRUE;
}

static gboolean
on_resume(VirtblockDBusBlockJob *skeleton, GDBusMethodInvocation *invocation, gpointer user_data)
{
    do_verb(user_data, invocation, BLOCK_JOB_RESUME);
    return TRUE;
}

static void
on_speed_set(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GError *error = NULL;

    if (driver_block_job_set_speed_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        g_dbus_method_invocation_take_error(invocation, error);
}

static gboolean
on_set_speed(VirtblockDBusBlockJob *skeleton,
             GDBusMethodInvocation *invocation,
             guint64 bandwidth,
             gpointer user_data)
{
    JobObject *object = user_data;
    guint64 speed_bps;

    if (answer_check_bandwidth(invocation, bandwidth, TRUE, &speed_bps))
        driver_block_job_set_speed_async(object->driver,
                                         object->domain,
                                         object->target,
                                         speed_bps,
                                         NULL,
                                         on_speed_set,
                                         invocation);
    return TRUE;
}

JobObject *
job_object_new(Exporter *exporter, Driver *driver, Domain *domain, const Job *job)
{
    JobObject *object = g_new0(JobObject, 1);

    object->exporter = exporter;
    object->driver = driver;
    object->domain = domain_ref(domain);
    object->target = g_strdup(job->target);
    object->path = object_path_job(job->id);
    object->skeleton = virtblock_dbus_block_job_skeleton_new();
    fill_constants(object->skeleton, job);
    fill(object->skeleton, job);
    g_signal_connect(object->skeleton, "handle-cancel", G_CALLBACK(on_cancel), object);
    g_signal_connect(object->skeleton, "handle-pause", G_CALLBACK(on_pause), object);
    g_signal_connect(object->skeleton, "handle-resume", G_CALLBACK(on_resume), object);
    g_signal_connect(object->skeleton, "handle-set-speed", G_CALLBACK(on_set_speed), object);
    exporter_add(exporter, object->path, G_DBUS_INTERFACE_SKELETON(object->skeleton));
    return object;
}

void
job_object_update(JobObject *object, const Job *job)
{
    gint64 now_us = g_get_monotonic_time();

    if (job->state == object->told_state && now_us - object->told_us < UPDATE_INTERVAL_US)
        return;

    object->told_state = job->state;
    object->told_us = now_us;
    fill(object->skeleton, job);
}

/* The last properties leave before the signal, so that who hears it knows the outcome. */
void
job_object_end(JobObject *object, const Job *job)
{
    gboolean is_done = job->state == JOB_STATE_COMPLETED;
    const char *message = job->state == JOB_STATE_CANCELLED ? "cancelled" : or_empty(job->message);

    fill(object->skeleton, job);
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(object->skeleton));
    virtblock_dbus_block_job_emit_completed(object->skeleton, is_done, is_done ? "" : message);
    exporter_remove(object->exporter, object->path);

    g_signal_handlers_disconnect_by_data(object->skeleton, object);
    g_object_unref(object->skeleton);
    domain_unref(object->domain);
    g_free(object->target);
    g_free(object->path);
    g_free(object);
}
