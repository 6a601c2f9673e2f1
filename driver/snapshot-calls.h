/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshot calls */

#include "driver/driver.h"

/* Values of libvirt's flags. */
#define SNAPSHOT_CREATE_NO_METADATA 4
#define SNAPSHOT_CREATE_DISK_ONLY   16
#define SNAPSHOT_CREATE_REUSE_EXT   32
#define SNAPSHOT_CREATE_ATOMIC      128

/*
 * Takes an external, disk-only snapshot as @xml (a domainsnapshot document) says. Overlays that are
 * not named are put beside the image, as BASENAME.SNAPSHOT. The result is the snapshot's name.
 */
void driver_snapshot_create_async(Driver *driver,
                                  Domain *domain,
                                  const char *xml,
                                  guint flags,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
char *driver_snapshot_create_finish(Driver *driver, GAsyncResult *result, GError **error);

/* Metadata alone; its children get its parent. */
void driver_snapshot_delete_async(Driver *driver,
                                  Domain *domain,
                                  const char *name,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
gboolean driver_snapshot_delete_finish(Driver *driver, GAsyncResult *result, GError **error);
