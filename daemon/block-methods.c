/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block methods */

#include "daemon/block-methods.h"

#include "daemon/answer.h"
#include "daemon/object-path.h"
#include "driver/block-calls.h"

#define REBASE_RELATIVE        16
#define REBASE_BANDWIDTH_BYTES 64
#define JOB_BANDWIDTH_BYTES    1
#define ABORT_ASYNC            1

typedef struct {
    Driver *driver; /* borrowed, outlives us */
    Domain *domain; /* owned */
} Subject;

/* A call that is answered when the driver has an answer. */
typedef struct {
    GDBusMethodInvocation *invocation;
    Driver *driver;
    Domain *domain;
    char *disk;
    gboolean is_bytes;
} Call;

static Call *
call_new(const Subject *subject, GDBusMethodInvocation *invocation, const char *disk)
{
    Call *call = g_new0(Call, 1);

    call->invocation = invocation;
    call->driver = subject->driver;
    call->domain = domain_ref(subject->domain);
    call->disk = g_strdup(disk);
    return call;
}

static void
call_free(Call *call)
{
    domain_unref(call->domain);
    g_free(call->disk);
    g_free(call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Call, call_free)

static void
answer_empty(GDBusMethodInvocation *invocation, gboolean is_done, GError *error)
{
    if (is_done)
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        g_dbus_method_invocation_take_error(invocation, error);
}

/* Chains */

static void
on_info_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    GError *error = NULL;
    g_autoptr(Chain) chain = driver_read_chain_finish(VB_DRIVER(source), result, &error);
    const Disk *disk;
    guint position = 0;

    if (chain == NULL) {
        g_dbus_method_invocation_take_error(call->invocation, error);
        return;
    }

    disk = domain_find_disk(call->domain, call->disk, &position, NULL);
    if (disk == NULL || position >= chain_depth(chain))
        position = 0;
    g_dbus_method_invocation_return_value(call->invocation,
                                          g_variant_new("(ttt)",
                                                        chain_layer(chain, position)->virtual_size,
                                                        chain_layer(chain, position)->allocated,
                                                        chain_layer(chain, position)->physical));
}

static gboolean
on_block_info(VirtblockDBusDomain *skeleton,
              GDBusMethodInvocation *invocation,
              const char *disk,
              guint flags,
              gpointer user_data)
{
    Subject *subject = user_data;

    if (answer_check_flags(invocation, flags, 0))
        driver_read_chain_async(subject->driver,
                                subject->domain,
                                disk,
                                NULL,
                                on_info_read,
                                call_new(subject, invocation, disk));
    return TRUE;
}

static GVariant *
describe_layer(const Call *call, const Disk *disk, const Layer *layer)
{
    g_autoptr(GPtrArray) users = driver_find_users(
        call->driver, layer->path, call->domain, disk != NULL ? disk->target : NULL);
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "path", "s", layer->path);
    g_variant_dict_insert(&dict, "format", "s", layer->format);
    g_variant_dict_insert(&dict, "index", "u", layer->index);
    g_variant_dict_insert(&dict, "virtual-size", "t", layer->virtual_size);
    g_variant_dict_insert(&dict, "allocated", "t", layer->allocated);
    g_variant_dict_insert(&dict, "data", "t", layer->data);
    g_variant_dict_insert(
        &dict, "backing-name", "s", layer->backing_name != NULL ? layer->backing_name : "");
    g_variant_dict_insert_value(
        &dict,
        "shared-with",
        g_variant_new_strv((const char *const *)users->pdata, (gssize)users->len));
    return g_variant_dict_end(&dict);
}

static void
on_chain_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    GError *error = NULL;
    g_autoptr(Chain) chain = driver_read_chain_finish(VB_DRIVER(source), result, &error);
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));
    const Disk *disk;
    guint position;

    if (chain == NULL) {
        g_dbus_method_invocation_take_error(call->invocation, error);
        return;
    }

    disk = domain_find_disk(call->domain, call->disk, &position, NULL);
    for (guint i = 0; i < chain_depth(chain); i++)
        g_variant_builder_add_value(&builder, describe_layer(call, disk, chain_layer(chain, i)));
    g_dbus_method_invocation_return_value(call->invocation, g_variant_new("(aa{sv})", &builder));
}

static gboolean
on_block_chain(VirtblockDBusDomain *skeleton,
               GDBusMethodInvocation *invocation,
               const char *disk,
               guint flags,
               gpointer user_data)
{
    Subject *subject = user_data;

    if (answer_check_flags(invocation, flags, 0))
        driver_read_chain_async(subject->driver,
                                subject->domain,
                                disk,
                                NULL,
                                on_chain_read,
                                call_new(subject, invocation, disk));
    return TRUE;
}

/* Starting jobs */

static void
on_job_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    GError *error = NULL;
    g_autoptr(Job) job = driver_block_rebase_finish(VB_DRIVER(source), result, &error);
    g_autofree char *path = job != NULL ? object_path_job(job->id) : NULL;

    if (job == NULL)
        g_dbus_method_invocation_take_error(call->invocation, error);
    else
        g_dbus_method_invocation_return_value(call->invocation, g_variant_new("(o)", path));
}

static void
rebase(Subject *subject,
       GDBusMethodInvocation *invocation,
       const char *disk,
       const char *base,
       guint64 bandwidth,
       guint flags)
{
    guint64 speed_bps;

    if (answer_check_bandwidth(
            invocation, bandwidth, (flags & REBASE_BANDWIDTH_BYTES) != 0, &speed_bps))
        driver_block_rebase_async(subject->driver,
                                  subject->domain,
                                  disk,
                                  base,
                                  speed_bps,
                                  (flags & REBASE_RELATIVE) != 0,
                                  NULL,
                                  on_job_started,
                                  call_new(subject, invocation, disk));
}

static gboolean
on_block_pull(VirtblockDBusDomain *skeleton,
              GDBusMethodInvocation *invocation,
              const char *disk,
              guint64 bandwidth,
              guint flags,
              gpointer user_data)
{
    if (answer_check_flags(invocation, flags, REBASE_BANDWIDTH_BYTES))
        rebase(user_data, invocation, disk, NULL, bandwidth, flags);
    return TRUE;
}

static gboolean
on_block_rebase(VirtblockDBusDomain *skeleton,
                GDBusMethodInvocation *invocation,
                const char *disk,
                const char *base,
                guint64 bandwidth,
                guint flags,
                gpointer user_data)
{
    if (answer_check_flags(invocation, flags, REBASE_BANDWIDTH_BYTES | REBASE_RELATIVE))
        rebase(user_data, invocation, disk, base[0] != '\0' ? base : NULL, bandwidth, flags);
    return TRUE;
}

/* Live jobs */

static void
on_job_looked_up(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    GError *error = NULL;
    g_autoptr(Job) job = driver_block_job_query_finish(VB_DRIVER(source), result, &error);
    g_autofree char *path = job != NULL ? object_path_job(job->id) : g_strdup("/");

    if (error != NULL)
        g_dbus_method_invocation_take_error(call->invocation, error);
    else
        g_dbus_method_invocation_return_value(call->invocation, g_variant_new("(o)", path));
}

static gboolean
on_lookup_block_job(VirtblockDBusDomain *skeleton,
                    GDBusMethodInvocation *invocation,
                    const char *disk,
                    gpointer user_data)
{
    Subject *subject = user_data;

    driver_block_job_query_async(subject->driver,
                                 subject->domain,
                                 disk,
                                 NULL,
                                 on_job_looked_up,
                                 call_new(subject, invocation, disk));
    return TRUE;
}

/* libvirt's contract: (0,1) while nothing is known; equal means ready, so a job that is not ready
 * stays one short. */
static void
get_cur_end(const Job *job, guint64 *ret_cur, guint64 *ret_end)
{
    *ret_cur = job->current;
    *ret_end = job->end;
    if (job->end == 0) {
        *ret_cur = job->state == JOB_STATE_READY ? 1 : 0;
        *ret_end = 1;
    } else if (job->current >= job->end && job->state != JOB_STATE_READY) {
        *ret_cur = job->end - 1;
    }
}

static void
on_info_queried(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Call) call = user_data;
    GError *error = NULL;
    g_autoptr(Job) job = driver_block_job_query_finish(VB_DRIVER(source), result, &error);
    guint64 cur = 0, end = 0, bandwidth = 0;

    if (error != NULL) {
        g_dbus_method_invocation_take_error(call->invocation, error);
        return;
    }

    if (job != NULL) {
        get_cur_end(job, &cur, &end);
        bandwidth = call->is_bytes ? job->bandwidth_bps : job->bandwidth_bps >> 20;
    }
    g_dbus_method_invocation_return_value(
        call->invocation,
        g_variant_new(
            "(bittt)", job != NULL, job != NULL ? (gint32)job->type : 0, bandwidth, cur, end));
}

static gboolean
on_block_job_info(VirtblockDBusDomain *skeleton,
                  GDBusMethodInvocation *invocation,
                  const char *disk,
                  guint flags,
                  gpointer user_data)
{
    Subject *subject = user_data;
    Call *call;

    if (!answer_check_flags(invocation, flags, JOB_BANDWIDTH_BYTES))
        return TRUE;

    call = call_new(subject, invocation, disk);
    call->is_bytes = (flags & JOB_BANDWIDTH_BYTES) != 0;
    driver_block_job_query_async(
        subject->driver, subject->domain, disk, NULL, on_info_queried, call);
    return TRUE;
}

static void
on_verb_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GError *error = NULL;
    gboolean is_done = driver_block_job_verb_finish(VB_DRIVER(source), result, &error);

    answer_empty(user_data, is_done, error);
}

static void
do_verb(Subject *subject, GDBusMethodInvocation *invocation, const char *disk, BlockJobVerb verb)
{
    driver_block_job_verb_async(
        subject->driver, subject->domain, disk, verb, NULL, on_verb_done, invocation);
}

static gboolean
on_block_job_abort(VirtblockDBusDomain *skeleton,
                   GDBusMethodInvocation *invocation,
                   const char *disk,
                   guint flags,
                   gpointer user_data)
{
    if (answer_check_flags(invocation, flags, ABORT_ASYNC))
        do_verb(user_data,
                invocation,
                disk,
                (flags & ABORT_ASYNC) != 0 ? BLOCK_JOB_ABORT_ASYNC : BLOCK_JOB_ABORT);
    return TRUE;
}

static gboolean
on_block_job_pause(VirtblockDBusDomain *skeleton,
                   GDBusMethodInvocation *invocation,
                   const char *disk,
                   guint flags,
                   gpointer user_data)
{
    if (answer_check_flags(invocation, flags, 0))
        do_verb(user_data, invocation, disk, BLOCK_JOB_PAUSE);
    return TRUE;
}

static gboolean
on_block_job_resume(VirtblockDBusDomain *skeleton,
                    GDBusMethodInvocation *invocation,
                    const char *disk,
                    guint flags,
                    gpointer user_data)
{
    if (answer_check_flags(invocation, flags, 0))
        do_verb(user_data, invocation, disk, BLOCK_JOB_RESUME);
    return TRUE;
}

static void
on_speed_set(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GError *error = NULL;
    gboolean is_done = driver_block_job_set_speed_finish(VB_DRIVER(source), result, &error);

    answer_empty(user_data, is_done, error);
}

static gboolean
on_block_job_set_speed(VirtblockDBusDomain *skeleton,
                       GDBusMethodInvocation *invocation,
                       const char *disk,
                       guint64 bandwidth,
                       guint flags,
                       gpointer user_data)
{
    Subject *subject = user_data;
    guint64 speed_bps;

    if (answer_check_flags(invocation, flags, JOB_BANDWIDTH_BYTES) &&
        answer_check_bandwidth(
            invocation, bandwidth, (flags & JOB_BANDWIDTH_BYTES) != 0, &speed_bps))
        driver_block_job_set_speed_async(
            subject->driver, subject->domain, disk, speed_bps, NULL, on_speed_set, invocation);
    return TRUE;
}

static const struct {
    const char *signal;
    GCallback handler;
} handlers[] = {
    {"handle-block-info", G_CALLBACK(on_block_info)},
    {"handle-block-chain", G_CALLBACK(on_block_chain)},
    {"handle-block-pull", G_CALLBACK(on_block_pull)},
    {"handle-block-rebase", G_CALLBACK(on_block_rebase)},
    {"handle-lookup-block-job", G_CALLBACK(on_lookup_block_job)},
    {"handle-block-job-info", G_CALLBACK(on_block_job_info)},
    {"handle-block-job-abort", G_CALLBACK(on_block_job_abort)},
    {"handle-block-job-pause", G_CALLBACK(on_block_job_pause)},
    {"handle-block-job-resume", G_CALLBACK(on_block_job_resume)},
    {"handle-block-job-set-speed", G_CALLBACK(on_block_job_set_speed)},
};

static void
subject_free(Subject *subject)
{
    domain_unref(subject->domain);
    g_free(subject);
}

void
block_methods_connect(VirtblockDBusDomain *skeleton, Driver *driver, Domain *domain)
{
    Subject *subject = g_new0(Subject, 1);

    subject->driver = driver;
    subject->domain = domain_ref(domain);
    g_object_set_data_full(
        G_OBJECT(skeleton), "block-methods", subject, (GDestroyNotify)subject_free);
    for (guint i = 0; i < G_N_ELEMENTS(handlers); i++)
        g_signal_connect(skeleton, handlers[i].signal, handlers[i].handler, subject);
}

void
block_methods_disconnect(VirtblockDBusDomain *skeleton)
{
    g_signal_handlers_disconnect_by_data(skeleton,
                                         g_object_get_data(G_OBJECT(skeleton), "block-methods"));
}
