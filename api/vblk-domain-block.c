/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public block calls */

#include "api/vblk-block-job-private.h"
#include "api/vblk-domain-private.h"
#include "api/vblk-domain.h"
#include "api/vblk-layer-private.h"

#define INTERFACE "org.virtblock1.Domain"

void
vblk_domain_block_info_async(VblkDomain *domain,
                             const char *disk,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_info_async);
    vblk_link_call(vblk_domain_get_link(domain),
                   vblk_domain_get_path(domain),
                   INTERFACE,
                   "BlockInfo",
                   g_variant_new("(su)", disk, 0),
                   task);
}

gboolean
vblk_domain_block_info_finish(VblkDomain *domain,
                              GAsyncResult *result,
                              guint64 *ret_capacity,
                              guint64 *ret_allocation,
                              guint64 *ret_physical,
                              GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, domain), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (reply == NULL)
        return FALSE;

    g_variant_get(reply, "(ttt)", ret_capacity, ret_allocation, ret_physical);
    return TRUE;
}

void
vblk_domain_block_chain_async(VblkDomain *domain,
                              const char *disk,
                              GCancellable *cancellable,
                              GAsyncReadyCallback callback,
                              gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_chain_async);
    vblk_link_call(vblk_domain_get_link(domain),
                   vblk_domain_get_path(domain),
                   INTERFACE,
                   "BlockChain",
                   g_variant_new("(su)", disk, 0),
                   task);
}

GPtrArray *
vblk_domain_block_chain_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func(g_object_unref);
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariantIter) iter = NULL;
    GVariant *properties;

    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (reply == NULL)
        return NULL;

    g_variant_get(reply, "(aa{sv})", &iter);
    while (g_variant_iter_next(iter, "@a{sv}", &properties)) {
        g_ptr_array_add(layers, vblk_layer_new(properties));
        g_variant_unref(properties);
    }

    return g_steal_pointer(&layers);
}

void
vblk_domain_block_pull_async(VblkDomain *domain,
                             const char *disk,
                             guint64 bandwidth,
                             VblkRebaseFlags flags,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_pull_async);
    vblk_block_job_start(vblk_domain_get_link(domain),
                         vblk_domain_get_path(domain),
                         "BlockPull",
                         g_variant_new("(stu)", disk, bandwidth, (guint32)flags),
                         task);
}

VblkBlockJob *
vblk_domain_block_pull_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vblk_domain_block_rebase_async(VblkDomain *domain,
                               const char *disk,
                               const char *base,
                               guint64 bandwidth,
                               VblkRebaseFlags flags,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_rebase_async);
    vblk_block_job_start(
        vblk_domain_get_link(domain),
        vblk_domain_get_path(domain),
        "BlockRebase",
        g_variant_new("(sstu)", disk, base != NULL ? base : "", bandwidth, (guint32)flags),
        task);
}

VblkBlockJob *
vblk_domain_block_rebase_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vblk_domain_block_job_lookup_async(VblkDomain *domain,
                                   const char *disk,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_job_lookup_async);
    vblk_link_call_for_object(vblk_domain_get_link(domain),
                              vblk_domain_get_path(domain),
                              INTERFACE,
                              "LookupBlockJob",
                              g_variant_new("(s)", disk),
                              "org.virtblock1.BlockJob",
                              vblk_block_job_build,
                              task);
}

VblkBlockJob *
vblk_domain_block_job_lookup_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vblk_domain_block_job_info_async(VblkDomain *domain,
                                 const char *disk,
                                 VblkBlockJobFlags flags,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_job_info_async);
    vblk_link_call(vblk_domain_get_link(domain),
                   vblk_domain_get_path(domain),
                   INTERFACE,
                   "BlockJobInfo",
                   g_variant_new("(su)", disk, (guint32)flags),
                   task);
}

gboolean
vblk_domain_block_job_info_finish(VblkDomain *domain,
                                  GAsyncResult *result,
                                  gboolean *ret_found,
                                  VblkBlockJobType *ret_type,
                                  guint64 *ret_bandwidth,
                                  guint64 *ret_current,
                                  guint64 *ret_end,
                                  GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    gint32 type;

    g_return_val_if_fail(g_task_is_valid(result, domain), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (reply == NULL)
        return FALSE;

    g_variant_get(reply, "(bittt)", ret_found, &type, ret_bandwidth, ret_current, ret_end);
    *ret_type = (VblkBlockJobType)type;
    return TRUE;
}

void
vblk_domain_block_job_abort_async(VblkDomain *domain,
                                  const char *disk,
                                  VblkBlockJobFlags flags,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_job_abort_async);
    vblk_link_call(vblk_domain_get_link(domain),
                   vblk_domain_get_path(domain),
                   INTERFACE,
                   "BlockJobAbort",
                   g_variant_new("(su)", disk, (guint32)flags),
                   task);
}

gboolean
vblk_domain_block_job_abort_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, domain), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

void
vblk_domain_block_job_set_speed_async(VblkDomain *domain,
                                      const char *disk,
                                      guint64 bandwidth,
                                      VblkBlockJobFlags flags,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(disk != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_block_job_set_speed_async);
    vblk_link_call(vblk_domain_get_link(domain),
                   vblk_domain_get_path(domain),
                   INTERFACE,
                   "BlockJobSetSpeed",
                   g_variant_new("(stu)", disk, bandwidth, (guint32)flags),
                   task);
}

gboolean
vblk_domain_block_job_set_speed_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, domain), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}
