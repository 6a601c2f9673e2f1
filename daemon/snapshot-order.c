/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot order */

#include "daemon/snapshot-order.h"

/* Finds domainsnapshot/parent/name; the rest of the document is the driver's to understand. */
typedef struct {
    guint depth;
    gboolean is_in_parent;
    gboolean is_in_name;
    GString *name;
} ParentSearch;

static void
on_start(GMarkupParseContext *context,
         const char *element,
         const char **attribute_names,
         const char **attribute_values,
         gpointer user_data,
         GError **error)
{
    ParentSearch *search = user_data;

    search->depth++;
    if (search->depth == 2)
        search->is_in_parent = g_str_equal(element, "parent");
    search->is_in_name = search->depth == 3 && search->is_in_parent && g_str_equal(element, "name");
}

static void
on_end(GMarkupParseContext *context, const char *element, gpointer user_data, GError **error)
{
    ParentSearch *search = user_data;

    search->depth--;
    search->is_in_name = FALSE;
}

static void
on_text(GMarkupParseContext *context,
        const char *text,
        gsize length,
        gpointer user_data,
        GError **error)
{
    ParentSearch *search = user_data;

    if (search->is_in_name)
        g_string_append_len(search->name, text, (gssize)length);
}

/* Empty for a root, and for a document that makes no sense. */
static char *
find_parent(const char *xml)
{
    static const GMarkupParser parser = {
        .start_element = on_start, .end_element = on_end, .text = on_text};
    ParentSearch search = {.name = g_string_new(NULL)};
    g_autoptr(GMarkupParseContext)
        context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, &search, NULL);

    if (!g_markup_parse_context_parse(context, xml, -1, NULL))
        g_string_truncate(search.name, 0);

    return g_string_free(search.name, FALSE);
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return g_strcmp0((*(StoredSnapshot *const *)a)->name, (*(StoredSnapshot *const *)b)->name);
}

/* Moves those of @waiting whose parent is not waiting any more; FALSE where there is none. */
static gboolean
move_ready(GPtrArray *waiting, GHashTable *parents, GHashTable *names, GPtrArray *sorted)
{
    guint before = waiting->len;
    g_autoptr(GPtrArray) moved = g_ptr_array_new();

    for (guint i = 0; i < waiting->len;) {
        StoredSnapshot *snapshot = waiting->pdata[i];

        if (g_hash_table_contains(names, g_hash_table_lookup(parents, snapshot)))
            i++;
        else
            g_ptr_array_add(moved, g_ptr_array_steal_index(waiting, i));
    }

    for (guint i = 0; i < moved->len; i++) {
        g_hash_table_remove(names, ((StoredSnapshot *)moved->pdata[i])->name);
        g_ptr_array_add(sorted, moved->pdata[i]);
    }

    return waiting->len < before;
}

void
snapshot_order_sort(GPtrArray *snapshots)
{
    g_autoptr(GHashTable) parents = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_autoptr(GHashTable) names = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) waiting = g_ptr_array_new();
    g_autoptr(GPtrArray) sorted = g_ptr_array_new();

    g_ptr_array_sort(snapshots, compare_names);
    for (guint i = 0; i < snapshots->len; i++) {
        StoredSnapshot *snapshot = snapshots->pdata[i];

        g_hash_table_insert(parents, snapshot, find_parent(snapshot->xml));
        g_hash_table_add(names, snapshot->name);
        g_ptr_array_add(waiting, snapshot);
    }

    while (move_ready(waiting, parents, names, sorted))
        continue;

    /* What is left stands in a circle, which no snapshot we wrote does. */
    for (guint i = 0; i < waiting->len; i++)
        g_ptr_array_add(sorted, waiting->pdata[i]);
    for (guint i = 0; i < sorted->len; i++)
        snapshots->pdata[i] = sorted->pdata[i];
}
