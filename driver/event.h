/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Events */

#include "driver/job.h"

typedef enum {
    EVENT_LIFECYCLE,
    EVENT_BLOCK_JOB,   /* disk is the path of the active layer */
    EVENT_BLOCK_JOB_2, /* disk is the target */
    N_EVENT_KINDS,
} EventKind;

/* libvirt's numbers. */
typedef enum {
    LIFECYCLE_DEFINED = 0,
    LIFECYCLE_UNDEFINED = 1,
} LifecycleEvent;
#define LIFECYCLE_DEFINED_ADDED     0
#define LIFECYCLE_DEFINED_UPDATED   1
#define LIFECYCLE_UNDEFINED_REMOVED 0

/* Something that clients are told; numbered by the store when it is durable. */
typedef struct {
    guint64 sequence; /* 0 until stored */
    gint64 time_us;
    EventKind kind;
    char *domain_name;
    char *domain_uuid;
    int lifecycle, lifecycle_detail; /* EVENT_LIFECYCLE */
    char *disk;                      /* the others */
    char *job_id;
    JobType job_type;
    JobOutcome outcome;
    char *message; /* why it failed; NULL if it did not */
} Event;

Event *event_new(EventKind kind, const char *domain_name, const char *domain_uuid, gint64 time_us);
Event *event_copy(const Event *event);
void event_free(Event *event);

const char *event_kind_name(EventKind kind); /* "lifecycle", "block-job", "block-job-2" */
gboolean event_kind_parse(const char *name, EventKind *ret);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Event, event_free)
