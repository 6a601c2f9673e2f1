/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Driver */

#include "driver/domain.h"
#include "driver/event.h"
#include "driver/store.h"

/*
 * All domains, and every call on them. One thread; calls that ask a peer or the store are
 * asynchronous. Errors are VBLK_ERROR.
 *
 * Signals, all with the model already changed and stored:
 *   domain-added, domain-changed, domain-removed (Domain *)
 *   job-added, job-changed, job-ended            (Domain *, Job *)
 *   snapshot-added, snapshot-changed, snapshot-removed (Domain *, Snapshot *)
 *   event                                        (const Event *)
 * job-ended and snapshot-removed are emitted while the value is still there; handlers copy what
 * they keep.
 */
#define DRIVER_TYPE (driver_get_type())
G_DECLARE_FINAL_TYPE(Driver, driver, VB, DRIVER, GObject)

typedef struct {
    const char *runtime_dir; /* for monitor sockets; exists, 0700 */
    const char *shim_path;   /* the qemu-shim binary */
    guint idle_timeout_ms;   /* a shim with no job is let go after this */
} DriverConfig;

Driver *driver_new(Store *store, const DriverConfig *config);

/* Loads the store, reconnects to every peer and reconciles. */
void driver_start_async(Driver *driver, GAsyncReadyCallback callback, gpointer user_data);
gboolean driver_start_finish(Driver *driver, GAsyncResult *result, GError **error);
/* Lets go of idle peers, closes the monitors; jobs run on. */
void driver_stop_async(Driver *driver, GAsyncReadyCallback callback, gpointer user_data);
gboolean driver_stop_finish(Driver *driver, GAsyncResult *result, GError **error);

/* No job is live and no call is under way. */
gboolean driver_is_idle(Driver *driver);

GPtrArray *driver_get_domains(Driver *driver); /* of Domain, borrowed, by name */
Domain *driver_find_domain(Driver *driver, const char *name_or_uuid, GError **error); /* borrowed */
/* Which other disks also stand on @path: of "domain/target", owned. */
GPtrArray *driver_find_users(Driver *driver,
                             const char *path,
                             const Domain *except,
                             const char *except_target);

void driver_define_async(Driver *driver,
                         const char *xml,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
/* @format: NULL: by the name's ending (.qcow2, .raw, .img), never by content. */
void driver_define_image_async(Driver *driver,
                               const char *name,
                               const char *path,
                               const char *format,
                               GCancellable *cancellable,
                               GAsyncReadyCallback callback,
                               gpointer user_data);
/* For both; a reference. */
Domain *driver_define_finish(Driver *driver, GAsyncResult *result, GError **error);

void driver_undefine_async(Driver *driver,
                           Domain *domain,
                           gboolean with_snapshots,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data);
gboolean driver_undefine_finish(Driver *driver, GAsyncResult *result, GError **error);

/* Reads the images of @disk (a target) now. The chain is owned by the caller. */
void driver_read_chain_async(Driver *driver,
                             Domain *domain,
                             const char *disk,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data);
Chain *driver_read_chain_finish(Driver *driver, GAsyncResult *result, GError **error);
