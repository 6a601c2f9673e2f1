/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Progress display */

#include "tools/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "tools/i18n.h"
#include "tools/table.h"

#define BAR_WIDTH 24

struct Progress {
    char *label;
    gboolean is_terminal;
    int last_percent; /* of the last line */
};

Progress *
progress_new(const char *label)
{
    Progress *progress = g_new0(Progress, 1);

    progress->label = g_strdup(label);
    progress->is_terminal = isatty(STDERR_FILENO) != 0;
    progress->last_percent = -10;
    return progress;
}

char *
format_duration(gint64 seconds)
{
    if (seconds < 0)
        return g_strdup("-:--");
    if (seconds >= 3600)
        return g_strdup_printf("%" G_GINT64_FORMAT ":%02d:%02d",
                               seconds / 3600,
                               (int)(seconds / 60 % 60),
                               (int)(seconds % 60));
    return g_strdup_printf("%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
}

gint64
job_seconds_left(VblkBlockJob *job)
{
    gint64 end_us = vblk_block_job_get_expected_end_time(job);
    gint64 left_us = end_us - g_get_real_time();

    return end_us == 0 ? -1 : MAX(left_us, 0) / G_USEC_PER_SEC;
}

const char *
job_type_label(VblkBlockJobType type)
{
    switch (type) {
    case VBLK_BLOCK_JOB_PULL:
        return _("Block Pull");
    case VBLK_BLOCK_JOB_COPY:
        return _("Block Copy");
    case VBLK_BLOCK_JOB_COMMIT:
        return _("Block Commit");
    case VBLK_BLOCK_JOB_ACTIVE_COMMIT:
        return _("Active Block Commit");
    case VBLK_BLOCK_JOB_BACKUP:
        return _("Backup");
    case VBLK_BLOCK_JOB_UNKNOWN:
        break;
    }

    return _("Unknown job");
}

/* 100 is for what has ended well; until then something is left to do. */
static int
job_percent(VblkBlockJob *job)
{
    if (g_strcmp0(vblk_block_job_get_state(job), "completed") == 0)
        return 100;
    return MIN((int)(vblk_block_job_get_progress(job) * 100), 99);
}

static void
draw_bar(Progress *progress, VblkBlockJob *job)
{
    int percent = job_percent(job);
    g_autoptr(GString) bar = g_string_new(NULL);
    g_autofree char *rate = format_size(vblk_block_job_get_rate(job));
    g_autofree char *left = format_duration(job_seconds_left(job));

    for (int i = 0; i < BAR_WIDTH; i++)
        g_string_append(bar, i < percent * BAR_WIDTH / 100 ? "█" : "░");

    /* TRANSLATORS: label, bar, per cent, bytes per second, time that is left, state of the job */
    fprintf(stderr,
            _("\r%s: [%3d %%] %s %s/s, %s left, %s\033[K"),
            progress->label,
            percent,
            bar->str,
            rate,
            left,
            vblk_block_job_get_state(job));
    fflush(stderr);
}

static void
print_line(Progress *progress, VblkBlockJob *job)
{
    int percent = job_percent(job);
    g_autofree char *rate = format_size(vblk_block_job_get_rate(job));

    if (percent < progress->last_percent + 10 && (percent < 100 || progress->last_percent == 100))
        return;

    progress->last_percent = percent;
    fprintf(stderr, "%s: [%3d %%] %s/s\n", progress->label, percent, rate);
}

void
progress_show(Progress *progress, VblkBlockJob *job)
{
    if (progress->is_terminal)
        draw_bar(progress, job);
    else
        print_line(progress, job);
}

void
progress_end(Progress *progress, VblkBlockJob *job)
{
    progress_show(progress, job);
    if (progress->is_terminal)
        fputc('\n', stderr);
}

void
progress_free(Progress *progress)
{
    if (progress == NULL)
        return;

    g_free(progress->label);
    g_free(progress);
}
