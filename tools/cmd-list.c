/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* List command */

#include <stdio.h>

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/table.h"

/* What is known of a domain when it is asked whether it is to be listed. */
typedef struct {
    VblkDomain *domain;
    guint n_snapshots; /* counted only where a filter asks */
} Candidate;

typedef enum {
    GROUP_PERSISTENCE,
    GROUP_STATE,
    GROUP_AUTOSTART,
    GROUP_MANAGED_SAVE,
    GROUP_SNAPSHOT,
    GROUP_CHECKPOINT,
    N_GROUPS,
} Group;

typedef struct {
    const char *option;
    Group group;
    gboolean (*is_meant)(const Candidate *candidate);
} Filter;

static gboolean
is_always(const Candidate *candidate)
{
    return TRUE;
}

static gboolean
is_never(const Candidate *candidate)
{
    return FALSE;
}

static gboolean
is_running(const Candidate *candidate)
{
    return vblk_domain_get_state(candidate->domain) == VBLK_DOMAIN_RUNNING;
}

static gboolean
is_paused(const Candidate *candidate)
{
    return vblk_domain_get_state(candidate->domain) == VBLK_DOMAIN_PAUSED;
}

static gboolean
is_shut_off(const Candidate *candidate)
{
    return vblk_domain_get_state(candidate->domain) == VBLK_DOMAIN_SHUT_OFF;
}

static gboolean
has_snapshot(const Candidate *candidate)
{
    return candidate->n_snapshots > 0;
}

static gboolean
has_no_snapshot(const Candidate *candidate)
{
    return candidate->n_snapshots == 0;
}

/* As in virsh: of one group any will do, and each group that is named has to agree. */
static const Filter filters[] = {
    {"persistent", GROUP_PERSISTENCE, is_always},
    {"transient", GROUP_PERSISTENCE, is_never},
    {"state-running", GROUP_STATE, is_running},
    {"state-paused", GROUP_STATE, is_paused},
    {"state-shutoff", GROUP_STATE, is_shut_off},
    {"state-other", GROUP_STATE, is_never},
    {"autostart", GROUP_AUTOSTART, is_never},
    {"no-autostart", GROUP_AUTOSTART, is_always},
    {"with-managed-save", GROUP_MANAGED_SAVE, is_never},
    {"without-managed-save", GROUP_MANAGED_SAVE, is_always},
    {"with-snapshot", GROUP_SNAPSHOT, has_snapshot},
    {"without-snapshot", GROUP_SNAPSHOT, has_no_snapshot},
    {"with-checkpoint", GROUP_CHECKPOINT, is_never},
    {"without-checkpoint", GROUP_CHECKPOINT, is_always},
};

static gboolean
passes(const Candidate *candidate, const Arguments *arguments)
{
    gboolean is_asked[N_GROUPS] = {FALSE};
    gboolean is_meant[N_GROUPS] = {FALSE};

    for (guint i = 0; i < G_N_ELEMENTS(filters); i++) {
        if (!arguments_has(arguments, filters[i].option))
            continue;
        is_asked[filters[i].group] = TRUE;
        if (filters[i].is_meant(candidate))
            is_meant[filters[i].group] = TRUE;
    }
    for (guint group = 0; group < N_GROUPS; group++) {
        if (is_asked[group] && !is_meant[group])
            return FALSE;
    }

    return TRUE;
}

static gboolean
is_active(VblkDomain *domain)
{
    return vblk_domain_get_state(domain) != VBLK_DOMAIN_SHUT_OFF;
}

static gboolean
is_listed(const Candidate *candidate, const Arguments *arguments)
{
    if (!arguments_has(arguments, "all") &&
        is_active(candidate->domain) == arguments_has(arguments, "inactive"))
        return FALSE;
    return passes(candidate, arguments);
}

static gboolean
count_snapshots(Candidate *candidate, const Arguments *arguments, GError **error)
{
    g_autoptr(GPtrArray) snapshots = NULL;

    if (!arguments_has(arguments, "with-snapshot") && !arguments_has(arguments, "without-snapshot"))
        return TRUE;

    snapshots = vblk_domain_list_snapshots_sync(candidate->domain, NULL, error);
    if (snapshots == NULL)
        return FALSE;
    candidate->n_snapshots = snapshots->len;
    return TRUE;
}

static gboolean
is_table(const Arguments *arguments)
{
    return arguments_has(arguments, "table") ||
           (!arguments_has(arguments, "uuid") && !arguments_has(arguments, "name") &&
            !arguments_has(arguments, "id"));
}

/* The words that were asked for, on one line. */
static void
print_words(VblkDomain *domain, const Arguments *arguments)
{
    const char *gap = "";

    if (arguments_has(arguments, "id")) {
        fputs("-", stdout);
        gap = " ";
    }
    if (arguments_has(arguments, "name")) {
        printf("%s%s", gap, vblk_domain_get_name(domain));
        gap = " ";
    }
    if (arguments_has(arguments, "uuid"))
        printf("%s%s", gap, vblk_domain_get_uuid(domain));
    putchar('\n');
}

static gboolean
run_list(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(GPtrArray)
        domains = vblk_connection_list_domains_sync(context->connection, NULL, error);
    g_autoptr(Table) table = table_new(_("Id"), _("Name"), _("State"), NULL);

    if (domains == NULL)
        return FALSE;

    for (guint i = 0; i < domains->len; i++) {
        Candidate candidate = {.domain = g_ptr_array_index(domains, i)};

        if (!count_snapshots(&candidate, arguments, error))
            return FALSE;
        if (!is_listed(&candidate, arguments))
            continue;
        if (is_table(arguments))
            table_add(table,
                      "-",
                      vblk_domain_get_name(candidate.domain),
                      domain_state_text(candidate.domain),
                      NULL);
        else
            print_words(candidate.domain, arguments);
    }

    if (is_table(arguments))
        table_print(table, context->is_quiet);
    return TRUE;
}

static const Option list_options[] = {
    {"inactive", OPTION_FLAG, FALSE, N_("list inactive domains")},
    {"all", OPTION_FLAG, FALSE, N_("list inactive & active domains")},
    {"transient", OPTION_FLAG, FALSE, N_("list transient domains")},
    {"persistent", OPTION_FLAG, FALSE, N_("list persistent domains")},
    {"with-snapshot", OPTION_FLAG, FALSE, N_("list domains with existing snapshot")},
    {"without-snapshot", OPTION_FLAG, FALSE, N_("list domains without a snapshot")},
    {"with-checkpoint", OPTION_FLAG, FALSE, N_("list domains with existing checkpoint")},
    {"without-checkpoint", OPTION_FLAG, FALSE, N_("list domains without a checkpoint")},
    {"state-running", OPTION_FLAG, FALSE, N_("list domains in running state")},
    {"state-paused", OPTION_FLAG, FALSE, N_("list domains in paused state")},
    {"state-shutoff", OPTION_FLAG, FALSE, N_("list domains in shutoff state")},
    {"state-other", OPTION_FLAG, FALSE, N_("list domains in other states")},
    {"autostart", OPTION_FLAG, FALSE, N_("list domains with autostart enabled")},
    {"no-autostart", OPTION_FLAG, FALSE, N_("list domains with autostart disabled")},
    {"with-managed-save", OPTION_FLAG, FALSE, N_("list domains with managed save state")},
    {"without-managed-save", OPTION_FLAG, FALSE, N_("list domains without managed save")},
    {"uuid", OPTION_FLAG, FALSE, N_("list uuid's only")},
    {"name", OPTION_FLAG, FALSE, N_("list domain names only")},
    {"id", OPTION_FLAG, FALSE, N_("list domain IDs only")},
    {"table", OPTION_FLAG, FALSE, N_("list table (default)")},
    OPTION_END,
};

const Command list_commands[] = {
    {"list", N_("list domains"), list_options, run_list},
    {NULL},
};
