/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Public events */

#include <glib-object.h>

#include "api/vblk-enums.h"

G_BEGIN_DECLS

/**
 * VblkEvent:
 *
 * Something that happened to a domain, from the daemon's journal. Its sequence number orders it
 * among all events; a client that was away asks with vblk_connection_list_events_async() for those
 * after the last it saw.
 *
 * Since: 0.1
 */
#define VBLK_TYPE_EVENT (vblk_event_get_type())
G_DECLARE_FINAL_TYPE(VblkEvent, vblk_event, VBLK, EVENT, GObject)

guint64 vblk_event_get_sequence(VblkEvent *event);
/* Microseconds since 1970 UTC. */
gint64 vblk_event_get_time(VblkEvent *event);
const char *vblk_event_get_domain_name(VblkEvent *event);
const char *vblk_event_get_domain_uuid(VblkEvent *event);
/* "lifecycle", "block-job" (the disk is a path) or "block-job-2" (the disk is a target). */
const char *vblk_event_get_kind(VblkEvent *event);

/* Of lifecycle events, as libvirt numbers them; -1 of others. */
int vblk_event_get_lifecycle(VblkEvent *event);
int vblk_event_get_lifecycle_detail(VblkEvent *event);

/* Of block-job events; NULL, 0 of others. The message tells why a job failed, else it is NULL. */
const char *vblk_event_get_disk(VblkEvent *event);
const char *vblk_event_get_job_id(VblkEvent *event);
VblkBlockJobType vblk_event_get_job_type(VblkEvent *event);
VblkBlockJobStatus vblk_event_get_job_status(VblkEvent *event);
const char *vblk_event_get_message(VblkEvent *event);

G_END_DECLS
