/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public domains */

#include "api/vblk-block-job.h"
#include "api/vblk-disk.h"
#include "api/vblk-layer.h"
#include "api/vblk-snapshot.h"

G_BEGIN_DECLS

/**
 * VblkDomain:
 *
 * A virtual machine's definition. A @disk argument is a target ("vda"), a layer by index
 * ("vda[2]") or the path of an image in a chain, as libvirt means them. Errors are #VblkError.
 *
 * Since: 0.1
 */
#define VBLK_TYPE_DOMAIN (vblk_domain_get_type())
G_DECLARE_FINAL_TYPE(VblkDomain, vblk_domain, VBLK, DOMAIN, GObject)

const char *vblk_domain_get_name(VblkDomain *domain);
const char *vblk_domain_get_uuid(VblkDomain *domain);
VblkDomainState vblk_domain_get_state(VblkDomain *domain);
gboolean vblk_domain_is_persistent(VblkDomain *domain);
guint64 vblk_domain_get_max_memory(VblkDomain *domain); /* KiB */
guint vblk_domain_get_vcpus(VblkDomain *domain);
const char *vblk_domain_get_os_type(VblkDomain *domain);

/* The definition as libvirt domain XML; to be freed. */
void vblk_domain_get_xml_async(VblkDomain *domain,
                               VblkXmlFlags flags,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
char *vblk_domain_get_xml_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
char *vblk_domain_get_xml_sync(VblkDomain *domain,
                               VblkXmlFlags flags,
                               GCancellable *cancellable,
                               GError **error);

/* Forgets the definition; images are never touched. Refused while a job runs. */
void vblk_domain_undefine_async(VblkDomain *domain,
                                VblkUndefineFlags flags,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
gboolean vblk_domain_undefine_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
gboolean vblk_domain_undefine_sync(VblkDomain *domain,
                                   VblkUndefineFlags flags,
                                   GCancellable *cancellable,
                                   GError **error);

/* Returns: (transfer full) (element-type VblkDisk): the disks in the definition's order */
void vblk_domain_list_disks_async(VblkDomain *domain,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
GPtrArray *vblk_domain_list_disks_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
GPtrArray *
vblk_domain_list_disks_sync(VblkDomain *domain, GCancellable *cancellable, GError **error);

/* Sizes of an image in bytes: virtual, needed by the guest's data, of the file. */
void vblk_domain_block_info_async(VblkDomain *domain,
                                  const char *disk,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
gboolean vblk_domain_block_info_finish(VblkDomain *domain,
                                       GAsyncResult *result,
                                       guint64 *ret_capacity,
                                       guint64 *ret_allocation,
                                       guint64 *ret_physical,
                                       GError **error);
gboolean vblk_domain_block_info_sync(VblkDomain *domain,
                                     const char *disk,
                                     guint64 *ret_capacity,
                                     guint64 *ret_allocation,
                                     guint64 *ret_physical,
                                     GCancellable *cancellable,
                                     GError **error);

/* Returns: (transfer full) (element-type VblkLayer): the chain of @disk, active layer first */
void vblk_domain_block_chain_async(VblkDomain *domain,
                                   const char *disk,
                                   GCancellable *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer user_data);
GPtrArray *vblk_domain_block_chain_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
GPtrArray *vblk_domain_block_chain_sync(VblkDomain *domain,
                                        const char *disk,
                                        GCancellable *cancellable,
                                        GError **error);

/**
 * vblk_domain_block_pull_async:
 * @domain: a domain
 * @disk: the disk
 * @bandwidth: MiB/s, or bytes per second with %VBLK_REBASE_BANDWIDTH_BYTES; 0: no limit
 * @flags: 0 or %VBLK_REBASE_BANDWIDTH_BYTES
 *
 * Pulls all data of the chain into the active layer, which then needs no backing file. The result
 * is the job, which may have ended already.
 *
 * Since: 0.1
 */
void vblk_domain_block_pull_async(VblkDomain *domain,
                                  const char *disk,
                                  guint64 bandwidth,
                                  VblkRebaseFlags flags,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
VblkBlockJob *
vblk_domain_block_pull_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
VblkBlockJob *vblk_domain_block_pull_sync(VblkDomain *domain,
                                          const char *disk,
                                          guint64 bandwidth,
                                          VblkRebaseFlags flags,
                                          GCancellable *cancellable,
                                          GError **error);

/**
 * vblk_domain_block_rebase_async:
 * @domain: a domain
 * @disk: the disk
 * @base: (nullable): the layer that stays below, by path or index ("vda[3]"); %NULL: none
 * @bandwidth: as for vblk_domain_block_pull_async()
 * @flags: #VblkRebaseFlags
 *
 * Pulls the data of the layers above @base into the active layer.
 *
 * Since: 0.1
 */
void vblk_domain_block_rebase_async(VblkDomain *domain,
                                    const char *disk,
                                    const char *base,
                                    guint64 bandwidth,
                                    VblkRebaseFlags flags,
                                    GCancellable *cancellable,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
VblkBlockJob *
vblk_domain_block_rebase_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
VblkBlockJob *vblk_domain_block_rebase_sync(VblkDomain *domain,
                                            const char *disk,
                                            const char *base,
                                            guint64 bandwidth,
                                            VblkRebaseFlags flags,
                                            GCancellable *cancellable,
                                            GError **error);

/* The live job of @disk; NULL without an error where there is none. */
void vblk_domain_block_job_lookup_async(VblkDomain *domain,
                                        const char *disk,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data);
VblkBlockJob *
vblk_domain_block_job_lookup_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
VblkBlockJob *vblk_domain_block_job_lookup_sync(VblkDomain *domain,
                                                const char *disk,
                                                GCancellable *cancellable,
                                                GError **error);

/* libvirt's job info: *ret_found FALSE where no job runs; then the others are 0. */
void vblk_domain_block_job_info_async(VblkDomain *domain,
                                      const char *disk,
                                      VblkBlockJobFlags flags,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
gboolean vblk_domain_block_job_info_finish(VblkDomain *domain,
                                           GAsyncResult *result,
                                           gboolean *ret_found,
                                           VblkBlockJobType *ret_type,
                                           guint64 *ret_bandwidth,
                                           guint64 *ret_current,
                                           guint64 *ret_end,
                                           GError **error);
gboolean vblk_domain_block_job_info_sync(VblkDomain *domain,
                                         const char *disk,
                                         VblkBlockJobFlags flags,
                                         gboolean *ret_found,
                                         VblkBlockJobType *ret_type,
                                         guint64 *ret_bandwidth,
                                         guint64 *ret_current,
                                         guint64 *ret_end,
                                         GCancellable *cancellable,
                                         GError **error);

/* Stops the job of @disk; with %VBLK_BLOCK_JOB_ABORT_ASYNC without waiting for its end. */
void vblk_domain_block_job_abort_async(VblkDomain *domain,
                                       const char *disk,
                                       VblkBlockJobFlags flags,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);
gboolean
vblk_domain_block_job_abort_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
gboolean vblk_domain_block_job_abort_sync(VblkDomain *domain,
                                          const char *disk,
                                          VblkBlockJobFlags flags,
                                          GCancellable *cancellable,
                                          GError **error);

/* MiB/s, or bytes per second with %VBLK_BLOCK_JOB_BANDWIDTH_BYTES; 0: no limit. */
void vblk_domain_block_job_set_speed_async(VblkDomain *domain,
                                           const char *disk,
                                           guint64 bandwidth,
                                           VblkBlockJobFlags flags,
                                           GCancellable *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer user_data);
gboolean
vblk_domain_block_job_set_speed_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
gboolean vblk_domain_block_job_set_speed_sync(VblkDomain *domain,
                                              const char *disk,
                                              guint64 bandwidth,
                                              VblkBlockJobFlags flags,
                                              GCancellable *cancellable,
                                              GError **error);

/* Takes a snapshot as a domainsnapshot document says; NULL without an error with NO_METADATA. */
void vblk_domain_snapshot_create_xml_async(VblkDomain *domain,
                                           const char *xml,
                                           VblkSnapshotCreateFlags flags,
                                           GCancellable *cancellable,
                                           GAsyncReadyCallback callback,
                                           gpointer user_data);
VblkSnapshot *
vblk_domain_snapshot_create_xml_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
VblkSnapshot *vblk_domain_snapshot_create_xml_sync(VblkDomain *domain,
                                                   const char *xml,
                                                   VblkSnapshotCreateFlags flags,
                                                   GCancellable *cancellable,
                                                   GError **error);

/* Returns: (transfer full) (element-type VblkSnapshot): by name */
void vblk_domain_list_snapshots_async(VblkDomain *domain,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
GPtrArray *
vblk_domain_list_snapshots_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
GPtrArray *
vblk_domain_list_snapshots_sync(VblkDomain *domain, GCancellable *cancellable, GError **error);

void vblk_domain_lookup_snapshot_async(VblkDomain *domain,
                                       const char *name,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);
VblkSnapshot *
vblk_domain_lookup_snapshot_finish(VblkDomain *domain, GAsyncResult *result, GError **error);
VblkSnapshot *vblk_domain_lookup_snapshot_sync(VblkDomain *domain,
                                               const char *name,
                                               GCancellable *cancellable,
                                               GError **error);

G_END_DECLS
