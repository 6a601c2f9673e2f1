/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job commands */

#include <stdio.h>

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "tools/table.h"

/* What blockjob is asked to do; at most one. */
static const char *const verbs[] = {"abort", "info", "raw", "bandwidth", "pause", "resume"};

static gboolean
check_verbs(const Arguments *arguments, GError **error)
{
    const char *first = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        gboolean is_view = g_str_equal(verbs[i], "raw") && g_strcmp0(first, "info") == 0;

        if (!arguments_has(arguments, verbs[i]) || is_view)
            continue;
        if (first != NULL) {
            g_set_error(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        _("Options --%s and --%s are mutually exclusive"),
                        first,
                        verbs[i]);
            return FALSE;
        }
        first = verbs[i];
    }

    if (arguments_has(arguments, "async") && !arguments_has(arguments, "abort")) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("Option --abort is required by option --async"));
        return FALSE;
    }

    return TRUE;
}

typedef struct {
    gboolean is_found;
    VblkBlockJobType type;
    guint64 bandwidth;
    guint64 current;
    guint64 end;
} Info;

static gboolean
get_info(VblkDomain *domain, const char *disk, gboolean is_bytes, Info *info, GError **error)
{
    return vblk_domain_block_job_info_sync(domain,
                                           disk,
                                           is_bytes ? VBLK_BLOCK_JOB_BANDWIDTH_BYTES
                                                    : VBLK_BLOCK_JOB_FLAGS_NONE,
                                           &info->is_found,
                                           &info->type,
                                           &info->bandwidth,
                                           &info->current,
                                           &info->end,
                                           NULL,
                                           error);
}

static gboolean
print_raw(VblkDomain *domain, const char *disk, gboolean is_bytes, GError **error)
{
    Info info;

    if (!get_info(domain, disk, is_bytes, &info, error))
        return FALSE;
    if (!info.is_found)
        return TRUE;

    printf(" type=%s\n", job_type_label(info.type));
    printf(" bandwidth=%" G_GUINT64_FORMAT "\n", info.bandwidth);
    printf(" cur=%" G_GUINT64_FORMAT "\n", info.current);
    printf(" end=%" G_GUINT64_FORMAT "\n", info.end);
    return TRUE;
}

/* As virsh: the progress on standard error, the limit on standard output. */
static gboolean
print_info(VblkDomain *domain, const char *disk, GError **error)
{
    g_autoptr(VblkBlockJob) job = NULL;
    Info info;
    int percent;

    if (!get_info(domain, disk, TRUE, &info, error))
        return FALSE;
    if (!info.is_found) {
        printf(_("No current block job for %s\n"), disk);
        return TRUE;
    }

    percent = info.end == 0 ? 0 : (int)(100.0 * (double)info.current / (double)info.end);
    fprintf(stderr, "\r%s: [%3d %%]", job_type_label(info.type), MIN(percent, 99));
    fflush(stderr);

    job = vblk_domain_block_job_lookup_sync(domain, disk, NULL, NULL);
    if (job != NULL && g_strcmp0(vblk_block_job_get_state(job), "paused") == 0)
        printf("    %s", _("paused"));
    if (info.bandwidth != 0)
        printf(_("    Bandwidth limit: %" G_GUINT64_FORMAT " bytes/s (%.3f MiB/s)"),
               info.bandwidth,
               (double)info.bandwidth / (1024 * 1024));
    putchar('\n');
    return TRUE;
}

static gboolean
abort_job(VblkDomain *domain, const char *disk, gboolean is_async, GError **error)
{
    return vblk_domain_block_job_abort_sync(domain,
                                            disk,
                                            is_async ? VBLK_BLOCK_JOB_ABORT_ASYNC
                                                     : VBLK_BLOCK_JOB_FLAGS_NONE,
                                            NULL,
                                            error);
}

static gboolean
set_speed(VblkDomain *domain, const char *disk, const Arguments *arguments, GError **error)
{
    return vblk_domain_block_job_set_speed_sync(domain,
                                                disk,
                                                arguments_get_number(arguments, "bandwidth"),
                                                arguments_has(arguments, "bytes")
                                                    ? VBLK_BLOCK_JOB_BANDWIDTH_BYTES
                                                    : VBLK_BLOCK_JOB_FLAGS_NONE,
                                                NULL,
                                                error);
}

/* TRUE also where the disk has no job to hold: that is an error with the disk's name. */
static gboolean
hold_job(VblkDomain *domain, const char *disk, gboolean is_pause, GError **error)
{
    g_autoptr(GError) reason = NULL;
    g_autoptr(VblkBlockJob) job = vblk_domain_block_job_lookup_sync(domain, disk, NULL, &reason);

    if (reason != NULL) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }
    if (job == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("disk %s does not have an active block job"),
                    disk);
        return FALSE;
    }

    return is_pause ? vblk_block_job_pause_sync(job, NULL, error)
                    : vblk_block_job_resume_sync(job, NULL, error);
}

static gboolean
run_blockjob(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = NULL;
    const char *disk = arguments_get(arguments, "path");

    if (!check_verbs(arguments, error))
        return FALSE;
    domain = context_find_domain(context, arguments, error);
    if (domain == NULL)
        return FALSE;

    if (arguments_has(arguments, "abort"))
        return abort_job(domain, disk, arguments_has(arguments, "async"), error);
    if (arguments_has(arguments, "bandwidth"))
        return set_speed(domain, disk, arguments, error);
    if (arguments_has(arguments, "pause"))
        return hold_job(domain, disk, TRUE, error);
    if (arguments_has(arguments, "resume"))
        return hold_job(domain, disk, FALSE, error);
    if (arguments_has(arguments, "raw"))
        return print_raw(domain, disk, arguments_has(arguments, "bytes"), error);
    return print_info(domain, disk, error);
}

static GVariant *
job_to_variant(VblkBlockJob *job)
{
    g_auto(GVariantBuilder) dict = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    const char *base = vblk_block_job_get_base(job);
    const char *error = vblk_block_job_get_error(job);

    g_variant_builder_add_parsed(&dict, "{'id', <%s>}", vblk_block_job_get_id(job));
    g_variant_builder_add_parsed(&dict, "{'domain', <%s>}", vblk_block_job_get_domain_name(job));
    g_variant_builder_add_parsed(&dict, "{'disk', <%s>}", vblk_block_job_get_disk(job));
    g_variant_builder_add_parsed(&dict, "{'operation', <%s>}", vblk_block_job_get_operation(job));
    g_variant_builder_add_parsed(&dict, "{'state', <%s>}", vblk_block_job_get_state(job));
    g_variant_builder_add_parsed(
        &dict, "{'current', <%x>}", (gint64)vblk_block_job_get_current(job));
    g_variant_builder_add_parsed(&dict, "{'end', <%x>}", (gint64)vblk_block_job_get_end(job));
    g_variant_builder_add_parsed(&dict, "{'progress', <%d>}", vblk_block_job_get_progress(job));
    g_variant_builder_add_parsed(&dict, "{'rate', <%x>}", (gint64)vblk_block_job_get_rate(job));
    g_variant_builder_add_parsed(
        &dict, "{'bandwidth', <%x>}", (gint64)vblk_block_job_get_bandwidth(job));
    g_variant_builder_add_parsed(&dict, "{'start-time', <%x>}", vblk_block_job_get_start_time(job));
    g_variant_builder_add_parsed(&dict, "{'end-time', <%x>}", vblk_block_job_get_end_time(job));
    if (base != NULL)
        g_variant_builder_add_parsed(&dict, "{'base', <%s>}", base);
    if (error != NULL)
        g_variant_builder_add_parsed(&dict, "{'error', <%s>}", error);

    return g_variant_builder_end(&dict);
}

static void
print_jobs_as_json(GPtrArray *jobs)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));

    for (guint i = 0; i < jobs->len; i++)
        g_variant_builder_add_value(&builder, job_to_variant(g_ptr_array_index(jobs, i)));
    json_print(g_variant_builder_end(&builder), TRUE);
}

static void
print_jobs_as_table(const Context *context, GPtrArray *jobs)
{
    g_autoptr(Table) table = table_new(_("Job"),
                                       _("Domain"),
                                       _("Disk"),
                                       _("State"),
                                       _("Done"),
                                       _("Rate"),
                                       _("Left"),
                                       _("Reason"),
                                       NULL);

    for (guint i = 0; i < jobs->len; i++) {
        VblkBlockJob *job = g_ptr_array_index(jobs, i);
        gboolean is_ended = vblk_block_job_is_ended(job);
        const char *reason = vblk_block_job_get_error(job);
        g_autofree char *done = g_strdup_printf("%d %%",
                                                (int)(vblk_block_job_get_progress(job) * 100));
        g_autofree char *rate = format_job_rate(job);
        g_autofree char *left = format_duration(is_ended ? -1 : job_seconds_left(job));

        table_add(table,
                  vblk_block_job_get_id(job),
                  vblk_block_job_get_domain_name(job),
                  vblk_block_job_get_disk(job),
                  vblk_block_job_get_state(job),
                  done,
                  rate,
                  left,
                  reason != NULL ? reason : "-",
                  NULL);
    }

    table_print(table, context->is_quiet);
}

static gboolean
run_jobs(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(GPtrArray) jobs = vblk_connection_list_jobs_sync(
        context->connection, arguments_has(arguments, "all"), NULL, error);

    if (jobs == NULL)
        return FALSE;

    if (arguments_has(arguments, "json"))
        print_jobs_as_json(jobs);
    else
        print_jobs_as_table(context, jobs);
    return TRUE;
}

static const Option blockjob_options[] = {
    OPTION_DOMAIN,
    {"path", OPTION_STRING, TRUE, N_("disk: a target or the path of its active image")},
    {"abort", OPTION_FLAG, FALSE, N_("abort the active job on the specified disk")},
    {"async", OPTION_FLAG, FALSE, N_("don't wait for --abort to complete")},
    {"info", OPTION_FLAG, FALSE, N_("get active job information for the specified disk")},
    {"bytes", OPTION_FLAG, FALSE, N_("get/set bandwidth in bytes rather than MiB/s")},
    {"raw", OPTION_FLAG, FALSE, N_("implies --info; output details rather than human summary")},
    {"bandwidth", OPTION_NUMBER, FALSE, N_("set the bandwidth limit in MiB/s")},
    {"pause", OPTION_FLAG, FALSE, N_("hold the job")},
    {"resume", OPTION_FLAG, FALSE, N_("let a held job go on")},
    OPTION_END,
};
static const Option jobs_options[] = {
    {"all", OPTION_FLAG, FALSE, N_("also those that have ended")},
    {"json", OPTION_FLAG, FALSE, N_("for programs")},
    OPTION_END,
};

const Command job_commands[] = {
    {"blockjob", N_("manage active block operations"), blockjob_options, run_blockjob},
    {"jobs", N_("list block jobs of all domains"), jobs_options, run_jobs},
    {NULL, NULL, NULL, NULL},
};
