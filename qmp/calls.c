/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Calls in flight */

#include "qmp/calls.h"

#include "api/vblk-error.h"

struct QmpCalls {
    char *peer;
    gint64 last_id;
    GHashTable *waiting;  /* gint64 -> Call, owned */
    GHashTable *given_up; /* set of gint64, owned */
};

typedef struct {
    QmpCalls *calls; /* borrowed, outlives us */
    gint64 id;
    GTask *task;
    char *command;
    guint timeout_ms;
    guint deadline;     /* source; 0: it has fired */
    GSource *cancelled; /* NULL: cannot be, or it has fired */
} Call;

static void
call_free(Call *call)
{
    g_clear_handle_id(&call->deadline, g_source_remove);
    if (call->cancelled != NULL) {
        g_source_destroy(call->cancelled);
        g_source_unref(call->cancelled);
    }
    g_object_unref(call->task);
    g_free(call->command);
    g_free(call);
}

QmpCalls *
qmp_calls_new(const char *peer)
{
    QmpCalls *calls = g_new0(QmpCalls, 1);

    calls->peer = g_strdup(peer);
    calls->waiting = g_hash_table_new_full(
        g_int64_hash, g_int64_equal, NULL, (GDestroyNotify)call_free);
    calls->given_up = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return calls;
}

void
qmp_calls_free(QmpCalls *calls)
{
    if (calls == NULL)
        return;

    g_assert(g_hash_table_size(calls->waiting) == 0);
    g_hash_table_unref(calls->waiting);
    g_hash_table_unref(calls->given_up);
    g_free(calls->peer);
    g_free(calls);
}

gboolean
qmp_calls_is_full(QmpCalls *calls)
{
    return g_hash_table_size(calls->waiting) + g_hash_table_size(calls->given_up) >= QMP_CALLS_MAX;
}

static void
give_up(Call *call, GError *error)
{
    g_autoptr(GTask) task = g_object_ref(call->task);

    g_hash_table_add(call->calls->given_up, g_memdup2(&call->id, sizeof(call->id)));
    g_hash_table_remove(call->calls->waiting, &call->id);
    g_task_return_error(task, error);
}

static gboolean
on_overdue(gpointer user_data)
{
    Call *call = user_data;

    call->deadline = 0;
    give_up(call,
            g_error_new(VBLK_ERROR,
                        VBLK_ERROR_TIMEOUT,
                        "the %s did not answer '%s' within '%u' ms",
                        call->calls->peer,
                        call->command,
                        call->timeout_ms));
    return G_SOURCE_REMOVE;
}

static gboolean
on_cancelled(GCancellable *cancellable, gpointer user_data)
{
    Call *call = user_data;

    give_up(call,
            g_error_new(
                VBLK_ERROR, VBLK_ERROR_CANCELLED, "waiting for '%s' was cancelled", call->command));
    return G_SOURCE_REMOVE;
}

gint64
qmp_calls_add(QmpCalls *calls, GTask *task, const char *command, guint timeout_ms)
{
    GCancellable *cancellable = g_task_get_cancellable(task);
    Call *call = g_new0(Call, 1);

    call->calls = calls;
    call->id = ++calls->last_id;
    call->task = task;
    call->command = g_strdup(command);
    call->timeout_ms = timeout_ms;
    call->deadline = g_timeout_add(timeout_ms, on_overdue, call);
    /* The task's own check would let the call wait on, and then drop the answer. */
    g_task_set_check_cancellable(task, FALSE);
    if (cancellable != NULL) {
        call->cancelled = g_cancellable_source_new(cancellable);
        g_source_set_callback(call->cancelled, G_SOURCE_FUNC(on_cancelled), call, NULL);
        g_source_attach(call->cancelled, NULL);
    }

    g_hash_table_insert(calls->waiting, &call->id, call);
    return call->id;
}

QmpAnswer
qmp_calls_take(QmpCalls *calls, gint64 id, GTask **ret_task)
{
    Call *call = g_hash_table_lookup(calls->waiting, &id);

    if (call == NULL)
        return g_hash_table_remove(calls->given_up, &id) ? QMP_ANSWER_LATE : QMP_ANSWER_TO_NOTHING;

    *ret_task = g_object_ref(call->task);
    g_hash_table_remove(calls->waiting, &id);
    return QMP_ANSWER_AWAITED;
}

void
qmp_calls_fail_all(QmpCalls *calls, const GError *reason)
{
    GHashTableIter iter;
    Call *call;

    /* A callback may do anything but add a call, since the client is closed: so begin anew. */
    g_hash_table_iter_init(&iter, calls->waiting);
    while (g_hash_table_iter_next(&iter, NULL, (gpointer *)&call)) {
        g_autoptr(GTask) task = g_object_ref(call->task);

        g_hash_table_iter_remove(&iter);
        g_task_return_error(task, g_error_copy(reason));
        g_hash_table_iter_init(&iter, calls->waiting);
    }
}
