/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Debug rules */

#include "qemu-shim/block/event.h"
#include "qemu-shim/block/options.h"

/*
 * A state machine, as QEMU's blkdebug: the state is a number and begins as 1. When an event is
 * raised, each rule for that event and the present state acts: it arms an error, or names the next
 * state. The errors of an event take the place of those armed before, and stay armed until they are
 * spent, where they act once, or replaced. A request fails by the first armed error that is meant
 * for its kind and its place.
 *
 * A value without a lock.
 */
typedef enum {
    BLKDEBUG_READ,
    BLKDEBUG_WRITE,
    BLKDEBUG_WRITE_ZEROES,
    BLKDEBUG_DISCARD,
    BLKDEBUG_FLUSH,
    BLKDEBUG_STATUS,
    BLKDEBUG_REQUESTS,
} BlkdebugRequest;

typedef struct {
    BlockEvent event;
    gint64 state; /* 0: any */
    gboolean is_error;

    /* An error. */
    gint64 number;  /* errno; 0: none, which hides the errors armed with it */
    gint64 sector;  /* -1: any */
    guint requests; /* bits of BlkdebugRequest */
    gboolean is_once;
    gboolean is_immediate; /* QEMU's way of failing, which makes no difference here */

    gint64 next_state; /* otherwise */
} BlkdebugRule;

typedef struct {
    GPtrArray *rules; /* of BlkdebugRule, owned */
    GPtrArray *armed; /* of those, borrowed; the newest first */
    gint64 state;
} BlkdebugRules;

void blkdebug_rules_init(BlkdebugRules *rules);
void blkdebug_rules_clear(BlkdebugRules *rules);

/* Takes "inject-error" and "set-state". */
gboolean blkdebug_rules_take(BlkdebugRules *rules, BlockOptions *options, GError **error);
/* What a config file has in it; @name is for messages. */
gboolean
blkdebug_rules_parse(BlkdebugRules *rules, const char *text, const char *name, GError **error);
/* Takes @rule; refuses more than there may be. */
gboolean blkdebug_rules_add(BlkdebugRules *rules, BlkdebugRule *rule, GError **error);
BlkdebugRule *blkdebug_rule_new(gboolean is_error);

void blkdebug_rules_raise(BlkdebugRules *rules, BlockEvent event);
/* 0, or the negative errno by which the request fails. */
int
blkdebug_rules_check(BlkdebugRules *rules, BlkdebugRequest request, guint64 offset, guint64 length);

/* In QEMU's names; each ends with NULL. */
extern const char *const blkdebug_event_words[];
extern const char *const blkdebug_request_words[];

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(BlkdebugRules, blkdebug_rules_clear)
