/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job object */

#include "daemon/job-object.h"

#include "api/vblk-error.h"
#include "daemon/gate.h"
#include "daemon/object-path.h"
#include "daemon/units.h"
#include "driver/block-calls.h"

#define CANCEL_ASYNC 1

struct _JobObject {
    VirtblockDBusBlockJobSkeleton parent;

    Driver *driver; /* NULL: only described */
    Domain *domain; /* NULL likewise */
    char *target;
    Job *shown;         /* as the properties are */
    Job *latest;        /* newer, waits for the timer; NULL: none */
    guint timer;        /* 0: none */
    gint64 shown_at_us; /* monotonic */
};

static void job_object_iface_init(VirtblockDBusBlockJobIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(JobObject,
                              job_object,
                              VIRTBLOCK_DBUS_TYPE_BLOCK_JOB_SKELETON,
                              G_IMPLEMENT_INTERFACE(VIRTBLOCK_DBUS_TYPE_BLOCK_JOB,
                                                    job_object_iface_init))

static const char *
or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void
show_progress(VirtblockDBusBlockJob *face, const Job *job)
{
    gint64 expected_us = job_is_ended(job) ? 0 : job_expected_end_us(job, g_get_real_time());

    virtblock_dbus_block_job_set_current(face, job->current);
    virtblock_dbus_block_job_set_end(face, job->end);
    virtblock_dbus_block_job_set_progress(face, job_progress(job));
    virtblock_dbus_block_job_set_rate(face, job->rate_bps);
    virtblock_dbus_block_job_set_expected_end_time(face, (guint64)MAX(expected_us, 0));
}

static void
show(JobObject *object, const Job *job)
{
    VirtblockDBusBlockJob *face = VIRTBLOCK_DBUS_BLOCK_JOB(object);

    virtblock_dbus_block_job_set_state(face, job_state_name(job->state));
    virtblock_dbus_block_job_set_bandwidth(face, job->bandwidth_bps);
    virtblock_dbus_block_job_set_start_time(face, (guint64)MAX(job->start_time_us, 0));
    virtblock_dbus_block_job_set_end_time(face, (guint64)MAX(job->end_time_us, 0));
    virtblock_dbus_block_job_set_error(face, or_empty(job->message));
    show_progress(face, job);

    g_clear_handle_id(&object->timer, g_source_remove);
    g_clear_pointer(&object->latest, job_free);
    job_free(object->shown);
    object->shown = job_copy(job);
    object->shown_at_us = g_get_monotonic_time();
}

static void
show_identity(JobObject *object, const Job *job)
{
    VirtblockDBusBlockJob *face = VIRTBLOCK_DBUS_BLOCK_JOB(object);
    g_autofree char *domain_path = object_path_of_domain(job->domain_uuid);

    virtblock_dbus_block_job_set_id(face, job->id);
    virtblock_dbus_block_job_set_domain(face, domain_path);
    virtblock_dbus_block_job_set_domain_name(face, job->domain_name);
    virtblock_dbus_block_job_set_disk(face, job->target);
    virtblock_dbus_block_job_set_type_(face, (int)job->type);
    virtblock_dbus_block_job_set_operation(face, job_type_name(job->type));
    virtblock_dbus_block_job_set_base(face, or_empty(job->base_path));
}

JobObject *
job_object_new(Driver *driver, Domain *domain, const Job *job)
{
    JobObject *object = g_object_new(JOB_OBJECT_TYPE, NULL);

    object->driver = driver != NULL ? g_object_ref(driver) : NULL;
    object->domain = domain != NULL ? domain_ref(domain) : NULL;
    object->target = g_strdup(job->target);
    show_identity(object, job);
    show(object, job);
    return object;
}

GVariant *
job_object_describe(const Job *job)
{
    g_autoptr(JobObject) object = job_object_new(NULL, NULL, job);

    return g_dbus_interface_skeleton_get_properties(G_DBUS_INTERFACE_SKELETON(object));
}

static gboolean
on_timer(gpointer user_data)
{
    JobObject *object = user_data;
    g_autoptr(Job) job = g_steal_pointer(&object->latest);

    object->timer = 0;
    show(object, job);
    return G_SOURCE_REMOVE;
}

static gboolean
is_only_further(const Job *job, const Job *than)
{
    return job->state == than->state && job->bandwidth_bps == than->bandwidth_bps &&
           g_strcmp0(job->message, than->message) == 0;
}

void
job_object_update(JobObject *object, const Job *job)
{
    gint64 age_ms = (g_get_monotonic_time() - object->shown_at_us) / 1000;

    if (!is_only_further(job, object->shown) || age_ms >= JOB_OBJECT_PROGRESS_INTERVAL_MS) {
        show(object, job);
        return;
    }

    job_free(object->latest);
    object->latest = job_copy(job);
    if (object->timer == 0)
        object->timer = g_timeout_add(
            (guint)(JOB_OBJECT_PROGRESS_INTERVAL_MS - age_ms), on_timer, object);
}

void
job_object_end(JobObject *object, const Job *job)
{
    const char *message = or_empty(job->message);

    show(object, job);
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(object));
    if (job->state == JOB_STATE_CANCELLED)
        message = "cancelled";
    virtblock_dbus_block_job_emit_completed(
        VIRTBLOCK_DBUS_BLOCK_JOB(object), job->state == JOB_STATE_COMPLETED, message);
}

static void
on_verb_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;

    if (driver_block_job_verb_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        gate_refuse(invocation, error);
}

static gboolean
begin_verb(VirtblockDBusBlockJob *face, GDBusMethodInvocation *invocation, BlockJobVerb verb)
{
    JobObject *object = VB_JOB_OBJECT(face);

    driver_block_job_verb_async(
        object->driver, object->domain, object->target, verb, NULL, on_verb_done, invocation);
    return TRUE;
}

static gboolean
handle_cancel(VirtblockDBusBlockJob *face, GDBusMethodInvocation *invocation, guint flags)
{
    g_autoptr(GError) error = NULL;

    if (!units_check_flags("Cancel", flags, CANCEL_ASYNC, &error)) {
        gate_refuse(invocation, error);
        return TRUE;
    }

    return begin_verb(
        face, invocation, flags & CANCEL_ASYNC ? BLOCK_JOB_ABORT_ASYNC : BLOCK_JOB_ABORT);
}

static gboolean
handle_pause(VirtblockDBusBlockJob *face, GDBusMethodInvocation *invocation)
{
    return begin_verb(face, invocation, BLOCK_JOB_PAUSE);
}

static gboolean
handle_resume(VirtblockDBusBlockJob *face, GDBusMethodInvocation *invocation)
{
    return begin_verb(face, invocation, BLOCK_JOB_RESUME);
}

static void
on_speed_set(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;

    if (driver_block_job_set_speed_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        gate_refuse(invocation, error);
}

static gboolean
handle_set_speed(VirtblockDBusBlockJob *face, GDBusMethodInvocation *invocation, guint64 bandwidth)
{
    JobObject *object = VB_JOB_OBJECT(face);
    g_autoptr(GError) error = NULL;
    guint64 bandwidth_bps = 0;

    if (!units_parse_bandwidth(bandwidth, TRUE, &bandwidth_bps, &error)) {
        gate_refuse(invocation, error);
        return TRUE;
    }

    driver_block_job_set_speed_async(object->driver,
                                     object->domain,
                                     object->target,
                                     bandwidth_bps,
                                     NULL,
                                     on_speed_set,
                                     invocation);
    return TRUE;
}

static void
job_object_dispose(GObject *base)
{
    JobObject *object = VB_JOB_OBJECT(base);

    g_clear_handle_id(&object->timer, g_source_remove);
    g_clear_object(&object->driver);
    g_clear_pointer(&object->domain, domain_unref);
    g_clear_pointer(&object->target, g_free);
    g_clear_pointer(&object->shown, job_free);
    g_clear_pointer(&object->latest, job_free);

    G_OBJECT_CLASS(job_object_parent_class)->dispose(base);
}

static void
job_object_iface_init(VirtblockDBusBlockJobIface *iface)
{
    iface->handle_cancel = handle_cancel;
    iface->handle_pause = handle_pause;
    iface->handle_resume = handle_resume;
    iface->handle_set_speed = handle_set_speed;
}

static void
job_object_class_init(JobObjectClass *class)
{
    G_DBUS_INTERFACE_SKELETON_CLASS(class)->get_vtable = gate_get_vtable;
    G_OBJECT_CLASS(class)->dispose = job_object_dispose;
}

static void
job_object_init(JobObject *object)
{
}
