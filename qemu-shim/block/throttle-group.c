/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Throttle groups */

#include "qemu-shim/block/throttle-group.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/registry.h"
#include "qemu-shim/block/throttle-limits.h"

/* Each is an object that somebody asked for. */
#define MAX_GROUPS 1024

struct ThrottleGroup {
    gatomicrefcount references;
    char *name;
    int member_count; /* atomic */

    /* Reads and writes each wait in one queue: who holds the turn is the next to pass. */
    GMutex turns[2];

    GMutex lock; /* protects what follows */
    GCond changed;
    ThrottleLimits limits;
    gboolean is_open; /* nothing waits any more */
};

ThrottleGroup *
throttle_group_ref(ThrottleGroup *group)
{
    g_atomic_ref_count_inc(&group->references);
    return group;
}

void
throttle_group_unref(ThrottleGroup *group)
{
    if (group == NULL || !g_atomic_ref_count_dec(&group->references))
        return;

    g_mutex_clear(&group->turns[0]);
    g_mutex_clear(&group->turns[1]);
    g_mutex_clear(&group->lock);
    g_cond_clear(&group->changed);
    g_free(group->name);
    g_free(group);
}

static gboolean
take_limits(BlockOptions *options, ThrottleLimits *limits, GError **error)
{
    g_autoptr(BlockOptions) inner = NULL;

    if (!throttle_limits_take(limits, options, "x-", error) ||
        !block_options_take_object(options, "limits", &inner, error))
        return FALSE;
    if (inner != NULL &&
        (!throttle_limits_take(limits, inner, "", error) || !block_options_finish(inner, error)))
        return FALSE;
    return block_options_finish(options, error) && throttle_limits_check(limits, error);
}

gboolean
throttle_group_change(ThrottleGroup *group, GVariant *properties, GError **error)
{
    g_autoptr(BlockOptions) options = block_options_new(properties, error);
    ThrottleLimits limits;
    gboolean is_good;

    if (options == NULL)
        return FALSE;

    g_mutex_lock(&group->lock);
    limits = group->limits;
    is_good = take_limits(options, &limits, error);
    if (is_good) {
        group->limits = limits;
        g_cond_broadcast(&group->changed);
    }
    g_mutex_unlock(&group->lock);
    return is_good;
}

gboolean
throttle_group_add(BlockGraph *graph, const char *name, GVariant *properties, GError **error)
{
    g_autoptr(ThrottleGroup) group = NULL;

    if (g_hash_table_contains(graph->throttle_groups, name)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "attempt to add duplicate property '%s' to object (type 'container')",
                    name);
        return FALSE;
    }
    if (g_hash_table_size(graph->throttle_groups) >= MAX_GROUPS) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "there are %d throttle groups already",
                    MAX_GROUPS);
        return FALSE;
    }

    group = g_new0(ThrottleGroup, 1);
    g_atomic_ref_count_init(&group->references);
    g_mutex_init(&group->turns[0]);
    g_mutex_init(&group->turns[1]);
    g_mutex_init(&group->lock);
    g_cond_init(&group->changed);
    group->name = g_strdup(name);
    throttle_limits_init(&group->limits);
    if (properties != NULL && !throttle_group_change(group, properties, error))
        return FALSE;

    g_hash_table_insert(graph->throttle_groups, g_strdup(name), throttle_group_ref(group));
    return TRUE;
}

ThrottleGroup *
throttle_group_find(BlockGraph *graph, const char *name, GError **error)
{
    ThrottleGroup *group = g_hash_table_lookup(graph->throttle_groups, name);

    if (group == NULL)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Throttle group '%s' does not exist",
                    name);
    return group;
}

gboolean
throttle_group_remove(BlockGraph *graph, const char *name, GError **error)
{
    ThrottleGroup *group = g_hash_table_lookup(graph->throttle_groups, name);

    if (group == NULL) {
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "object '%s' not found", name);
        return FALSE;
    }
    if (g_atomic_int_get(&group->member_count) > 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "object '%s' is in use, can not be deleted",
                    name);
        return FALSE;
    }

    g_hash_table_remove(graph->throttle_groups, name);
    return TRUE;
}

GVariant *
throttle_group_describe(ThrottleGroup *group)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&group->lock);

    return throttle_limits_describe(&group->limits);
}

void
throttle_group_open_all(BlockGraph *graph)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, graph->throttle_groups);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        ThrottleGroup *group = value;

        g_mutex_lock(&group->lock);
        group->is_open = TRUE;
        g_cond_broadcast(&group->changed);
        g_mutex_unlock(&group->lock);
    }
}

void
throttle_group_join(ThrottleGroup *group)
{
    g_atomic_int_inc(&group->member_count);
}

void
throttle_group_leave(ThrottleGroup *group)
{
    g_atomic_int_add(&group->member_count, -1);
}

void
throttle_group_pass(ThrottleGroup *group, gboolean is_write, guint64 bytes)
{
    g_autoptr(GMutexLocker) turn = g_mutex_locker_new(&group->turns[is_write ? 1 : 0]);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&group->lock);

    while (!group->is_open) {
        gint64 now_us = g_get_monotonic_time();
        gint64 wait_us = throttle_limits_wait(&group->limits, is_write, now_us);

        if (wait_us == 0)
            break;
        g_cond_wait_until(&group->changed, &group->lock, now_us + wait_us);
    }
    throttle_limits_account(&group->limits, is_write, bytes);
}
