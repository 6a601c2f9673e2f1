/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job commands */

#include "qemu-shim/monitor/command.h"
#include "qemu-shim/monitor/describe.h"
#include "qmp/qmp-error.h"

/* block-job-* and job-* are the same verbs; they differ in the argument and in what is told of a
 * job that is not there. */
static Job *
find_block_job(Shim *shim, GVariant *arguments, GError **error)
{
    const char *device = NULL;
    Job *job;

    if (!g_variant_lookup(arguments, "device", "&s", &device))
        g_variant_lookup(arguments, "id", "&s", &device);
    job = job_list_find(shim->jobs, device);
    if (job == NULL)
        g_set_error(
            error, QMP_ERROR, QMP_ERROR_DEVICE_NOT_ACTIVE, "Block job '%s' not found", device);
    return job;
}

static Job *
find_job(Shim *shim, GVariant *arguments, GError **error)
{
    const char *id = NULL;
    Job *job;

    g_variant_lookup(arguments, "id", "&s", &id);
    job = job_list_find(shim->jobs, id);
    if (job == NULL)
        g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC_ERROR, "Job not found");
    return job;
}

static GVariant *
block_job_cancel(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_block_job(shim, arguments, error);
    gboolean is_held, is_forced = FALSE;

    if (job == NULL)
        return NULL;

    g_variant_lookup(arguments, "force", "b", &is_forced);
    g_mutex_lock(&job->lock);
    is_held = job->is_paused;
    g_mutex_unlock(&job->lock);
    if (is_held && !is_forced) {
        g_set_error(error,
                    QMP_ERROR,
                    QMP_ERROR_GENERIC_ERROR,
                    "The block job for device '%s' is currently paused",
                    job->id);
        return NULL;
    }

    job_cancel(job, error);
    return NULL;
}

static GVariant *
block_job_pause(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_block_job(shim, arguments, error);

    if (job != NULL)
        job_pause(job, error);
    return NULL;
}

static GVariant *
block_job_resume(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_block_job(shim, arguments, error);

    if (job != NULL)
        job_resume(job, error);
    return NULL;
}

static GVariant *
block_job_set_speed(Shim *shim, GVariant *arguments, GError **error)
{
    gint64 speed = -1;
    Job *job;

    /* "value" was its name in 2011. */
    if (!g_variant_lookup(arguments, "speed", "x", &speed) &&
        !g_variant_lookup(arguments, "value", "x", &speed)) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_GENERIC_ERROR, "Parameter 'speed' is missing");
        return NULL;
    }

    job = find_block_job(shim, arguments, error);
    if (job == NULL)
        return NULL;
    if (speed < 0) {
        g_set_error(error,
                    QMP_ERROR,
                    QMP_ERROR_GENERIC_ERROR,
                    "Parameter 'speed' expects a non-negative value");
        return NULL;
    }

    job_set_speed(job, (guint64)speed, error);
    return NULL;
}

static GVariant *
block_job_complete(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_block_job(shim, arguments, error);

    if (job != NULL)
        job_complete(job, error);
    return NULL;
}

static GVariant *
block_job_finalize(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_block_job(shim, arguments, error);

    if (job != NULL)
        job_finalize(job, error);
    return NULL;
}

static GVariant *
block_job_dismiss(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_block_job(shim, arguments, error);

    if (job != NULL)
        job_dismiss(job, error);
    return NULL;
}

static GVariant *
run_job_cancel(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_job(shim, arguments, error);

    if (job != NULL)
        job_cancel(job, error);
    return NULL;
}

static GVariant *
run_job_pause(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_job(shim, arguments, error);

    if (job != NULL)
        job_pause(job, error);
    return NULL;
}

static GVariant *
run_job_resume(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_job(shim, arguments, error);

    if (job != NULL)
        job_resume(job, error);
    return NULL;
}

static GVariant *
run_job_complete(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_job(shim, arguments, error);

    if (job != NULL)
        job_complete(job, error);
    return NULL;
}

static GVariant *
run_job_finalize(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_job(shim, arguments, error);

    if (job != NULL)
        job_finalize(job, error);
    return NULL;
}

static GVariant *
run_job_dismiss(Shim *shim, GVariant *arguments, GError **error)
{
    Job *job = find_job(shim, arguments, error);

    if (job != NULL)
        job_dismiss(job, error);
    return NULL;
}

static GVariant *
list_jobs(Shim *shim, GVariant *(*describe)(Job *job))
{
    g_autoptr(GPtrArray) jobs = job_list_get(shim->jobs);
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));

    for (guint i = 0; i < jobs->len; i++)
        g_variant_builder_add_value(&builder, describe(g_ptr_array_index(jobs, i)));
    return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static GVariant *
query_jobs(Shim *shim, GVariant *arguments, GError **error)
{
    return list_jobs(shim, describe_job);
}

static GVariant *
query_block_jobs(Shim *shim, GVariant *arguments, GError **error)
{
    return list_jobs(shim, describe_block_job);
}

static const Argument device_arguments[] = {
    {"device", ARGUMENT_STRING, TRUE},
    ARGUMENT_END,
};
static const Argument cancel_arguments[] = {
    {"device", ARGUMENT_STRING, TRUE},
    {"force", ARGUMENT_BOOLEAN, FALSE},
    ARGUMENT_END,
};
static const Argument speed_arguments[] = {
    {"device", ARGUMENT_STRING, TRUE},
    {"speed", ARGUMENT_INTEGER, FALSE},
    {"value", ARGUMENT_INTEGER, FALSE},
    ARGUMENT_END,
};
static const Argument id_arguments[] = {
    {"id", ARGUMENT_STRING, TRUE},
    ARGUMENT_END,
};
static const Argument no_arguments[] = {ARGUMENT_END};

const QmpCommand job_qmp_commands[] = {
    {"block-job-cancel", cancel_arguments, block_job_cancel},
    {"block-job-pause", device_arguments, block_job_pause},
    {"block-job-resume", device_arguments, block_job_resume},
    {"block-job-set-speed", speed_arguments, block_job_set_speed},
    {"block-job-complete", device_arguments, block_job_complete},
    {"block-job-finalize", id_arguments, block_job_finalize},
    {"block-job-dismiss", id_arguments, block_job_dismiss},
    {"job-cancel", id_arguments, run_job_cancel},
    {"job-pause", id_arguments, run_job_pause},
    {"job-resume", id_arguments, run_job_resume},
    {"job-complete", id_arguments, run_job_complete},
    {"job-finalize", id_arguments, run_job_finalize},
    {"job-dismiss", id_arguments, run_job_dismiss},
    {"query-jobs", no_arguments, query_jobs},
    {"query-block-jobs", no_arguments, query_block_jobs},
    {NULL, NULL, NULL},
};
