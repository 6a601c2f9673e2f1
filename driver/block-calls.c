/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block calls */

#include "driver/block-calls.h"

#include "api/vblk-error.h"
#include "driver/driver-private.h"
#include "driver/look.h"
#include "driver/run.h"

/* A pull on its way: look at the images, open them, plan, run. */
typedef struct {
    Driver *driver; /* borrowed: the task's source */
    Domain *domain; /* owned */
    Disk *disk;     /* borrowed from the domain, busy for us; NULL once a run has it */
    char *base;     /* NULL: none */
    guint64 bandwidth_bps;
    gboolean keeps_relative;
    Look *look; /* NULL until the images were looked at */
    Plan *plan;
    guint base_position;
} Pull;

static void
pull_free(Pull *pull)
{
    if (pull->disk != NULL)
        pull->disk->is_busy = FALSE;
    look_free(pull->look);
    plan_free(pull->plan);
    domain_unref(pull->domain);
    driver_end_call(pull->driver);
    g_free(pull->base);
    g_free(pull);
}

static gboolean refuse(GError **error, VblkError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
refuse(GError **error, VblkError code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(VBLK_ERROR, (int)code, format, list));
    va_end(list);
    return FALSE;
}

static void
on_run_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    Job *job = run_start_finish(result, &error);

    if (job != NULL)
        g_task_return_pointer(task, job, (GDestroyNotify)job_free);
    else
        g_task_return_error(task, g_steal_pointer(&error));
}

static Job *
new_job(const Pull *pull, const char *id)
{
    const Chain *chain = pull->look->chain;
    Job *job = job_new(JOB_TYPE_PULL, id);

    job->domain_uuid = g_strdup(pull->domain->uuid);
    job->domain_name = g_strdup(pull->domain->name);
    job->target = g_strdup(pull->disk->target);
    job->source_path = g_strdup(chain_active(chain)->path);
    job->bandwidth_bps = pull->bandwidth_bps;
    if (pull->base_position != G_MAXUINT)
        job->base_path = g_strdup(chain_layer(chain, pull->base_position)->path);
    return job;
}

static void
on_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Pull *pull = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    RunParts parts = {.domain = pull->domain, .disk = pull->disk};

    if (!peer_open_finish(result, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    chain_free(pull->disk->chain);
    pull->disk->chain = chain_copy(pull->look->chain);
    pull->disk->is_chain_known = TRUE;
    parts.job = new_job(pull, pull->plan->job_id);
    parts.plan = g_steal_pointer(&pull->plan);
    parts.chain = g_steal_pointer(&pull->look->chain);
    parts.peer = g_steal_pointer(&pull->look->peer);
    pull->disk = NULL; /* the run has it now */
    run_start_async(pull->driver, &parts, on_run_started, g_steal_pointer(&task));
}

/* Another machine that has the image as its active layer would write to it as well. */
static gboolean
check_users(const Pull *pull, GError **error)
{
    const char *path = chain_active(pull->look->chain)->path;
    g_autoptr(GPtrArray)
        users = driver_find_users(pull->driver, path, pull->domain, pull->disk->target);

    return users->len == 0 || pull->disk->is_shareable ||
           refuse(error,
                  VBLK_ERROR_OPERATION_INVALID,
                  "image '%s' of disk '%s' is also used by '%s': a pull would change what that "
                  "stands on",
                  path,
                  pull->disk->target,
                  (const char *)g_ptr_array_index(users, 0));
}

static gboolean
make_plan(Pull *pull, GError **error)
{
    g_autofree char *id = g_strdup_printf(
        "pull-%s-%" G_GUINT64_FORMAT, pull->disk->target, ++pull->driver->last_job_number);
    PullRequest request = {
        .job_id = id,
        .target = pull->disk->target,
        .base = G_MAXUINT,
        .keeps_relative = pull->keeps_relative,
        .bandwidth_bps = pull->bandwidth_bps,
    };

    if (pull->base != NULL &&
        !chain_find(pull->look->chain, pull->disk->target, pull->base, &request.base, error))
        return FALSE;
    if (!check_users(pull, error))
        return FALSE;

    pull->base_position = request.base;
    pull->plan = plan_pull(&request, pull->look->chain, &pull->look->peer->capabilities, error);
    return pull->plan != NULL;
}

static void
on_looked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Pull *pull = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;

    pull->look = look_finish(result, &error);
    if (pull->look == NULL || !make_plan(pull, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    peer_open_async(pull->look->peer, pull->look->chain, on_opened, g_steal_pointer(&task));
}

/* The disk a job is to work on: it is the active layer that takes the data. */
static Disk *
find_job_disk(const Domain *domain, const char *name, GError **error)
{
    guint position;
    Disk *disk = NULL;

    if (domain_check_free(domain, error))
        disk = domain_find_disk(domain, name, &position, error);
    if (disk == NULL)
        return NULL;
    if (position > 0) {
        refuse(error,
               VBLK_ERROR_OPERATION_UNSUPPORTED,
               "'%s' is not the active layer of disk '%s': pulling into a layer below is not "
               "supported yet",
               name,
               disk->target);
        return NULL;
    }
    if (disk->job != NULL || disk->is_busy) {
        refuse(error,
               VBLK_ERROR_OPERATION_UNSUPPORTED,
               "disk '%s' already in active block job",
               disk->target);
        return NULL;
    }
    if (disk->is_read_only) {
        refuse(error,
               VBLK_ERROR_OPERATION_INVALID,
               "disk '%s' of domain '%s' is read-only",
               disk->target,
               domain->name);
        return NULL;
    }

    return disk;
}

void
driver_block_rebase_async(Driver *driver,
                          Domain *domain,
                          const char *disk,
                          const char *base,
                          guint64 bandwidth_bps,
                          gboolean keeps_relative,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_autoptr(GError) error = NULL;
    Disk *found = find_job_disk(domain, disk, &error);
    Pull *pull;

    g_task_set_source_tag(task, driver_block_rebase_async);
    if (found != NULL && keeps_relative && base == NULL)
        refuse(&error,
               VBLK_ERROR_INVALID_ARGUMENT,
               "flag VIR_DOMAIN_BLOCK_REBASE_RELATIVE is valid only with non-null base");
    if (error != NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    driver_begin_call(driver);
    pull = g_new0(Pull, 1);
    pull->driver = driver;
    pull->domain = domain_ref(domain);
    pull->disk = found;
    pull->base = g_strdup(base);
    pull->bandwidth_bps = bandwidth_bps;
    pull->keeps_relative = keeps_relative;
    found->is_busy = TRUE;
    g_task_set_task_data(task, pull, (GDestroyNotify)pull_free);
    look_async(driver, domain, found, on_looked, g_steal_pointer(&task));
}

Job *
driver_block_rebase_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

/* Calls on a job that runs */

static Run *
find_run(Driver *driver, Domain *domain, const char *disk, GError **error)
{
    guint position;
    Disk *found = domain_find_disk(domain, disk, &position, error);
    Run *run = NULL;

    if (found == NULL)
        return NULL;
    if (found->job != NULL)
        run = run_find(driver, found->job->id);
    if (run == NULL)
        refuse(error,
               VBLK_ERROR_INVALID_ARGUMENT,
               "disk %s does not have an active block job",
               found->target);
    return run;
}

static void
on_aborted(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;

    if (run_abort_finish(result, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, g_steal_pointer(&error));
}

static void
on_commanded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;

    if (run_command_finish(result, &error))
        g_task_return_boolean(task, TRUE);
    else
        g_task_return_error(task, g_steal_pointer(&error));
}

void
driver_block_job_verb_async(Driver *driver,
                            Domain *domain,
                            const char *disk,
                            BlockJobVerb verb,
                            GCancellable *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_auto(GVariantDict) none = G_VARIANT_DICT_INIT(NULL);
    g_autoptr(GError) error = NULL;
    Run *run = find_run(driver, domain, disk, &error);

    g_task_set_source_tag(task, driver_block_job_verb_async);
    if (run == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    switch (verb) {
    case BLOCK_JOB_ABORT:
    case BLOCK_JOB_ABORT_ASYNC:
        run_abort_async(run, verb == BLOCK_JOB_ABORT, on_aborted, g_steal_pointer(&task));
        break;
    case BLOCK_JOB_PAUSE:
        run_command_async(run, "job-pause", "id", &none, on_commanded, g_steal_pointer(&task));
        break;
    case BLOCK_JOB_RESUME:
        run_command_async(run, "job-resume", "id", &none, on_commanded, g_steal_pointer(&task));
        break;
    }
}

gboolean
driver_block_job_verb_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

typedef struct {
    Domain *domain;
    char *disk;
    guint64 bandwidth_bps;
} Speed;

static void
speed_free(Speed *speed)
{
    domain_unref(speed->domain);
    g_free(speed->disk);
    g_free(speed);
}

static void
on_speed_set(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Driver *driver = g_task_get_source_object(task);
    Speed *speed = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    Run *run = find_run(driver, speed->domain, speed->disk, NULL);

    if (!run_command_finish(result, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    if (run != NULL) {
        run_get_job(run)->bandwidth_bps = speed->bandwidth_bps;
        driver_tell_job(driver, "job-changed", speed->domain, run_get_job(run));
    }
    g_task_return_boolean(task, TRUE);
}

void
driver_block_job_set_speed_async(Driver *driver,
                                 Domain *domain,
                                 const char *disk,
                                 guint64 bandwidth_bps,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_auto(GVariantDict) arguments = G_VARIANT_DICT_INIT(NULL);
    g_autoptr(GError) error = NULL;
    Run *run = find_run(driver, domain, disk, &error);
    Speed *speed;

    g_task_set_source_tag(task, driver_block_job_set_speed_async);
    if (run != NULL && bandwidth_bps > G_MAXINT64)
        refuse(&error,
               VBLK_ERROR_INVALID_ARGUMENT,
               "bandwidth must be less than '%" G_GINT64_FORMAT "', not '%" G_GUINT64_FORMAT "'",
               G_MAXINT64,
               bandwidth_bps);
    if (error != NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    speed = g_new0(Speed, 1);
    speed->domain = domain_ref(domain);
    speed->disk = g_strdup(disk);
    speed->bandwidth_bps = bandwidth_bps;
    g_task_set_task_data(task, speed, (GDestroyNotify)speed_free);
    g_variant_dict_insert(&arguments, "speed", "x", (gint64)bandwidth_bps);
    run_command_async(
        run, "block-job-set-speed", "device", &arguments, on_speed_set, g_steal_pointer(&task));
}

gboolean
driver_block_job_set_speed_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

static void
on_queried(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Job *job = run_query_finish(result, NULL);

    g_task_return_pointer(task, job, (GDestroyNotify)job_free);
}

void
driver_block_job_query_async(Driver *driver,
                             Domain *domain,
                             const char *disk,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_autoptr(GError) error = NULL;
    guint position;
    Disk *found = domain_find_disk(domain, disk, &position, &error);
    Run *run = found != NULL && found->job != NULL ? run_find(driver, found->job->id) : NULL;

    g_task_set_source_tag(task, driver_block_job_query_async);
    if (found == NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    else if (run == NULL)
        g_task_return_pointer(task, NULL, NULL);
    else
        run_query_async(run, on_queried, g_steal_pointer(&task));
}

Job *
driver_block_job_query_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
