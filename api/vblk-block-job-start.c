/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Starting jobs */

#include "api/vblk-block-job-private.h"
#include "api/vblk-error.h"
#include "api/vblk-properties.h"

/*
 * A job may end before we ask about it: small images take milliseconds. Its object has gone then,
 * but its record stays, so the job is looked for there.
 */
typedef struct {
    VblkLink *link;
    GTask *task; /* the caller's */
    char *path;  /* of the job, once known */
} Start;

static void
start_free(Start *start)
{
    g_object_unref(start->link);
    g_object_unref(start->task);
    g_free(start->path);
    g_free(start);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Start, start_free)

/* One call of the sequence, with the sequence as the source of nothing else. */
static void
next_call(Start *start,
          const char *path,
          const char *interface,
          const char *method,
          GVariant *parameters,
          GAsyncReadyCallback callback)
{
    g_autoptr(GTask) step = g_task_new(NULL, g_task_get_cancellable(start->task), callback, start);

    g_task_set_source_tag(step, next_call);
    vblk_link_call(start->link, path, interface, method, parameters, step);
}

static void
on_ended_jobs(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Start) start = user_data;
    g_autofree char *name = g_path_get_basename(start->path);
    g_autoptr(GVariantIter) iter = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_task_propagate_pointer(G_TASK(result), &error);
    GVariant *properties;

    if (reply == NULL) {
        g_task_return_error(start->task, g_steal_pointer(&error));
        return;
    }

    g_variant_get(reply, "(aa{sv})", &iter);
    while (g_variant_iter_next(iter, "@a{sv}", &properties)) {
        g_autoptr(GVariant) job = properties;
        const char *id = vblk_properties_get_string(job, "Id");
        g_autofree char *escaped = id != NULL ? vblk_block_job_escape_id(id) : NULL;

        if (g_strcmp0(escaped, name) == 0) {
            g_task_return_pointer(
                start->task, vblk_block_job_build(start->link, start->path, job), g_object_unref);
            return;
        }
    }

    g_task_return_new_error(start->task,
                            VBLK_ERROR,
                            VBLK_ERROR_INTERNAL,
                            "virtblockd started a job and has no record of it");
}

static void
on_job_properties(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Start) start = user_data;
    g_autoptr(GVariant) properties = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_task_propagate_pointer(G_TASK(result), &error);

    if (reply == NULL && g_error_matches(error, VBLK_ERROR, VBLK_ERROR_FAILED)) {
        next_call(g_steal_pointer(&start),
                  VBLK_ROOT_PATH,
                  "org.virtblock1.Manager",
                  "ListJobs",
                  g_variant_new("(u)", 1),
                  on_ended_jobs);
        return;
    }

    if (reply == NULL) {
        g_task_return_error(start->task, g_steal_pointer(&error));
        return;
    }

    g_variant_get(reply, "(@a{sv})", &properties);
    g_task_return_pointer(
        start->task, vblk_block_job_build(start->link, start->path, properties), g_object_unref);
}

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Start) start = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_task_propagate_pointer(G_TASK(result), &error);
    const char *path;

    if (reply == NULL) {
        g_task_return_error(start->task, g_steal_pointer(&error));
        return;
    }

    g_variant_get(reply, "(o)", &start->path);
    path = start->path;
    next_call(g_steal_pointer(&start),
              path,
              "org.freedesktop.DBus.Properties",
              "GetAll",
              g_variant_new("(s)", "org.virtblock1.BlockJob"),
              on_job_properties);
}

void
vblk_block_job_start(VblkLink *link,
                     const char *domain_path,
                     const char *method,
                     GVariant *parameters,
                     GTask *task)
{
    Start *start = g_new0(Start, 1);

    start->link = g_object_ref(link);
    start->task = g_object_ref(task);
    next_call(start, domain_path, "org.virtblock1.Domain", method, parameters, on_started);
}

/* The contract's escaping of ids in object paths. */
char *
vblk_block_job_escape_id(const char *id)
{
    g_autoptr(GString) escaped = g_string_new(NULL);

    for (const char *byte = id; *byte != '\0'; byte++) {
        if (g_ascii_isalnum(*byte))
            g_string_append_c(escaped, *byte);
        else
            g_string_append_printf(escaped, "_%02x", (guint)(guchar)*byte);
    }

    return g_string_free(g_steal_pointer(&escaped), FALSE);
}
