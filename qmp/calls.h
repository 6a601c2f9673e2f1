/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Calls in flight */

#include <gio/gio.h>

/*
 * The commands whose answers a client waits for, by the id it gave them. A call ends by its answer,
 * by its deadline or by its task's cancellable; the answer of a call that was given up is expected
 * still, once. Those count as in flight, too, so that a peer that never answers meets the limit.
 */
#define QMP_CALLS_MAX 1000

typedef struct QmpCalls QmpCalls;

typedef enum {
    QMP_ANSWER_AWAITED,
    QMP_ANSWER_LATE, /* to a call that was given up */
    QMP_ANSWER_TO_NOTHING,
} QmpAnswer;

/* @peer: for messages. */
QmpCalls *qmp_calls_new(const char *peer);
void qmp_calls_free(QmpCalls *calls);

gboolean qmp_calls_is_full(QmpCalls *calls);
/* Returns the id; @task is taken over. It may return an error at any later turn. */
gint64 qmp_calls_add(QmpCalls *calls, GTask *task, const char *command, guint timeout_ms);
/* The answer to @id is here: *ret_task is set where it is awaited. */
QmpAnswer qmp_calls_take(QmpCalls *calls, gint64 id, GTask **ret_task);
void qmp_calls_fail_all(QmpCalls *calls, const GError *reason);
