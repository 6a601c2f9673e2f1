/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Text trees */

#include "tools/tree.h"

#include <stdio.h>

#include "tools/table.h"

typedef struct {
    GPtrArray *names;   /* borrowed */
    GPtrArray *parents; /* borrowed */
} Tree;

static int
find_next_child(const Tree *tree, const char *parent, int after)
{
    for (guint i = (guint)(after + 1); i < tree->names->len; i++) {
        if (g_strcmp0(g_ptr_array_index(tree->parents, i), parent) == 0)
            return (int)i;
    }

    return -1;
}

/* @indent is what stands before the branch; a level adds two columns, a line where siblings follow.
 * Depth is that of the snapshot tree, which the daemon limits. */
static void
print_node(const Tree *tree, int node, gboolean is_root, gboolean is_last, const char *indent)
{
    const char *name = g_ptr_array_index(tree->names, (guint)node);
    const char *step = is_root || is_last ? "  " : "| ";
    g_autofree char *below = g_strconcat(indent, step, NULL);
    g_autofree char *escaped = escape_text(name);
    int child = find_next_child(tree, name, -1);

    printf("%s%s%s\n", indent, is_root ? "" : "+- ", escaped);
    if (child >= 0)
        printf("%s|\n", below);
    else if (is_last && !is_root)
        printf("%s\n", below);

    while (child >= 0) {
        int next = find_next_child(tree, name, child);

        print_node(tree, child, FALSE, next < 0, below);
        child = next;
    }
}

void
tree_print(GPtrArray *names, GPtrArray *parents)
{
    Tree tree = {.names = names, .parents = parents};

    for (int root = find_next_child(&tree, NULL, -1); root >= 0;
         root = find_next_child(&tree, NULL, root)) {
        print_node(&tree, root, TRUE, TRUE, "");
        putchar('\n');
    }
}
