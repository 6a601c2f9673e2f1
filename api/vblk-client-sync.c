/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Synchronous calls */

#include "api/vblk-connection-private.h"
#include "api/virtblock.h"

/*
 * Each is its asynchronous twin, run to its end on a main context of its own, so that nothing else
 * of the program is called meanwhile.
 */
typedef struct {
    GMainContext *context;
    GAsyncResult *result; /* NULL until done */
} SyncCall;

static SyncCall
sync_call_begin(void)
{
    SyncCall call = {.context = g_main_context_new()};

    g_main_context_push_thread_default(call.context);
    return call;
}

static GAsyncResult *
sync_call_wait(SyncCall *call)
{
    while (call->result == NULL)
        g_main_context_iteration(call->context, TRUE);

    return call->result;
}

static void
sync_call_end(SyncCall *call)
{
    g_main_context_pop_thread_default(call->context);
    g_main_context_unref(call->context);
    g_clear_object(&call->result);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(SyncCall, sync_call_end)

static void
on_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    SyncCall *call = user_data;

    call->result = g_object_ref(result);
}

VblkConnection *
vblk_connection_open_sync(const char *uri, GCancellable *cancellable, GError **error)
{
    g_autoptr(GMainContext) context = g_main_context_ref_thread_default();
    g_auto(SyncCall) call = sync_call_begin();

    vblk_connection_open_in_context(uri, context, cancellable, on_done, &call);
    return vblk_connection_open_finish(sync_call_wait(&call), error);
}

VblkDomain *
vblk_connection_lookup_domain_sync(VblkConnection *connection,
                                   const char *name,
                                   GCancellable *cancellable,
                                   GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_connection_lookup_domain_async(connection, name, cancellable, on_done, &call);
    return vblk_connection_lookup_domain_finish(connection, sync_call_wait(&call), error);
}

GPtrArray *
vblk_connection_list_domains_sync(VblkConnection *connection,
                                  GCancellable *cancellable,
                                  GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_connection_list_domains_async(connection, cancellable, on_done, &call);
    return vblk_connection_list_domains_finish(connection, sync_call_wait(&call), error);
}

VblkDomain *
vblk_connection_define_xml_sync(VblkConnection *connection,
                                const char *xml,
                                GCancellable *cancellable,
                                GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_connection_define_xml_async(connection, xml, cancellable, on_done, &call);
    return vblk_connection_define_xml_finish(connection, sync_call_wait(&call), error);
}

VblkDomain *
vblk_connection_define_image_sync(VblkConnection *connection,
                                  const char *name,
                                  const char *path,
                                  const char *format,
                                  GCancellable *cancellable,
                                  GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_connection_define_image_async(connection, name, path, format, cancellable, on_done, &call);
    return vblk_connection_define_image_finish(connection, sync_call_wait(&call), error);
}

GPtrArray *
vblk_connection_list_jobs_sync(VblkConnection *connection,
                               gboolean with_ended,
                               GCancellable *cancellable,
                               GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_connection_list_jobs_async(connection, with_ended, cancellable, on_done, &call);
    return vblk_connection_list_jobs_finish(connection, sync_call_wait(&call), error);
}

GPtrArray *
vblk_connection_list_events_sync(VblkConnection *connection,
                                 guint64 after,
                                 guint limit,
                                 GCancellable *cancellable,
                                 GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_connection_list_events_async(connection, after, limit, cancellable, on_done, &call);
    return vblk_connection_list_events_finish(connection, sync_call_wait(&call), error);
}

char *
vblk_domain_get_xml_sync(VblkDomain *domain,
                         VblkXmlFlags flags,
                         GCancellable *cancellable,
                         GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_get_xml_async(domain, flags, cancellable, on_done, &call);
    return vblk_domain_get_xml_finish(domain, sync_call_wait(&call), error);
}

gboolean
vblk_domain_undefine_sync(VblkDomain *domain,
                          VblkUndefineFlags flags,
                          GCancellable *cancellable,
                          GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_undefine_async(domain, flags, cancellable, on_done, &call);
    return vblk_domain_undefine_finish(domain, sync_call_wait(&call), error);
}

GPtrArray *
vblk_domain_list_disks_sync(VblkDomain *domain, GCancellable *cancellable, GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_list_disks_async(domain, cancellable, on_done, &call);
    return vblk_domain_list_disks_finish(domain, sync_call_wait(&call), error);
}

gboolean
vblk_domain_block_info_sync(VblkDomain *domain,
                            const char *disk,
                            guint64 *ret_capacity,
                            guint64 *ret_allocation,
                            guint64 *ret_physical,
                            GCancellable *cancellable,
                            GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_info_async(domain, disk, cancellable, on_done, &call);
    return vblk_domain_block_info_finish(
        domain, sync_call_wait(&call), ret_capacity, ret_allocation, ret_physical, error);
}

GPtrArray *
vblk_domain_block_chain_sync(VblkDomain *domain,
                             const char *disk,
                             GCancellable *cancellable,
                             GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_chain_async(domain, disk, cancellable, on_done, &call);
    return vblk_domain_block_chain_finish(domain, sync_call_wait(&call), error);
}

VblkBlockJob *
vblk_domain_block_pull_sync(VblkDomain *domain,
                            const char *disk,
                            guint64 bandwidth,
                            VblkRebaseFlags flags,
                            GCancellable *cancellable,
                            GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_pull_async(domain, disk, bandwidth, flags, cancellable, on_done, &call);
    return vblk_domain_block_pull_finish(domain, sync_call_wait(&call), error);
}

VblkBlockJob *
vblk_domain_block_rebase_sync(VblkDomain *domain,
                              const char *disk,
                              const char *base,
                              guint64 bandwidth,
                              VblkRebaseFlags flags,
                              GCancellable *cancellable,
                              GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_rebase_async(
        domain, disk, base, bandwidth, flags, cancellable, on_done, &call);
    return vblk_domain_block_rebase_finish(domain, sync_call_wait(&call), error);
}

VblkBlockJob *
vblk_domain_block_job_lookup_sync(VblkDomain *domain,
                                  const char *disk,
                                  GCancellable *cancellable,
                                  GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_job_lookup_async(domain, disk, cancellable, on_done, &call);
    return vblk_domain_block_job_lookup_finish(domain, sync_call_wait(&call), error);
}

gboolean
vblk_domain_block_job_info_sync(VblkDomain *domain,
                                const char *disk,
                                VblkBlockJobFlags flags,
                                gboolean *ret_found,
                                VblkBlockJobType *ret_type,
                                guint64 *ret_bandwidth,
                                guint64 *ret_current,
                                guint64 *ret_end,
                                GCancellable *cancellable,
                                GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_job_info_async(domain, disk, flags, cancellable, on_done, &call);
    return vblk_domain_block_job_info_finish(domain,
                                             sync_call_wait(&call),
                                             ret_found,
                                             ret_type,
                                             ret_bandwidth,
                                             ret_current,
                                             ret_end,
                                             error);
}

gboolean
vblk_domain_block_job_abort_sync(VblkDomain *domain,
                                 const char *disk,
                                 VblkBlockJobFlags flags,
                                 GCancellable *cancellable,
                                 GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_job_abort_async(domain, disk, flags, cancellable, on_done, &call);
    return vblk_domain_block_job_abort_finish(domain, sync_call_wait(&call), error);
}

gboolean
vblk_domain_block_job_set_speed_sync(VblkDomain *domain,
                                     const char *disk,
                                     guint64 bandwidth,
                                     VblkBlockJobFlags flags,
                                     GCancellable *cancellable,
                                     GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_block_job_set_speed_async(
        domain, disk, bandwidth, flags, cancellable, on_done, &call);
    return vblk_domain_block_job_set_speed_finish(domain, sync_call_wait(&call), error);
}

VblkSnapshot *
vblk_domain_snapshot_create_xml_sync(VblkDomain *domain,
                                     const char *xml,
                                     VblkSnapshotCreateFlags flags,
                                     GCancellable *cancellable,
                                     GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_snapshot_create_xml_async(domain, xml, flags, cancellable, on_done, &call);
    return vblk_domain_snapshot_create_xml_finish(domain, sync_call_wait(&call), error);
}

GPtrArray *
vblk_domain_list_snapshots_sync(VblkDomain *domain, GCancellable *cancellable, GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_list_snapshots_async(domain, cancellable, on_done, &call);
    return vblk_domain_list_snapshots_finish(domain, sync_call_wait(&call), error);
}

VblkSnapshot *
vblk_domain_lookup_snapshot_sync(VblkDomain *domain,
                                 const char *name,
                                 GCancellable *cancellable,
                                 GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_domain_lookup_snapshot_async(domain, name, cancellable, on_done, &call);
    return vblk_domain_lookup_snapshot_finish(domain, sync_call_wait(&call), error);
}

char *
vblk_snapshot_get_xml_sync(VblkSnapshot *snapshot,
                           guint flags,
                           GCancellable *cancellable,
                           GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_snapshot_get_xml_async(snapshot, flags, cancellable, on_done, &call);
    return vblk_snapshot_get_xml_finish(snapshot, sync_call_wait(&call), error);
}

gboolean
vblk_snapshot_delete_sync(VblkSnapshot *snapshot,
                          VblkSnapshotDeleteFlags flags,
                          GCancellable *cancellable,
                          GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_snapshot_delete_async(snapshot, flags, cancellable, on_done, &call);
    return vblk_snapshot_delete_finish(snapshot, sync_call_wait(&call), error);
}

gboolean
vblk_block_job_cancel_sync(VblkBlockJob *job,
                           gboolean waits,
                           GCancellable *cancellable,
                           GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_block_job_cancel_async(job, waits, cancellable, on_done, &call);
    return vblk_block_job_cancel_finish(job, sync_call_wait(&call), error);
}

gboolean
vblk_block_job_pause_sync(VblkBlockJob *job, GCancellable *cancellable, GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_block_job_pause_async(job, cancellable, on_done, &call);
    return vblk_block_job_pause_finish(job, sync_call_wait(&call), error);
}

gboolean
vblk_block_job_resume_sync(VblkBlockJob *job, GCancellable *cancellable, GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_block_job_resume_async(job, cancellable, on_done, &call);
    return vblk_block_job_resume_finish(job, sync_call_wait(&call), error);
}

gboolean
vblk_block_job_set_speed_sync(VblkBlockJob *job,
                              guint64 bandwidth_bps,
                              GCancellable *cancellable,
                              GError **error)
{
    g_auto(SyncCall) call = sync_call_begin();

    vblk_block_job_set_speed_async(job, bandwidth_bps, cancellable, on_done, &call);
    return vblk_block_job_set_speed_finish(job, sync_call_wait(&call), error);
}
