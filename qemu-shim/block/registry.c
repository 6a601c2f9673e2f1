/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Node registry */

#include "qemu-shim/block/registry.h"

#include "qemu-shim/block/driver.h"

void
block_registry_name(BlockGraph *graph, BlockNode *node, const char *name)
{
    node->serial = ++graph->last_serial;
    /* '#' cannot begin a name that a user gives. */
    node->name = name != NULL
                     ? g_strdup(name)
                     : g_strdup_printf("#block%03" G_GUINT64_FORMAT, ++graph->last_generated);
}

gboolean
block_registry_has_own_name(const BlockNode *node)
{
    return node->name[0] != '#';
}

static void
walk(GHashTable *seen, GPtrArray *list, BlockNode *node)
{
    while (node != NULL && g_hash_table_add(seen, node)) {
        g_ptr_array_add(list, block_node_ref(node));
        walk(seen, list, block_node_get_file(node));
        for (guint i = 0; node->children != NULL && i < node->children->len; i++)
            walk(seen, list, ((BlockChild *)node->children->pdata[i])->node);
        node = block_node_get_backing(node);
    }
}

static int
compare_newest_first(gconstpointer left, gconstpointer right)
{
    const BlockNode *a = *(BlockNode *const *)left;
    const BlockNode *b = *(BlockNode *const *)right;

    return a->serial < b->serial ? 1 : -1;
}

static GPtrArray *
list_nodes(BlockGraph *graph)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    GPtrArray *list = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);

    for (guint i = 0; i < graph->roots->len; i++)
        walk(seen, list, graph->roots->pdata[i]);
    return list;
}

GPtrArray *
block_graph_list(BlockGraph *graph)
{
    GPtrArray *list = list_nodes(graph);

    g_ptr_array_sort(list, compare_newest_first);
    return list;
}

BlockNode *
block_graph_find(BlockGraph *graph, const char *node_name)
{
    g_autoptr(GPtrArray) list = list_nodes(graph);

    for (guint i = 0; i < list->len; i++) {
        BlockNode *node = list->pdata[i];

        if (g_str_equal(node->name, node_name))
            return node; /* the graph has it as well */
    }

    return NULL;
}

/* As what @above uses @node; NULL: not at all. */
static const char *
get_role(BlockNode *above, const BlockNode *node)
{
    if (block_node_get_backing(above) == node)
        return "backing";
    if (block_node_get_file(above) == node)
        return "file";

    for (guint i = 0; above->children != NULL && i < above->children->len; i++) {
        const BlockChild *child = above->children->pdata[i];

        if (child->node == node)
            return child->role;
    }

    return NULL;
}

gboolean
block_registry_is_parent(BlockNode *above, const BlockNode *node)
{
    return get_role(above, node) != NULL;
}

BlockNode *
block_registry_find_user(BlockGraph *graph, const BlockNode *node, const char **ret_role)
{
    g_autoptr(GPtrArray) list = list_nodes(graph);

    for (guint i = 0; i < list->len; i++) {
        *ret_role = get_role(list->pdata[i], node);
        if (*ret_role != NULL)
            return list->pdata[i];
    }

    return NULL;
}
