/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public connection */

#include "api/vblk-domain.h"
#include "api/vblk-event.h"

G_BEGIN_DECLS

/**
 * VblkConnection:
 *
 * The way to a virtblockd. Signals are emitted in the thread-default main context of the thread
 * that opened it; an object and what came from it belong to that thread.
 *
 * Signals: #VblkConnection::event (#VblkEvent), #VblkConnection::closed (#GError, nullable).
 *
 * Since: 0.1
 */
#define VBLK_TYPE_CONNECTION (vblk_connection_get_type())
G_DECLARE_FINAL_TYPE(VblkConnection, vblk_connection, VBLK, CONNECTION, GObject)

/**
 * vblk_connection_open_async:
 * @uri: (nullable): virtblock:///session, virtblock:///system or virtblock+unix:///PATH; %NULL:
 * what VIRTBLOCK_URI says, else the system's for root and the session's for others
 *
 * Connects. A session's daemon is started where it does not run; it goes by itself when idle.
 * Fails with %VBLK_ERROR_NO_CONNECTION where nobody answers.
 *
 * Since: 0.1
 */
void vblk_connection_open_async(const char *uri,
                                GCancellable *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer user_data);
VblkConnection *vblk_connection_open_finish(GAsyncResult *result, GError **error);
VblkConnection *
vblk_connection_open_sync(const char *uri, GCancellable *cancellable, GError **error);

const char *vblk_connection_get_uri(VblkConnection *connection);
const char *vblk_connection_get_daemon_version(VblkConnection *connection);
gboolean vblk_connection_is_closed(VblkConnection *connection);

/* Returns: (transfer full): the domain of that name, else of that UUID */
void vblk_connection_lookup_domain_async(VblkConnection *connection,
                                         const char *name,
                                         GCancellable *cancellable,
                                         GAsyncReadyCallback callback,
                                         gpointer user_data);
VblkDomain *vblk_connection_lookup_domain_finish(VblkConnection *connection,
                                                 GAsyncResult *result,
                                                 GError **error);
VblkDomain *vblk_connection_lookup_domain_sync(VblkConnection *connection,
                                               const char *name,
                                               GCancellable *cancellable,
                                               GError **error);

/* Returns: (transfer full) (element-type VblkDomain): all domains by name */
void vblk_connection_list_domains_async(VblkConnection *connection,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data);
GPtrArray *vblk_connection_list_domains_finish(VblkConnection *connection,
                                               GAsyncResult *result,
                                               GError **error);
GPtrArray *vblk_connection_list_domains_sync(VblkConnection *connection,
                                             GCancellable *cancellable,
                                             GError **error);

/* Defines a domain from libvirt domain XML, or redefines the one of that name and UUID. */
void vblk_connection_define_xml_async(VblkConnection *connection,
                                      const char *xml,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data);
VblkDomain *
vblk_connection_define_xml_finish(VblkConnection *connection, GAsyncResult *result, GError **error);
VblkDomain *vblk_connection_define_xml_sync(VblkConnection *connection,
                                            const char *xml,
                                            GCancellable *cancellable,
                                            GError **error);

/* Defines a domain of one disk, vda. @format: (nullable): by the ending of @path where %NULL. */
void vblk_connection_define_image_async(VblkConnection *connection,
                                        const char *name,
                                        const char *path,
                                        const char *format,
                                        GCancellable *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer user_data);
VblkDomain *vblk_connection_define_image_finish(VblkConnection *connection,
                                                GAsyncResult *result,
                                                GError **error);
VblkDomain *vblk_connection_define_image_sync(VblkConnection *connection,
                                              const char *name,
                                              const char *path,
                                              const char *format,
                                              GCancellable *cancellable,
                                              GError **error);

/* Returns: (transfer full) (element-type VblkBlockJob): live jobs, and those that have ended */
void vblk_connection_list_jobs_async(VblkConnection *connection,
                                     gboolean with_ended,
                                     GCancellable *cancellable,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);
GPtrArray *
vblk_connection_list_jobs_finish(VblkConnection *connection, GAsyncResult *result, GError **error);
GPtrArray *vblk_connection_list_jobs_sync(VblkConnection *connection,
                                          gboolean with_ended,
                                          GCancellable *cancellable,
                                          GError **error);

/* Returns: (transfer full) (element-type VblkEvent): at most @limit events after number @after */
void vblk_connection_list_events_async(VblkConnection *connection,
                                       guint64 after,
                                       guint limit,
                                       GCancellable *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer user_data);
GPtrArray *vblk_connection_list_events_finish(VblkConnection *connection,
                                              GAsyncResult *result,
                                              GError **error);
GPtrArray *vblk_connection_list_events_sync(VblkConnection *connection,
                                            guint64 after,
                                            guint limit,
                                            GCancellable *cancellable,
                                            GError **error);

G_END_DECLS
