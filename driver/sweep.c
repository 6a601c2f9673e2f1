/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sweeping */

#include "driver/sweep.h"

#include <glib/gstdio.h>

#include "driver/peer.h"
#include "qmp/value.h"

static gboolean
has_live_job(GVariant *jobs)
{
    for (gsize i = 0; i < g_variant_n_children(jobs); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(jobs, i);
        g_autoptr(GVariant) job = g_variant_get_variant(boxed);
        const char *status;

        if (!g_variant_is_of_type(job, G_VARIANT_TYPE_VARDICT) ||
            !qmp_value_get_string(job, "status", &status, NULL) ||
            !g_str_equal(status, "concluded"))
            return TRUE;
    }

    return FALSE;
}

static void
on_jobs(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(Peer) peer = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) jobs = peer_call_finish(result, &error);

    if (jobs == NULL)
        g_debug("the monitor at '%s' is left alone: %s", peer->socket_path, error->message);
    else if (!g_variant_is_of_type(jobs, G_VARIANT_TYPE("av")) || has_live_job(jobs))
        g_message("the process at '%s' runs a job that is not known, leaving it alone",
                  peer->socket_path);
    else
        peer_quit(g_steal_pointer(&peer));
}

static void
on_attached(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree char *path = user_data;
    g_autoptr(GError) error = NULL;
    Peer *peer = peer_finish(result, &error);

    if (peer != NULL) {
        peer_call_async(peer, "query-jobs", NULL, on_jobs, peer);
        return;
    }

    g_debug("nobody serves '%s': %s", path, error->message);
    g_unlink(path);
}

static gboolean
is_known(const StoreContents *contents, const char *path)
{
    for (guint i = 0; i < contents->monitors->len; i++) {
        const StoredMonitor *monitor = g_ptr_array_index(contents->monitors, i);

        if (g_strcmp0(monitor->socket_path, path) == 0)
            return TRUE;
    }

    return FALSE;
}

void
sweep(Driver *driver, const StoreContents *contents)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) folder = g_dir_open(driver->runtime_dir, 0, &error);
    const char *name;

    if (folder == NULL) {
        g_debug("monitors that were left are not looked for: %s", error->message);
        return;
    }

    while ((name = g_dir_read_name(folder)) != NULL) {
        g_autofree char *path = g_build_filename(driver->runtime_dir, name, NULL);

        if (g_str_has_suffix(name, ".sock") && !is_known(contents, path))
            peer_attach_async(path, on_attached, g_strdup(path));
    }
}
