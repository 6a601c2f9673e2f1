/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Debug rules */

#include "qemu-shim/block/blkdebug-rules.h"

#include <errno.h>

#include "api/vblk-error.h"

#define MAX_RULES    4096
#define SECTOR_BYTES 512

/* clang-format off */
const char *const blkdebug_event_words[] = {
    [BLOCK_EVENT_L1_UPDATE] = "l1_update",
    [BLOCK_EVENT_L1_GROW_ALLOC_TABLE] = "l1_grow_alloc_table",
    [BLOCK_EVENT_L1_GROW_WRITE_TABLE] = "l1_grow_write_table",
    [BLOCK_EVENT_L1_GROW_ACTIVATE_TABLE] = "l1_grow_activate_table",
    [BLOCK_EVENT_L2_LOAD] = "l2_load",
    [BLOCK_EVENT_L2_UPDATE] = "l2_update",
    [BLOCK_EVENT_L2_UPDATE_COMPRESSED] = "l2_update_compressed",
    [BLOCK_EVENT_L2_ALLOC_COW_READ] = "l2_alloc_cow_read",
    [BLOCK_EVENT_L2_ALLOC_WRITE] = "l2_alloc_write",
    [BLOCK_EVENT_READ_AIO] = "read_aio",
    [BLOCK_EVENT_READ_BACKING_AIO] = "read_backing_aio",
    [BLOCK_EVENT_READ_COMPRESSED] = "read_compressed",
    [BLOCK_EVENT_WRITE_AIO] = "write_aio",
    [BLOCK_EVENT_WRITE_COMPRESSED] = "write_compressed",
    [BLOCK_EVENT_VMSTATE_LOAD] = "vmstate_load",
    [BLOCK_EVENT_VMSTATE_SAVE] = "vmstate_save",
    [BLOCK_EVENT_COW_READ] = "cow_read",
    [BLOCK_EVENT_COW_WRITE] = "cow_write",
    [BLOCK_EVENT_REFTABLE_LOAD] = "reftable_load",
    [BLOCK_EVENT_REFTABLE_GROW] = "reftable_grow",
    [BLOCK_EVENT_REFTABLE_UPDATE] = "reftable_update",
    [BLOCK_EVENT_REFBLOCK_LOAD] = "refblock_load",
    [BLOCK_EVENT_REFBLOCK_UPDATE] = "refblock_update",
    [BLOCK_EVENT_REFBLOCK_UPDATE_PART] = "refblock_update_part",
    [BLOCK_EVENT_REFBLOCK_ALLOC] = "refblock_alloc",
    [BLOCK_EVENT_REFBLOCK_ALLOC_HOOKUP] = "refblock_alloc_hookup",
    [BLOCK_EVENT_REFBLOCK_ALLOC_WRITE] = "refblock_alloc_write",
    [BLOCK_EVENT_REFBLOCK_ALLOC_WRITE_BLOCKS] = "refblock_alloc_write_blocks",
    [BLOCK_EVENT_REFBLOCK_ALLOC_WRITE_TABLE] = "refblock_alloc_write_table",
    [BLOCK_EVENT_REFBLOCK_ALLOC_SWITCH_TABLE] = "refblock_alloc_switch_table",
    [BLOCK_EVENT_CLUSTER_ALLOC] = "cluster_alloc",
    [BLOCK_EVENT_CLUSTER_ALLOC_BYTES] = "cluster_alloc_bytes",
    [BLOCK_EVENT_CLUSTER_FREE] = "cluster_free",
    [BLOCK_EVENT_FLUSH_TO_OS] = "flush_to_os",
    [BLOCK_EVENT_FLUSH_TO_DISK] = "flush_to_disk",
    [BLOCK_EVENT_PWRITEV_RMW_HEAD] = "pwritev_rmw_head",
    [BLOCK_EVENT_PWRITEV_RMW_AFTER_HEAD] = "pwritev_rmw_after_head",
    [BLOCK_EVENT_PWRITEV_RMW_TAIL] = "pwritev_rmw_tail",
    [BLOCK_EVENT_PWRITEV_RMW_AFTER_TAIL] = "pwritev_rmw_after_tail",
    [BLOCK_EVENT_PWRITEV] = "pwritev",
    [BLOCK_EVENT_PWRITEV_ZERO] = "pwritev_zero",
    [BLOCK_EVENT_PWRITEV_DONE] = "pwritev_done",
    [BLOCK_EVENT_EMPTY_IMAGE_PREPARE] = "empty_image_prepare",
    [BLOCK_EVENT_L1_SHRINK_WRITE_TABLE] = "l1_shrink_write_table",
    [BLOCK_EVENT_L1_SHRINK_FREE_L2_CLUSTERS] = "l1_shrink_free_l2_clusters",
    [BLOCK_EVENT_COR_WRITE] = "cor_write",
    [BLOCK_EVENT_CLUSTER_ALLOC_SPACE] = "cluster_alloc_space",
    [BLOCK_EVENT_NONE] = "none",
    [BLOCK_EVENT_COUNT] = NULL,
};

const char *const blkdebug_request_words[] = {
    [BLKDEBUG_READ] = "read",
    [BLKDEBUG_WRITE] = "write",
    [BLKDEBUG_WRITE_ZEROES] = "write-zeroes",
    [BLKDEBUG_DISCARD] = "discard",
    [BLKDEBUG_FLUSH] = "flush",
    [BLKDEBUG_STATUS] = "block-status",
    [BLKDEBUG_REQUESTS] = NULL,
};
/* clang-format on */

void
blkdebug_rules_init(BlkdebugRules *rules)
{
    rules->rules = g_ptr_array_new_with_free_func(g_free);
    rules->armed = g_ptr_array_new();
    rules->state = 1;
}

void
blkdebug_rules_clear(BlkdebugRules *rules)
{
    g_clear_pointer(&rules->armed, g_ptr_array_unref);
    g_clear_pointer(&rules->rules, g_ptr_array_unref);
}

/* Where no kind of request is named, all are meant but the question for a status. */
BlkdebugRule *
blkdebug_rule_new(gboolean is_error)
{
    BlkdebugRule *rule = g_new0(BlkdebugRule, 1);

    rule->event = BLOCK_EVENT_COUNT;
    rule->is_error = is_error;
    rule->number = EIO;
    rule->sector = -1;
    rule->requests = (1u << BLKDEBUG_STATUS) - 1;
    return rule;
}

gboolean
blkdebug_rules_add(BlkdebugRules *rules, BlkdebugRule *rule, GError **error)
{
    g_autofree BlkdebugRule *owned = rule;

    if (rules->rules->len >= MAX_RULES) {
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_LIMIT, "there are more than %d rules", MAX_RULES);
        return FALSE;
    }

    g_ptr_array_add(rules->rules, g_steal_pointer(&owned));
    return TRUE;
}

static gboolean
take_error(BlockOptions *options, BlkdebugRule *rule, GError **error)
{
    guint request = BLKDEBUG_REQUESTS;

    if (!block_options_take_enum(options, "iotype", blkdebug_request_words, &request, error) ||
        !block_options_take_integer(
            options, "errno", G_MININT64, G_MAXINT64, &rule->number, error) ||
        !block_options_take_integer(
            options, "sector", G_MININT64, G_MAXINT64, &rule->sector, error) ||
        !block_options_take_boolean(options, "once", &rule->is_once, error) ||
        !block_options_take_boolean(options, "immediately", &rule->is_immediate, error))
        return FALSE;

    if (request != BLKDEBUG_REQUESTS)
        rule->requests = 1u << request;
    return TRUE;
}

static gboolean
take_next_state(BlockOptions *options, BlkdebugRule *rule, GError **error)
{
    if (block_options_contain(options, "new_state"))
        return block_options_take_integer(
            options, "new_state", G_MININT64, G_MAXINT64, &rule->next_state, error);

    block_options_set_missing(options, "new_state", error);
    return FALSE;
}

static gboolean
take_rule(BlkdebugRules *rules, BlockOptions *options, gboolean is_error, GError **error)
{
    g_autofree BlkdebugRule *rule = blkdebug_rule_new(is_error);
    guint event = BLOCK_EVENT_COUNT;

    if (!block_options_take_enum(options, "event", blkdebug_event_words, &event, error))
        return FALSE;
    if (event == BLOCK_EVENT_COUNT) {
        block_options_set_missing(options, "event", error);
        return FALSE;
    }
    rule->event = (BlockEvent)event;

    if (!block_options_take_integer(
            options, "state", G_MININT64, G_MAXINT64, &rule->state, error) ||
        !(is_error ? take_error : take_next_state)(options, rule, error) ||
        !block_options_finish(options, error))
        return FALSE;
    return blkdebug_rules_add(rules, g_steal_pointer(&rule), error);
}

static gboolean
take_list(BlkdebugRules *rules,
          BlockOptions *options,
          const char *key,
          gboolean is_error,
          GError **error)
{
    g_autoptr(BlockOptions) list = NULL;
    guint count = 0;

    if (!block_options_take_list(options, key, &list, &count, error))
        return FALSE;

    for (guint i = 0; i < count; i++) {
        g_autofree char *number = g_strdup_printf("%u", i);
        g_autoptr(BlockOptions) element = NULL;

        if (!block_options_take_object(list, number, &element, error) ||
            !take_rule(rules, element, is_error, error))
            return FALSE;
    }

    return TRUE;
}

gboolean
blkdebug_rules_take(BlkdebugRules *rules, BlockOptions *options, GError **error)
{
    return take_list(rules, options, "inject-error", TRUE, error) &&
           take_list(rules, options, "set-state", FALSE, error);
}

void
blkdebug_rules_raise(BlkdebugRules *rules, BlockEvent event)
{
    gint64 next_state = rules->state;
    gboolean is_first = TRUE;

    for (guint i = 0; i < rules->rules->len; i++) {
        BlkdebugRule *rule = rules->rules->pdata[i];

        if (rule->event != event || (rule->state != 0 && rule->state != rules->state))
            continue;
        if (!rule->is_error) {
            next_state = rule->next_state;
            continue;
        }
        if (is_first)
            g_ptr_array_set_size(rules->armed, 0);
        is_first = FALSE;
        g_ptr_array_insert(rules->armed, 0, rule);
    }

    rules->state = next_state;
}

static gboolean
is_meant(const BlkdebugRule *rule, BlkdebugRequest request, guint64 offset, guint64 length)
{
    guint64 sector = (guint64)rule->sector;

    if ((rule->requests & (1u << request)) == 0)
        return FALSE;
    if (rule->sector == -1)
        return TRUE;
    return sector <= G_MAXUINT64 / SECTOR_BYTES && sector * SECTOR_BYTES >= offset &&
           sector * SECTOR_BYTES - offset < length;
}

int
blkdebug_rules_check(BlkdebugRules *rules, BlkdebugRequest request, guint64 offset, guint64 length)
{
    for (guint i = 0; i < rules->armed->len; i++) {
        BlkdebugRule *rule = rules->armed->pdata[i];
        /* No errno is as large; a negative one would be taken for success. */
        int number = (int)CLAMP(rule->number, 0, 4095);

        if (!is_meant(rule, request, offset, length))
            continue;
        if (rule->is_once && number != 0) {
            g_ptr_array_remove_index(rules->armed, i);
            g_ptr_array_remove(rules->rules, rule);
        }
        return -number;
    }

    return 0;
}
