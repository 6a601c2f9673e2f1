/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Durable store */

#include "driver/store.h"

/*
 * What the driver's Store asks for, kept in a state folder: documents as files (daemon/catalog.h),
 * the rest in a journal (daemon/journal.h). All of it happens on one thread of its own, in order.
 *
 * A batch is kept or not at the moment its journal transaction ends: the files' new contents are on
 * the disk by then under temporary names, and the transaction holds what is to be renamed and
 * removed. That is done next, and again when the store is opened.
 */
#define DAEMON_STORE_TYPE (daemon_store_get_type())
G_DECLARE_FINAL_TYPE(DaemonStore, daemon_store, VB, DAEMON_STORE, GObject)

/* @state_dir exists. Nothing is touched before the first call. */
DaemonStore *daemon_store_new(const char *state_dir);

/* Waits for what was begun and closes the journal; no calls after that. */
void daemon_store_close(DaemonStore *store);

/* Number of the newest event; 0 until one is known. */
guint64 daemon_store_get_last_sequence(DaemonStore *store);

/* Of Event, owned, in order: those after @after, at most @limit. */
void daemon_store_list_events_async(DaemonStore *store,
                                    guint64 after,
                                    guint limit,
                                    GAsyncReadyCallback callback,
                                    gpointer user_data);
GPtrArray *
daemon_store_list_events_finish(DaemonStore *store, GAsyncResult *result, GError **error);
