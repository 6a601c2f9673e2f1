/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Events */

#include "driver/event.h"

static const char *const kind_names[N_EVENT_KINDS] = {
    [EVENT_LIFECYCLE] = "lifecycle",
    [EVENT_BLOCK_JOB] = "block-job",
    [EVENT_BLOCK_JOB_2] = "block-job-2",
};

Event *
event_new(EventKind kind, const char *domain_name, const char *domain_uuid, gint64 time_us)
{
    Event *event = g_new0(Event, 1);

    event->kind = kind;
    event->domain_name = g_strdup(domain_name);
    event->domain_uuid = g_strdup(domain_uuid);
    event->time_us = time_us;

    return event;
}

Event *
event_copy(const Event *event)
{
    Event *copy = g_new(Event, 1);

    *copy = *event;
    copy->domain_name = g_strdup(event->domain_name);
    copy->domain_uuid = g_strdup(event->domain_uuid);
    copy->disk = g_strdup(event->disk);
    copy->job_id = g_strdup(event->job_id);
    copy->message = g_strdup(event->message);

    return copy;
}

void
event_free(Event *event)
{
    if (!event)
        return;

    g_free(event->domain_name);
    g_free(event->domain_uuid);
    g_free(event->disk);
    g_free(event->job_id);
    g_free(event->message);
    g_free(event);
}

const char *
event_kind_name(EventKind kind)
{
    g_assert(kind < N_EVENT_KINDS);

    return kind_names[kind];
}

gboolean
event_kind_parse(const char *name, EventKind *ret)
{
    for (guint i = 0; i < N_EVENT_KINDS; i++) {
        if (g_strcmp0(kind_names[i], name) == 0) {
            *ret = (EventKind)i;
            return TRUE;
        }
    }

    return FALSE;
}
