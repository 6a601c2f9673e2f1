/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Throttle groups */

#include "qemu-shim/block/graph.h"

/*
 * Limits that nodes share, by name: what object-add of a throttle-group makes. The graph keeps
 * them. Main thread, but for what a request calls.
 */
typedef struct ThrottleGroup ThrottleGroup;

/*
 * @properties: an a{sv} of "limits", which is ThrottleLimits of QMP, and of the old "x-iops-total"
 * and its kin; NULL: no limits. Unknown and misfit ones are told in QEMU's words.
 */
gboolean
throttle_group_add(BlockGraph *graph, const char *name, GVariant *properties, GError **error);
/* Refused while a node is in the group. */
gboolean throttle_group_remove(BlockGraph *graph, const char *name, GError **error);
/* The same properties once more: those that are given change. */
gboolean throttle_group_change(ThrottleGroup *group, GVariant *properties, GError **error);
/* ThrottleLimits of QMP; floating. */
GVariant *throttle_group_describe(ThrottleGroup *group);
/* Borrowed; NULL: none of that name, with QEMU's words. */
ThrottleGroup *throttle_group_find(BlockGraph *graph, const char *name, GError **error);
/* From now on nothing waits: the process ends. */
void throttle_group_open_all(BlockGraph *graph);

ThrottleGroup *throttle_group_ref(ThrottleGroup *group);
void throttle_group_unref(ThrottleGroup *group);
void throttle_group_join(ThrottleGroup *group);
void throttle_group_leave(ThrottleGroup *group);
/* Any thread: returns when the request may pass, and counts it. */
void throttle_group_pass(ThrottleGroup *group, gboolean is_write, guint64 bytes);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ThrottleGroup, throttle_group_unref)
