/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pull command */

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/wait.h"

static gboolean
check_options(const Arguments *arguments, GError **error)
{
    const char *const needing[] = {"verbose", "timeout", "async"};

    for (guint i = 0; i < G_N_ELEMENTS(needing); i++) {
        if (!arguments_has(arguments, needing[i]) || arguments_has(arguments, "wait"))
            continue;

        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("Option --wait is required by option --%s"),
                    needing[i]);
        return FALSE;
    }

    return TRUE;
}

static VblkBlockJob *
start_pull(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    const char *disk = arguments_get(arguments, "path");
    const char *base = arguments_get(arguments, "base");
    guint64 bandwidth = arguments_get_number(arguments, "bandwidth");
    guint flags = 0;

    if (domain == NULL)
        return NULL;

    if (arguments_has(arguments, "bytes"))
        flags |= VBLK_REBASE_BANDWIDTH_BYTES;
    if (arguments_has(arguments, "keep-relative"))
        flags |= VBLK_REBASE_RELATIVE;
    if (base == NULL && flags != VBLK_REBASE_RELATIVE)
        return vblk_domain_block_pull_sync(
            domain, disk, bandwidth, (VblkRebaseFlags)flags, NULL, error);

    return vblk_domain_block_rebase_sync(
        domain, disk, base, bandwidth, (VblkRebaseFlags)flags, NULL, error);
}

static gboolean
report(Context *context, VblkBlockJob *job, WaitResult result, GError **error)
{
    const char *reason = vblk_block_job_get_error(job);

    switch (result) {
    case WAIT_COMPLETED:
        context_say(context, "\n%s", _("Pull complete\n"));
        return TRUE;
    case WAIT_ABORTED:
        context_say(context, "\n%s", _("Pull aborted\n"));
        return FALSE;
    case WAIT_FAILED:
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_FAILED,
                    _("Pull failed: %s"),
                    reason != NULL ? reason : _("no reason was given"));
        return FALSE;
    case WAIT_ERROR:
        break;
    }

    return FALSE;
}

static gboolean
run_blockpull(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(Interrupt) interrupt = arguments_has(arguments, "wait") ? interrupt_new() : NULL;
    g_autoptr(VblkBlockJob) job = NULL;
    WaitOptions options = {
        .interrupt = interrupt,
        .label = context->is_quiet ? NULL : _("Block Pull"),
        .timeout_s = arguments_get_number(arguments, "timeout"),
        .is_async = arguments_has(arguments, "async"),
    };

    if (!check_options(arguments, error))
        return FALSE;
    job = start_pull(context, arguments, error);
    if (job == NULL)
        return FALSE;

    if (!arguments_has(arguments, "wait")) {
        context_say(context, "%s", _("Block Pull started\n"));
        return TRUE;
    }

    return report(context, job, wait_for_job(context, job, &options, error), error);
}

static const Option blockpull_options[] = {
    OPTION_DOMAIN,
    {"path", OPTION_STRING, TRUE, N_("disk: a target or the path of its active image")},
    {"bandwidth", OPTION_NUMBER, FALSE, N_("bandwidth limit in MiB/s")},
    {"base", OPTION_STRING, FALSE, N_("path or index of the layer that is to stay below")},
    {"wait", OPTION_FLAG, FALSE, N_("wait for job to finish")},
    {"verbose", OPTION_FLAG, FALSE, N_("with --wait, display the progress")},
    {"timeout",
     OPTION_NUMBER,
     FALSE,
     N_("with --wait, abort if pull exceeds timeout (in seconds)")},
    {"async", OPTION_FLAG, FALSE, N_("with --wait, don't wait for cancel to finish")},
    {"keep-relative", OPTION_FLAG, FALSE, N_("keep the backing chain relatively referenced")},
    {"bytes", OPTION_FLAG, FALSE, N_("the bandwidth limit is in bytes/s rather than MiB/s")},
    OPTION_END,
};

const Command pull_commands[] = {
    {"blockpull", N_("populate a disk from its backing image"), blockpull_options, run_blockpull},
    {NULL, NULL, NULL, NULL},
};
