/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public events */

#include "api/vblk-event.h"

#include "api/vblk-event-private.h"
#include "api/vblk-properties.h"

struct _VblkEvent {
    GObject parent;

    guint64 sequence;
    guint64 time_us;
    char *domain_name;
    char *domain_uuid;
    char *kind;
    GVariant *properties; /* the kind's details */
};

G_DEFINE_FINAL_TYPE(VblkEvent, vblk_event, G_TYPE_OBJECT)

VblkEvent *
vblk_event_new(GVariant *tuple)
{
    VblkEvent *event = g_object_new(VBLK_TYPE_EVENT, NULL);

    g_variant_get(tuple,
                  "(ttsss@a{sv})",
                  &event->sequence,
                  &event->time_us,
                  &event->domain_name,
                  &event->domain_uuid,
                  &event->kind,
                  &event->properties);
    return event;
}

guint64
vblk_event_get_sequence(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), 0);

    return event->sequence;
}

gint64
vblk_event_get_time(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), 0);

    return (gint64)event->time_us;
}

const char *
vblk_event_get_domain_name(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), NULL);

    return event->domain_name;
}

const char *
vblk_event_get_domain_uuid(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), NULL);

    return event->domain_uuid;
}

const char *
vblk_event_get_kind(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), NULL);

    return event->kind;
}

int
vblk_event_get_lifecycle(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), -1);

    return vblk_properties_get_int(event->properties, "event", -1);
}

int
vblk_event_get_lifecycle_detail(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), -1);

    return vblk_properties_get_int(event->properties, "detail", -1);
}

const char *
vblk_event_get_disk(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), NULL);

    return vblk_properties_get_string(event->properties, "disk");
}

const char *
vblk_event_get_job_id(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), NULL);

    return vblk_properties_get_string(event->properties, "job");
}

VblkBlockJobType
vblk_event_get_job_type(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), 0);

    return (VblkBlockJobType)vblk_properties_get_int(event->properties, "type", 0);
}

VblkBlockJobStatus
vblk_event_get_job_status(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), 0);

    return (VblkBlockJobStatus)vblk_properties_get_int(event->properties, "status", 0);
}

const char *
vblk_event_get_message(VblkEvent *event)
{
    g_return_val_if_fail(VBLK_IS_EVENT(event), NULL);

    return vblk_properties_get_string(event->properties, "message");
}

static void
vblk_event_finalize(GObject *object)
{
    VblkEvent *event = VBLK_EVENT(object);

    g_free(event->domain_name);
    g_free(event->domain_uuid);
    g_free(event->kind);
    g_clear_pointer(&event->properties, g_variant_unref);

    G_OBJECT_CLASS(vblk_event_parent_class)->finalize(object);
}

static void
vblk_event_class_init(VblkEventClass *class)
{
    G_OBJECT_CLASS(class)->finalize = vblk_event_finalize;
}

static void
vblk_event_init(VblkEvent *event)
{
}
