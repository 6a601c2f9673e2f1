/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block methods */

#include "daemon/domain-block.h"

#include "api/vblk-error.h"
#include "daemon/gate.h"
#include "daemon/object-path.h"
#include "daemon/units.h"
#include "driver/block-calls.h"

/* libvirt's values. */
#define BANDWIDTH_BYTES      64 /* of BlockPull and BlockRebase */
#define REBASE_RELATIVE      16
#define INFO_BANDWIDTH_BYTES 1
#define SET_SPEED_BYTES      1
#define ABORT_ASYNC          1

/* What the handlers of one domain work on. */
typedef struct {
    Driver *driver;
    Domain *domain;
} Ground;

/* A call that reads a chain. */
typedef struct {
    GDBusMethodInvocation *invocation;
    Domain *domain;
    char *target;
    char *name; /* the disk or layer as the caller named it */
} ChainCall;

static void
ground_free(Ground *ground)
{
    g_object_unref(ground->driver);
    domain_unref(ground->domain);
    g_free(ground);
}

static void
chain_call_free(ChainCall *call)
{
    domain_unref(call->domain);
    g_free(call->target);
    g_free(call->name);
    g_free(call);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ChainCall, chain_call_free)

/* FALSE: the call was refused. */
static gboolean
begin(Ground *ground, GDBusMethodInvocation *invocation, guint flags, guint allowed)
{
    const char *method = g_dbus_method_invocation_get_method_name(invocation);
    g_autoptr(GError) error = NULL;

    if (domain_is_removed(ground->domain))
        g_set_error(&error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_DOMAIN,
                    "domain '%s' was undefined",
                    domain_get_name(ground->domain));
    else if (units_check_flags(method, flags, allowed, &error))
        return TRUE;

    gate_refuse(invocation, error);
    return FALSE;
}

static Disk *
find_disk(Ground *ground, GDBusMethodInvocation *invocation, const char *name)
{
    g_autoptr(GError) error = NULL;
    guint position = 0;
    Disk *disk = domain_find_disk(ground->domain, name, &position, &error);

    if (disk == NULL)
        gate_refuse(invocation, error);
    return disk;
}

static void
begin_chain_call(Ground *ground,
                 GDBusMethodInvocation *invocation,
                 const char *name,
                 guint flags,
                 GAsyncReadyCallback callback)
{
    const Disk *disk;
    ChainCall *call;

    if (!begin(ground, invocation, flags, 0))
        return;

    disk = find_disk(ground, invocation, name);
    if (disk == NULL)
        return;

    call = g_new0(ChainCall, 1);
    call->invocation = invocation;
    call->domain = domain_ref(ground->domain);
    call->target = g_strdup(disk->target);
    call->name = g_strdup(name);
    driver_read_chain_async(ground->driver, ground->domain, call->target, NULL, callback, call);
}

/* The layer that the caller meant, in the chain as it is now. */
static const Layer *
find_layer(const ChainCall *call, const Chain *chain, GError **error)
{
    guint position = 0;

    if (!g_str_equal(call->name, call->target) &&
        !chain_find(chain, call->target, call->name, &position, error))
        return NULL;

    if (position >= chain_depth(chain)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "disk '%s' does not currently have a source assigned",
                    call->target);
        return NULL;
    }

    return chain_layer(chain, position);
}

static void
on_info_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(ChainCall) call = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Chain) chain = driver_read_chain_finish(VB_DRIVER(source), result, &error);
    const Layer *layer = chain != NULL ? find_layer(call, chain, &error) : NULL;

    if (layer == NULL)
        gate_refuse(call->invocation, error);
    else
        virtblock_dbus_domain_complete_block_info(
            NULL, call->invocation, layer->virtual_size, layer->allocated, layer->physical);
}

static gboolean
on_block_info(VirtblockDBusDomain *face,
              GDBusMethodInvocation *invocation,
              const char *disk,
              guint flags,
              gpointer user_data)
{
    begin_chain_call(user_data, invocation, disk, flags, on_info_read);
    return TRUE;
}

/* What images hold need not be text. */
static void
add_text(GVariantBuilder *builder, const char *key, const char *text)
{
    char *valid = g_utf8_make_valid(text != NULL ? text : "", -1);

    g_variant_builder_add(builder, "{sv}", key, g_variant_new_take_string(valid));
}

static void
add_size(GVariantBuilder *builder, const char *key, guint64 size)
{
    g_variant_builder_add(builder, "{sv}", key, g_variant_new_uint64(size));
}

/* a{sv}, floating. */
static GVariant *
describe_layer(Driver *driver, const ChainCall *call, const Layer *layer)
{
    g_autoptr(GPtrArray) users = driver_find_users(driver, layer->path, call->domain, call->target);
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    GVariantBuilder shared = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_STRING_ARRAY);

    for (guint i = 0; i < users->len; i++)
        g_variant_builder_add(&shared, "s", users->pdata[i]);

    add_text(&builder, "path", layer->path);
    add_text(&builder, "format", layer->format);
    g_variant_builder_add(&builder, "{sv}", "index", g_variant_new_uint32(layer->index));
    add_size(&builder, "virtual-size", layer->virtual_size);
    add_size(&builder, "allocated", layer->allocated);
    add_size(&builder, "data", layer->data);
    add_text(&builder, "backing-name", layer->backing_name);
    g_variant_builder_add(&builder, "{sv}", "shared-with", g_variant_builder_end(&shared));
    return g_variant_builder_end(&builder);
}

static void
on_chain_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(ChainCall) call = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Chain) chain = driver_read_chain_finish(VB_DRIVER(source), result, &error);
    GVariantBuilder builder;

    if (chain == NULL) {
        gate_refuse(call->invocation, error);
        return;
    }

    g_variant_builder_init(&builder, G_VARIANT_TYPE("aa{sv}"));
    for (guint i = 0; i < chain_depth(chain); i++)
        g_variant_builder_add_value(&builder,
                                    describe_layer(VB_DRIVER(source), call, chain_layer(chain, i)));
    virtblock_dbus_domain_complete_block_chain(
        NULL, call->invocation, g_variant_builder_end(&builder));
}

static gboolean
on_block_chain(VirtblockDBusDomain *face,
               GDBusMethodInvocation *invocation,
               const char *disk,
               guint flags,
               gpointer user_data)
{
    begin_chain_call(user_data, invocation, disk, flags, on_chain_read);
    return TRUE;
}

static void
on_rebased(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Job) job = driver_block_rebase_finish(VB_DRIVER(source), result, &error);
    g_autofree char *path = NULL;

    if (job == NULL) {
        gate_refuse(invocation, error);
        return;
    }

    path = object_path_of_job(job->id);
    g_dbus_method_invocation_return_value(invocation, g_variant_new("(o)", path));
}

static void
begin_rebase(Ground *ground,
             GDBusMethodInvocation *invocation,
             const char *disk,
             const char *base,
             guint64 bandwidth,
             guint flags)
{
    g_autoptr(GError) error = NULL;
    guint64 bandwidth_bps = 0;

    if (!units_parse_bandwidth(bandwidth, (flags & BANDWIDTH_BYTES) != 0, &bandwidth_bps, &error)) {
        gate_refuse(invocation, error);
        return;
    }

    driver_block_rebase_async(ground->driver,
                              ground->domain,
                              disk,
                              base,
                              bandwidth_bps,
                              (flags & REBASE_RELATIVE) != 0,
                              NULL,
                              on_rebased,
                              invocation);
}

static gboolean
on_block_pull(VirtblockDBusDomain *face,
              GDBusMethodInvocation *invocation,
              const char *disk,
              guint64 bandwidth,
              guint flags,
              gpointer user_data)
{
    if (begin(user_data, invocation, flags, BANDWIDTH_BYTES))
        begin_rebase(user_data, invocation, disk, NULL, bandwidth, flags);
    return TRUE;
}

static gboolean
on_block_rebase(VirtblockDBusDomain *face,
                GDBusMethodInvocation *invocation,
                const char *disk,
                const char *base,
                guint64 bandwidth,
                guint flags,
                gpointer user_data)
{
    if (begin(user_data, invocation, flags, BANDWIDTH_BYTES | REBASE_RELATIVE))
        begin_rebase(user_data, invocation, disk, base[0] != '\0' ? base : NULL, bandwidth, flags);
    return TRUE;
}

static gboolean
on_lookup_block_job(VirtblockDBusDomain *face,
                    GDBusMethodInvocation *invocation,
                    const char *name,
                    gpointer user_data)
{
    g_autofree char *path = NULL;
    const Disk *disk;

    if (!begin(user_data, invocation, 0, 0))
        return TRUE;

    disk = find_disk(user_data, invocation, name);
    if (disk == NULL)
        return TRUE;

    path = disk->job != NULL ? object_path_of_job(disk->job->id) : g_strdup(OBJECT_PATH_NONE);
    virtblock_dbus_domain_complete_lookup_block_job(face, invocation, path);
    return TRUE;
}

static void
answer_info(GDBusMethodInvocation *invocation, const Job *job, gboolean is_bytes)
{
    guint64 cur = 0;
    guint64 end = 0;

    if (job == NULL) {
        virtblock_dbus_domain_complete_block_job_info(NULL, invocation, FALSE, 0, 0, 0, 0);
        return;
    }

    units_format_progress(job, &cur, &end);
    virtblock_dbus_domain_complete_block_job_info(
        NULL,
        invocation,
        TRUE,
        (int)job->type,
        units_format_bandwidth(job->bandwidth_bps, is_bytes),
        cur,
        end);
}

static guint
flags_of(GDBusMethodInvocation *invocation)
{
    guint flags = 0;

    g_variant_get_child(g_dbus_method_invocation_get_parameters(invocation), 1, "u", &flags);
    return flags;
}

static void
on_job_queried(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Job) job = driver_block_job_query_finish(VB_DRIVER(source), result, &error);

    if (error != NULL)
        gate_refuse(invocation, error);
    else
        answer_info(invocation, job, (flags_of(invocation) & INFO_BANDWIDTH_BYTES) != 0);
}

static gboolean
on_block_job_info(VirtblockDBusDomain *face,
                  GDBusMethodInvocation *invocation,
                  const char *disk,
                  guint flags,
                  gpointer user_data)
{
    Ground *ground = user_data;

    if (begin(ground, invocation, flags, INFO_BANDWIDTH_BYTES))
        driver_block_job_query_async(
            ground->driver, ground->domain, disk, NULL, on_job_queried, invocation);
    return TRUE;
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

static void
begin_verb(Ground *ground, GDBusMethodInvocation *invocation, const char *disk, BlockJobVerb verb)
{
    driver_block_job_verb_async(
        ground->driver, ground->domain, disk, verb, NULL, on_verb_done, invocation);
}

static gboolean
on_block_job_abort(VirtblockDBusDomain *face,
                   GDBusMethodInvocation *invocation,
                   const char *disk,
                   guint flags,
                   gpointer user_data)
{
    gboolean is_async = (flags & ABORT_ASYNC) != 0;

    if (begin(user_data, invocation, flags, ABORT_ASYNC))
        begin_verb(user_data, invocation, disk, is_async ? BLOCK_JOB_ABORT_ASYNC : BLOCK_JOB_ABORT);
    return TRUE;
}

static gboolean
on_block_job_pause(VirtblockDBusDomain *face,
                   GDBusMethodInvocation *invocation,
                   const char *disk,
                   guint flags,
                   gpointer user_data)
{
    if (begin(user_data, invocation, flags, 0))
        begin_verb(user_data, invocation, disk, BLOCK_JOB_PAUSE);
    return TRUE;
}

static gboolean
on_block_job_resume(VirtblockDBusDomain *face,
                    GDBusMethodInvocation *invocation,
                    const char *disk,
                    guint flags,
                    gpointer user_data)
{
    if (begin(user_data, invocation, flags, 0))
        begin_verb(user_data, invocation, disk, BLOCK_JOB_RESUME);
    return TRUE;
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
on_block_job_set_speed(VirtblockDBusDomain *face,
                       GDBusMethodInvocation *invocation,
                       const char *disk,
                       guint64 bandwidth,
                       guint flags,
                       gpointer user_data)
{
    Ground *ground = user_data;
    gboolean is_bytes = (flags & SET_SPEED_BYTES) != 0;
    g_autoptr(GError) error = NULL;
    guint64 bandwidth_bps = 0;

    if (!begin(ground, invocation, flags, SET_SPEED_BYTES))
        return TRUE;

    if (!units_parse_bandwidth(bandwidth, is_bytes, &bandwidth_bps, &error)) {
        gate_refuse(invocation, error);
        return TRUE;
    }

    driver_block_job_set_speed_async(
        ground->driver, ground->domain, disk, bandwidth_bps, NULL, on_speed_set, invocation);
    return TRUE;
}

void
domain_block_attach(VirtblockDBusDomain *face, Driver *driver, Domain *domain)
{
    static const struct {
        const char *signal;
        GCallback callback;
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
    Ground *ground = g_new0(Ground, 1);

    ground->driver = g_object_ref(driver);
    ground->domain = domain_ref(domain);
    g_object_set_data_full(G_OBJECT(face), "virtblock-ground", ground, (GDestroyNotify)ground_free);
    for (guint i = 0; i < G_N_ELEMENTS(handlers); i++)
        g_signal_connect(face, handlers[i].signal, handlers[i].callback, ground);
}
