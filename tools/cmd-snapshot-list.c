/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot list */

#include <stdio.h>

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/table.h"
#include "tools/tree.h"

static gboolean
has_children(GPtrArray *snapshots, VblkSnapshot *parent)
{
    for (guint i = 0; i < snapshots->len; i++) {
        const char *name = vblk_snapshot_get_parent(g_ptr_array_index(snapshots, i));

        if (g_strcmp0(name, vblk_snapshot_get_name(parent)) == 0)
            return TRUE;
    }

    return FALSE;
}

static VblkSnapshot *
find_by_name(GPtrArray *snapshots, const char *name)
{
    for (guint i = 0; i < snapshots->len; i++) {
        VblkSnapshot *snapshot = g_ptr_array_index(snapshots, i);

        if (g_str_equal(vblk_snapshot_get_name(snapshot), name))
            return snapshot;
    }

    return NULL;
}

static void
print_snapshot_tree(GPtrArray *snapshots)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    g_autoptr(GPtrArray) parents = g_ptr_array_new();

    for (guint i = 0; i < snapshots->len; i++) {
        VblkSnapshot *snapshot = g_ptr_array_index(snapshots, i);

        g_ptr_array_add(names, (gpointer)vblk_snapshot_get_name(snapshot));
        g_ptr_array_add(parents, (gpointer)vblk_snapshot_get_parent(snapshot));
    }

    tree_print(names, parents);
}

static char *
format_creation_time(VblkSnapshot *snapshot)
{
    g_autoptr(GDateTime)
        utc = g_date_time_new_from_unix_utc(vblk_snapshot_get_creation_time(snapshot));
    g_autoptr(GDateTime) local = utc != NULL ? g_date_time_to_local(utc) : NULL;

    return local != NULL ? g_date_time_format(local, "%Y-%m-%d %H:%M:%S %z") : g_strdup("-");
}

/* Whether @snapshot stands on @from: directly, or anywhere below with @is_far. */
static gboolean
descends(GPtrArray *snapshots, VblkSnapshot *snapshot, const char *from, gboolean is_far)
{
    const char *parent = vblk_snapshot_get_parent(snapshot);

    /* As many steps as there are snapshots are enough, whatever the records say. */
    for (guint steps = 0; parent != NULL && steps <= snapshots->len; steps++) {
        VblkSnapshot *above = find_by_name(snapshots, parent);

        if (g_str_equal(parent, from))
            return TRUE;
        if (!is_far || above == NULL)
            return FALSE;
        parent = vblk_snapshot_get_parent(above);
    }

    return FALSE;
}

/*
 * Ours are all external, of machines that were off, with a record. As in virsh, of two options that
 * are opposites both together mean either.
 */
static gboolean
is_of_kind(const Arguments *arguments)
{
    gboolean asks_time = arguments_has(arguments, "active") ||
                         arguments_has(arguments, "disk-only");

    if (arguments_has(arguments, "no-metadata") && !arguments_has(arguments, "metadata"))
        return FALSE;
    if (arguments_has(arguments, "internal") && !arguments_has(arguments, "external"))
        return FALSE;
    return !asks_time || arguments_has(arguments, "inactive");
}

static gboolean
is_snapshot_listed(GPtrArray *snapshots,
                   VblkSnapshot *snapshot,
                   const char *from,
                   const Arguments *arguments)
{
    gboolean is_leaf = !has_children(snapshots, snapshot);
    gboolean wants_leaves = arguments_has(arguments, "leaves");
    gboolean wants_others = arguments_has(arguments, "no-leaves");

    if (!is_of_kind(arguments))
        return FALSE;
    if (arguments_has(arguments, "roots") && vblk_snapshot_get_parent(snapshot) != NULL)
        return FALSE;
    if ((wants_leaves || wants_others) && !(is_leaf ? wants_leaves : wants_others))
        return FALSE;
    return from == NULL ||
           descends(snapshots, snapshot, from, arguments_has(arguments, "descendants"));
}

/* The snapshot that --from or --current mean; NULL without an error: neither was given. */
static gboolean
find_from(GPtrArray *snapshots, const Arguments *arguments, const char **ret_from, GError **error)
{
    *ret_from = arguments_get(arguments, "from");
    if (*ret_from != NULL && find_by_name(snapshots, *ret_from) == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_SNAPSHOT,
                    _("no domain snapshot with matching name '%s'"),
                    *ret_from);
        return FALSE;
    }
    for (guint i = 0; arguments_has(arguments, "current") && i < snapshots->len; i++) {
        VblkSnapshot *snapshot = g_ptr_array_index(snapshots, i);

        if (vblk_snapshot_is_current(snapshot))
            *ret_from = vblk_snapshot_get_name(snapshot);
    }
    if (arguments_has(arguments, "current") && *ret_from == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_SNAPSHOT,
                    _("the domain does not have a current snapshot"));
        return FALSE;
    }

    return TRUE;
}

/* A new list of what passes; in the order they have. */
static GPtrArray *
filter_snapshots(GPtrArray *snapshots, const char *from, const Arguments *arguments)
{
    GPtrArray *listed = g_ptr_array_new_with_free_func(g_object_unref);

    for (guint i = 0; i < snapshots->len; i++) {
        VblkSnapshot *snapshot = g_ptr_array_index(snapshots, i);

        if (is_snapshot_listed(snapshots, snapshot, from, arguments))
            g_ptr_array_add(listed, g_object_ref(snapshot));
    }

    return listed;
}

static void
print_snapshot_table(const Context *context, GPtrArray *snapshots, const Arguments *arguments)
{
    gboolean has_parent = arguments_has(arguments, "parent");
    g_autoptr(Table)
        table = has_parent ? table_new(_("Name"), _("Creation Time"), _("State"), _("Parent"), NULL)
                           : table_new(_("Name"), _("Creation Time"), _("State"), NULL);

    for (guint i = 0; i < snapshots->len; i++) {
        VblkSnapshot *snapshot = g_ptr_array_index(snapshots, i);
        const char *name = vblk_snapshot_get_name(snapshot);
        const char *state = vblk_snapshot_get_state(snapshot);
        const char *parent = vblk_snapshot_get_parent(snapshot);
        g_autofree char *time = format_creation_time(snapshot);

        if (arguments_has(arguments, "name"))
            puts(name);
        else if (has_parent)
            table_add(table, name, time, state, parent != NULL ? parent : "", NULL);
        else
            table_add(table, name, time, state, NULL);
    }

    if (!arguments_has(arguments, "name"))
        table_print(table, context->is_quiet);
}

static gboolean
run_snapshot_list(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    g_autoptr(GPtrArray) snapshots = NULL;
    g_autoptr(GPtrArray) listed = NULL;
    const char *from;

    if (domain == NULL)
        return FALSE;
    snapshots = vblk_domain_list_snapshots_sync(domain, NULL, error);
    if (snapshots == NULL || !find_from(snapshots, arguments, &from, error))
        return FALSE;

    listed = filter_snapshots(snapshots, from, arguments);
    if (arguments_has(arguments, "tree"))
        print_snapshot_tree(listed);
    else
        print_snapshot_table(context, listed, arguments);
    return TRUE;
}

static const Option snapshot_list_options[] = {
    OPTION_DOMAIN,
    {"parent", OPTION_FLAG, FALSE, N_("add a column showing parent snapshot")},
    {"roots", OPTION_FLAG, FALSE, N_("list only snapshots without parents")},
    {"leaves", OPTION_FLAG, FALSE, N_("list only snapshots without children")},
    {"no-leaves", OPTION_FLAG, FALSE, N_("list only snapshots that have children")},
    {"metadata", OPTION_FLAG, FALSE, N_("list only snapshots that have a record")},
    {"no-metadata", OPTION_FLAG, FALSE, N_("list only snapshots that have no record")},
    {"inactive", OPTION_FLAG, FALSE, N_("list snapshots taken while inactive")},
    {"active", OPTION_FLAG, FALSE, N_("list snapshots taken while active")},
    {"disk-only", OPTION_FLAG, FALSE, N_("list disk-only snapshots of what was active")},
    {"internal", OPTION_FLAG, FALSE, N_("list internal snapshots")},
    {"external", OPTION_FLAG, FALSE, N_("list external snapshots")},
    {"from", OPTION_STRING, FALSE, N_("limit list to children of given snapshot")},
    {"current", OPTION_FLAG, FALSE, N_("limit list to children of current snapshot")},
    {"descendants", OPTION_FLAG, FALSE, N_("with --from, list all descendants")},
    {"topological", OPTION_FLAG, FALSE, N_("parents before children, as they always are")},
    {"tree", OPTION_FLAG, FALSE, N_("list snapshots in a tree")},
    {"name", OPTION_FLAG, FALSE, N_("list snapshot names only")},
    OPTION_END,
};

const Command snapshot_list_commands[] = {
    {"snapshot-list", N_("list snapshots for a domain"), snapshot_list_options, run_snapshot_list},
    {NULL},
};
