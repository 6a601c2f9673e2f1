/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Process state */

#include "qemu-shim/monitor/shim.h"

#include "qemu-shim/monitor/describe.h"
#include "qmp/server.h"

const char *
shim_get_run_state(const Shim *shim)
{
    if (shim->is_running)
        return "running";
    return shim->is_prelaunch ? "prelaunch" : "paused";
}

void
shim_send_event(Shim *shim, const char *name, GVariant *data)
{
    g_autoptr(GVariant) owned = data != NULL ? g_variant_ref_sink(data) : NULL;
    gint64 now_us = g_get_real_time();

    for (guint i = 0; i < shim->servers->len; i++)
        qmp_server_send_event(g_ptr_array_index(shim->servers, i), name, owned, now_us);
}

static void
on_status(Job *job, gpointer user_data)
{
    shim_send_event(user_data,
                    "JOB_STATUS_CHANGE",
                    g_variant_new_parsed(
                        "{'status': <%s>, 'id': <%s>}", job_status_name(job->status), job->id));
}

static void
on_pending(Job *job, gpointer user_data)
{
    shim_send_event(user_data,
                    "BLOCK_JOB_PENDING",
                    g_variant_new_parsed("{'type': <%s>, 'id': <%s>}", job->type->name, job->id));
}

static void
on_completed(Job *job, gpointer user_data)
{
    shim_send_event(user_data, "BLOCK_JOB_COMPLETED", describe_job_event(job, FALSE));
}

static void
on_cancelled(Job *job, gpointer user_data)
{
    shim_send_event(user_data, "BLOCK_JOB_CANCELLED", describe_job_event(job, TRUE));
}

static void
on_error(Job *job, const char *operation, const char *action, gpointer user_data)
{
    shim_send_event(
        user_data,
        "BLOCK_JOB_ERROR",
        g_variant_new_parsed(
            "{'device': <%s>, 'operation': <%s>, 'action': <%s>}", job->id, operation, action));
}

static void
on_idle(gpointer user_data)
{
    Shim *shim = user_data;

    if (shim->is_quitting)
        g_main_loop_quit(shim->loop);
}

typedef struct {
    Shim *shim;
    char *name;
    GVariant *data;
} NodeEvent;

static gboolean
send_node_event(gpointer user_data)
{
    NodeEvent *event = user_data;

    shim_send_event(event->shim, event->name, event->data);
    return G_SOURCE_REMOVE;
}

static void
node_event_free(gpointer user_data)
{
    NodeEvent *event = user_data;

    g_variant_unref(event->data);
    g_free(event->name);
    g_free(event);
}

/* Any thread. */
static void
report_node_event(const char *name, GVariant *data, gpointer user_data)
{
    NodeEvent *event = g_new0(NodeEvent, 1);

    event->shim = user_data;
    event->name = g_strdup(name);
    event->data = g_variant_ref_sink(data);
    g_main_context_invoke_full(NULL, G_PRIORITY_DEFAULT, send_node_event, event, node_event_free);
    /* cppcheck-suppress memleak ; the main loop has it */
}

Shim *
shim_new(GMainLoop *loop)
{
    static const JobEvents events = {
        .on_status = on_status,
        .on_pending = on_pending,
        .on_completed = on_completed,
        .on_cancelled = on_cancelled,
        .on_error = on_error,
        .on_idle = on_idle,
    };
    Shim *shim = g_new0(Shim, 1);

    shim->graph = block_graph_new();
    block_graph_set_reporter(shim->graph,
                             &(BlockReporter){.function = report_node_event, .user_data = shim});
    shim->devices = block_devices_new();
    shim->jobs = job_list_new(&events, shim);
    shim->objects = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    shim->servers = g_ptr_array_new_with_free_func(g_object_unref);
    shim->sockets = g_ptr_array_new_with_free_func(g_free);
    shim->loop = g_main_loop_ref(loop);
    shim->is_running = TRUE;
    return shim;
}

void
shim_free(Shim *shim)
{
    job_list_free(shim->jobs);
    block_devices_free(shim->devices);
    block_graph_free(shim->graph);
    g_hash_table_unref(shim->objects);
    g_ptr_array_unref(shim->servers);
    g_ptr_array_unref(shim->sockets);
    g_main_loop_unref(shim->loop);
    g_free(shim->name);
    g_free(shim);
}

void
shim_quit(Shim *shim, const char *reason)
{
    g_autoptr(GPtrArray) jobs = NULL;

    if (shim->is_quitting)
        return;

    shim->is_quitting = TRUE;
    shim_send_event(
        shim, "SHUTDOWN", g_variant_new_parsed("{'guest': <false>, 'reason': <%s>}", reason));
    job_list_cancel_all(shim->jobs);
    block_graph_release_requests(shim->graph);
    jobs = job_list_get(shim->jobs);
    if (jobs->len == 0)
        g_main_loop_quit(shim->loop);
}
