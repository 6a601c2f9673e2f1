/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Progress display */

#include "tools/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
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

/* Of a job that has ended, over all of its time. */
static guint64
average_rate(VblkBlockJob *job)
{
    gint64 time_us = vblk_block_job_get_end_time(job) - vblk_block_job_get_start_time(job);
    double rate = (double)vblk_block_job_get_current(job) * G_USEC_PER_SEC /
                  (double)MAX(time_us, 1);

    return rate < (double)G_MAXINT64 ? (guint64)rate : 0;
}

char *
format_job_rate(VblkBlockJob *job)
{
    guint64 rate = vblk_block_job_is_ended(job) ? average_rate(job) : vblk_block_job_get_rate(job);
    g_autofree char *size = NULL;

    /* None is known at the beginning, nor while nothing moves. */
    if (rate == 0)
        return g_strdup("-");
    size = format_size(rate);
    return g_strconcat(size, "/s", NULL);
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

static int
count_columns(void)
{
    struct winsize size;

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* As wide as there is room beside @n_others characters: a line that wraps cannot be drawn over. */
static char *
make_bar(int percent, glong n_others)
{
    int width = CLAMP(count_columns() - 1 - (int)n_others, 0, BAR_WIDTH);
    GString *bar = g_string_new(NULL);

    for (int i = 0; i < width; i++)
        g_string_append(bar, i < percent * width / 100 ? "█" : "░");
    if (width > 0)
        g_string_append_c(bar, ' ');
    return g_string_free(bar, FALSE);
}

static char *
make_tail(VblkBlockJob *job)
{
    const char *state = vblk_block_job_get_state(job);
    g_autofree char *rate = format_job_rate(job);
    g_autofree char *left = format_duration(job_seconds_left(job));

    if (vblk_block_job_is_ended(job))
        return g_strdup_printf("%s, %s", rate, state);
    /* TRANSLATORS: bytes per second, time that is left, state of the job */
    return g_strdup_printf(_("%s, %s left, %s"), rate, left, state);
}

static void
draw_bar(Progress *progress, VblkBlockJob *job)
{
    int percent = job_percent(job);
    g_autofree char *head = g_strdup_printf("%s: [%3d %%] ", progress->label, percent);
    g_autofree char *tail = make_tail(job);
    g_autofree char *bar = make_bar(percent, g_utf8_strlen(head, -1) + g_utf8_strlen(tail, -1) + 1);

    fprintf(stderr, "\r%s%s%s\033[K", head, bar, tail);
    fflush(stderr);
}

static void
print_line(Progress *progress, VblkBlockJob *job)
{
    int percent = job_percent(job);
    g_autofree char *rate = format_job_rate(job);

    if (percent < progress->last_percent + 10 && (percent < 100 || progress->last_percent == 100))
        return;

    progress->last_percent = percent;
    fprintf(stderr, "%s: [%3d %%] %s\n", progress->label, percent, rate);
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
