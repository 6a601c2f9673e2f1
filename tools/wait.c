/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Waiting */

#include "tools/wait.h"

#include <signal.h>
#include <stdio.h>

#include <glib-unix.h>

#include "tools/i18n.h"
#include "tools/progress.h"

#define REDRAW_MS 500

typedef struct {
    VblkBlockJob *job;
    const WaitOptions *options;
    Progress *progress; /* NULL: show none */
    GMainLoop *loop;
    gboolean is_aborting;
    gboolean is_lost;
    GError *abort_error;
} Wait;

static void
show(Wait *wait)
{
    if (wait->progress != NULL)
        progress_show(wait->progress, wait->job);
}

static gboolean
on_redraw(gpointer user_data)
{
    show(user_data);
    return G_SOURCE_CONTINUE;
}

static void
on_changed(VblkBlockJob *job, gpointer user_data)
{
    show(user_data);
}

static void
on_ended(VblkBlockJob *job, gpointer user_data)
{
    Wait *wait = user_data;

    g_main_loop_quit(wait->loop);
}

static void
on_closed(VblkConnection *connection, GError *reason, gpointer user_data)
{
    Wait *wait = user_data;

    wait->is_lost = TRUE;
    g_main_loop_quit(wait->loop);
}

/* The job may end by itself while we ask for its end; then its end is what counts. */
static void
on_abort_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Wait *wait = user_data;

    if (!vblk_block_job_cancel_finish(VBLK_BLOCK_JOB(source), result, &wait->abort_error) ||
        wait->options->is_async)
        g_main_loop_quit(wait->loop);
}

static void
abort_job(Wait *wait)
{
    if (wait->is_aborting)
        return;

    wait->is_aborting = TRUE;
    vblk_block_job_cancel_async(wait->job, FALSE, NULL, on_abort_answered, wait);
}

struct Interrupt {
    guint source;
    gboolean is_pressed;
    Wait *wait; /* NULL: not yet, or no more */
};

static gboolean
on_interrupt(gpointer user_data)
{
    Interrupt *interrupt = user_data;

    interrupt->is_pressed = TRUE;
    if (interrupt->wait != NULL)
        abort_job(interrupt->wait);
    return G_SOURCE_CONTINUE;
}

Interrupt *
interrupt_new(void)
{
    Interrupt *interrupt = g_new0(Interrupt, 1);

    interrupt->source = g_unix_signal_add(SIGINT, on_interrupt, interrupt);
    return interrupt;
}

void
interrupt_free(Interrupt *interrupt)
{
    if (interrupt == NULL)
        return;

    g_source_remove(interrupt->source);
    g_free(interrupt);
}

static void
set_interrupt(Wait *wait, Wait *target)
{
    Interrupt *interrupt = wait->options->interrupt;

    if (interrupt == NULL)
        return;
    interrupt->wait = target;
    if (target != NULL && interrupt->is_pressed)
        abort_job(target);
}

static gboolean
on_timeout(gpointer user_data)
{
    abort_job(user_data);
    return G_SOURCE_REMOVE;
}

static void
run_loop(Wait *wait, Context *context)
{
    gulong changed = g_signal_connect(wait->job, "changed", G_CALLBACK(on_changed), wait);
    gulong ended = g_signal_connect(wait->job, "ended", G_CALLBACK(on_ended), wait);
    gulong closed = g_signal_connect(context->connection, "closed", G_CALLBACK(on_closed), wait);
    guint redraw = g_timeout_add(REDRAW_MS, on_redraw, wait);
    g_autoptr(GSource) timeout = NULL;

    if (wait->options->timeout_s > 0) {
        timeout = g_timeout_source_new_seconds((guint)MIN(wait->options->timeout_s, G_MAXUINT));
        g_source_set_callback(timeout, on_timeout, wait, NULL);
        g_source_attach(timeout, NULL);
    }

    show(wait);
    set_interrupt(wait, wait);
    g_main_loop_run(wait->loop);
    set_interrupt(wait, NULL);

    if (timeout != NULL)
        g_source_destroy(timeout);
    g_source_remove(redraw);
    g_signal_handler_disconnect(context->connection, closed);
    g_signal_handler_disconnect(wait->job, ended);
    g_signal_handler_disconnect(wait->job, changed);
}

static WaitResult
judge(const Wait *wait, Context *context, GError **error)
{
    const char *state = vblk_block_job_get_state(wait->job);

    if (g_strcmp0(state, "completed") == 0)
        return WAIT_COMPLETED;
    if (g_strcmp0(state, "failed") == 0)
        return WAIT_FAILED;
    if (g_strcmp0(state, "cancelled") == 0)
        return WAIT_ABORTED;

    if (wait->is_lost) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_CONNECTION,
                    _("lost the connection to virtblockd; the job '%s' runs on: see 'vblk jobs "
                      "--all'"),
                    vblk_block_job_get_id(wait->job));
        return WAIT_ERROR;
    }
    if (wait->abort_error != NULL) {
        g_propagate_error(error, g_error_copy(wait->abort_error));
        g_prefix_error(
            error, _("failed to abort job for disk '%s': "), vblk_block_job_get_disk(wait->job));
        return WAIT_ERROR;
    }

    return WAIT_ABORTED;
}

WaitResult
wait_for_job(Context *context, VblkBlockJob *job, const WaitOptions *options, GError **error)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(Progress) progress = options->label != NULL ? progress_new(options->label) : NULL;
    Wait wait = {.job = job, .options = options, .progress = progress, .loop = loop};
    WaitResult result;

    if (!vblk_block_job_is_ended(job))
        run_loop(&wait, context);
    if (progress != NULL)
        progress_end(progress, job);

    result = judge(&wait, context, error);
    g_clear_error(&wait.abort_error);
    return result;
}
