/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pulls a disk and prints how far it is: cc example.c $(pkg-config --cflags --libs virtblock-1.0) */

#include <stdio.h>

#include <virtblock.h>

static void
on_changed(VblkBlockJob *job, gpointer user_data)
{
    printf("%s: %.0f %%\n", vblk_block_job_get_state(job), vblk_block_job_get_progress(job) * 100);
}

static void
on_ended(VblkBlockJob *job, gpointer user_data)
{
    g_main_loop_quit(user_data);
}

static VblkBlockJob *
start_pull(VblkConnection *connection, const char *name, const char *disk, GError **error)
{
    g_autoptr(VblkDomain) domain =
        vblk_connection_lookup_domain_sync(connection, name, NULL, error);

    if (domain == NULL)
        return NULL;
    return vblk_domain_block_pull_sync(domain, disk, 0, VBLK_REBASE_NONE, NULL, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(VblkConnection) connection = NULL;
    g_autoptr(VblkBlockJob) job = NULL;
    g_autoptr(GError) error = NULL;

    connection = vblk_connection_open_sync(NULL, NULL, &error);
    if (connection != NULL && argc == 3)
        job = start_pull(connection, argv[1], argv[2], &error);
    if (job == NULL) {
        fprintf(stderr, "%s\n", error != NULL ? error->message : "usage: example DOMAIN DISK");
        return 1;
    }

    g_signal_connect(job, "changed", G_CALLBACK(on_changed), NULL);
    g_signal_connect(job, "ended", G_CALLBACK(on_ended), loop);
    if (!vblk_block_job_is_ended(job))
        g_main_loop_run(loop);
    printf("%s\n", vblk_block_job_get_state(job));
    return vblk_block_job_get_error(job) == NULL ? 0 : 1;
}
