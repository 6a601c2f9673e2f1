/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Store interface */

#include <gio/gio.h>

#include "driver/event.h"

/*
 * What must outlive the daemon, as the driver sees it; daemon/store.c keeps it. A StoreBatch is a
 * list of changes that belong together. When the callback of store_commit_async() runs without an
 * error, all of them are durable and the batch's events are numbered. Batches are carried out in
 * the order they were given. A client is told of nothing before that.
 */
typedef struct {
    char *uuid;
    char *name;
    char *xml; /* the definition */
} StoredDomain;

typedef struct {
    char *domain_uuid;
    char *name;
    char *xml;
    gboolean is_current;
} StoredSnapshot;

/* A peer that runs a job; it outlives the daemon. */
typedef struct {
    char *job_id;
    char *socket_path;
    char *chain; /* the chain it works on: text of the driver's own */
    gboolean keeps_relative;
} StoredMonitor;

typedef enum {
    STORE_PUT_DOMAIN,
    STORE_DELETE_DOMAIN, /* with its snapshots */
    STORE_PUT_SNAPSHOT,
    STORE_DELETE_SNAPSHOT,
    STORE_PUT_MONITOR,
    STORE_DELETE_MONITOR,
    STORE_PUT_JOB,
    STORE_APPEND_EVENT,
} StoreChangeKind;

typedef struct {
    StoreChangeKind kind;
    StoredDomain *domain;
    StoredSnapshot *snapshot;
    StoredMonitor *monitor;
    Job *job;
    Event *event;
    char *uuid;   /* of the domain, for the deletions */
    char *name;   /* of the snapshot, for its deletion */
    char *job_id; /* of the monitor, for its deletion */
} StoreChange;

typedef struct {
    GPtrArray *changes; /* of StoreChange, owned */
} StoreBatch;

StoreBatch *store_batch_new(void);
void store_batch_free(StoreBatch *batch);
void store_batch_put_domain(StoreBatch *batch, const char *uuid, const char *name, const char *xml);
void store_batch_delete_domain(StoreBatch *batch, const char *uuid);
void store_batch_put_snapshot(StoreBatch *batch, const StoredSnapshot *snapshot);
void store_batch_delete_snapshot(StoreBatch *batch, const char *domain_uuid, const char *name);
void store_batch_put_monitor(StoreBatch *batch, const StoredMonitor *monitor);
void store_batch_delete_monitor(StoreBatch *batch, const char *job_id);
void store_batch_put_job(StoreBatch *batch, const Job *job);
void store_batch_append_event(StoreBatch *batch, const Event *event);

/* All that is kept, for a daemon that starts. */
typedef struct {
    GPtrArray *domains;   /* of StoredDomain, owned */
    GPtrArray *snapshots; /* of StoredSnapshot, owned, parents before children */
    GPtrArray *monitors;  /* of StoredMonitor, owned */
    GPtrArray *jobs;      /* of Job, owned; those that have not ended */
    guint64 last_job_number;
} StoreContents;

void stored_domain_free(StoredDomain *domain);
void stored_snapshot_free(StoredSnapshot *snapshot);
void stored_monitor_free(StoredMonitor *monitor);
void store_contents_free(StoreContents *contents);

#define STORE_TYPE (store_get_type())
G_DECLARE_INTERFACE(Store, store, VB, STORE, GObject)

struct _StoreInterface {
    GTypeInterface parent;

    /* Borrows @batch until the callback has run. */
    void (*commit_async)(Store *store,
                         StoreBatch *batch,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
    gboolean (*commit_finish)(Store *store, GAsyncResult *result, GError **error);

    void (*load_async)(Store *store, GAsyncReadyCallback callback, gpointer user_data);
    StoreContents *(*load_finish)(Store *store, GAsyncResult *result, GError **error);

    /* Newest first; at most @limit. */
    void (*list_ended_jobs_async)(Store *store,
                                  guint limit,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data);
    GPtrArray *(*list_ended_jobs_finish)(Store *store, GAsyncResult *result, GError **error);
};

/* Takes @batch. */
void store_commit_async(Store *store,
                        StoreBatch *batch,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
/* Returns the batch's events, numbered, of Event, owned; NULL on error. */
GPtrArray *store_commit_finish(Store *store, GAsyncResult *result, GError **error);

void store_load_async(Store *store, GAsyncReadyCallback callback, gpointer user_data);
StoreContents *store_load_finish(Store *store, GAsyncResult *result, GError **error);

void store_list_ended_jobs_async(Store *store,
                                 guint limit,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data);
GPtrArray *store_list_ended_jobs_finish(Store *store, GAsyncResult *result, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreBatch, store_batch_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoredDomain, stored_domain_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoredSnapshot, stored_snapshot_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoredMonitor, stored_monitor_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(StoreContents, store_contents_free)
