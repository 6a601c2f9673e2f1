/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block graph */

#include "qemu-shim/block/graph.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/blkdebug-driver.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/open.h"
#include "qemu-shim/block/registry.h"
#include "qemu-shim/block/throttle-driver.h"

/* A management application names each layer of each disk. */
#define MAX_ROOTS 4096

BlockGraph *
block_graph_new(void)
{
    BlockGraph *graph = g_new0(BlockGraph, 1);

    graph->roots = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);
    graph->throttle_groups = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)throttle_group_unref);
    return graph;
}

void
block_graph_set_reporter(BlockGraph *graph, const BlockReporter *reporter)
{
    graph->reporter = *reporter;
}

void
block_graph_free(BlockGraph *graph)
{
    if (graph == NULL)
        return;

    g_ptr_array_unref(graph->roots);
    g_hash_table_unref(graph->throttle_groups);
    g_free(graph);
}

BlockNode *
block_graph_add(BlockGraph *graph, GVariant *options, GError **error)
{
    g_autoptr(BlockRequest) request = block_request_new(options, error);
    BlockNode *node;

    if (request == NULL)
        return NULL;
    if (graph->roots->len >= MAX_ROOTS) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_LIMIT, "there are %d named nodes already", MAX_ROOTS);
        return NULL;
    }

    node = block_open(graph, request, error);
    if (node != NULL)
        g_ptr_array_add(graph->roots, block_node_ref(node));
    return node;
}

static gboolean set_failed(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
set_failed(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    if (error != NULL)
        *error = g_error_new_valist(VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID, format, arguments);
    va_end(arguments);
    return FALSE;
}

static BlockNode *
find_or_fail(BlockGraph *graph, const char *node_name, GError **error)
{
    BlockNode *node = block_graph_find(graph, node_name);

    if (node == NULL)
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Failed to find node with node-name='%s'",
                    node_name);
    return node;
}

gboolean
block_graph_remove(BlockGraph *graph, const char *node_name, GError **error)
{
    BlockNode *node = find_or_fail(graph, node_name, error);
    const char *role;
    BlockNode *user;

    if (node == NULL)
        return FALSE;
    if (node->blockers->len > 0)
        return set_failed(
            error, "Node '%s' is busy: %s", node_name, (char *)node->blockers->pdata[0]);
    user = block_registry_find_user(graph, node, &role);
    if (user != NULL && g_str_equal(role, "backing"))
        return set_failed(error,
                          "Node '%s' is busy: node is used as backing hd of '%s'",
                          node_name,
                          block_node_get_name(user));
    if (user != NULL || node->device_count > 0)
        return set_failed(error, "Block device %s is in use", node_name);
    if (!g_ptr_array_find(graph->roots, node, NULL))
        return set_failed(error, "Node %s is not owned by the monitor", node_name);

    g_ptr_array_remove(graph->roots, node);
    return TRUE;
}

void
block_graph_replace_backing(BlockGraph *graph, BlockNode *node, BlockNode *backing)
{
    block_node_set_backing(node, backing);
}

void
block_graph_release_requests(BlockGraph *graph)
{
    g_autoptr(GPtrArray) list = block_graph_list(graph);

    throttle_group_open_all(graph);
    for (guint i = 0; i < list->len; i++)
        blkdebug_open(list->pdata[i]);
}

gboolean
block_graph_block(BlockGraph *graph, BlockNode *node, const char *reason, GError **error)
{
    if (node->blockers->len > 0)
        return set_failed(error,
                          "Node '%s' is busy: %s",
                          block_node_get_name(node),
                          (char *)node->blockers->pdata[0]);

    g_ptr_array_add(node->blockers, g_strdup(reason));
    return TRUE;
}

void
block_graph_unblock(BlockGraph *graph, BlockNode *node)
{
    g_ptr_array_set_size(node->blockers, 0);
}

/* Whether what stands below @role is what the options ask for again. */
static gboolean
is_same_child(const BlockReference *wanted, BlockNode *child)
{
    if (wanted->is_null)
        return child == NULL;
    if (wanted->name != NULL)
        return child != NULL && g_str_equal(block_node_get_name(child), wanted->name);
    if (wanted->request == NULL)
        return TRUE;
    if (child == NULL || (wanted->request->filename != NULL &&
                          !g_str_equal(block_node_get_filename(child), wanted->request->filename)))
        return FALSE;

    return wanted->request->node_name == NULL ||
           g_str_equal(block_node_get_name(child), wanted->request->node_name);
}

/* An option that @wanted has not, or not with the value that @had has; NULL: none. */
static const char *
find_missing(GVariant *had, GVariant *wanted)
{
    GVariantIter iter;
    const char *key;
    GVariant *value;

    g_variant_iter_init(&iter, had);
    while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
        g_autoptr(GVariant) owned = value;
        g_autoptr(GVariant) other = g_variant_lookup_value(wanted, key, NULL);

        if (other == NULL || !g_variant_equal(other, value))
            return key;
    }

    return NULL;
}

/* The option in which the two differ; NULL: none. */
static const char *
find_other(GVariant *wanted, GVariant *had)
{
    const char *key = find_missing(had, wanted);

    return key != NULL ? key : find_missing(wanted, had);
}

/* The option by which @request differs from @node; NULL: none. */
static const char *
find_change(const BlockRequest *request, BlockNode *node)
{
    if (!g_str_equal(block_format_to_string(request->format), node->driver->name))
        return "driver";
    if (request->is_read_only != block_node_is_read_only(node) && !request->is_auto_read_only)
        return "read-only";
    if (request->filename != NULL && !g_str_equal(request->filename, node->filename))
        return "filename";
    if (!is_same_child(&request->file, node->file))
        return "file";
    if (!is_same_child(&request->backing, node->backing))
        return "backing";
    return request->throttle_group == NULL ? find_other(request->strong, node->strong) : NULL;
}

gboolean
block_graph_reopen(BlockGraph *graph, GVariant *options, GError **error)
{
    g_autoptr(BlockRequest) request = block_request_new(options, error);
    ThrottleGroup *group = NULL;
    const char *change;
    BlockNode *node;
    int status;

    if (request == NULL)
        return FALSE;
    if (request->node_name == NULL)
        return set_failed(error, "node-name not specified");
    node = find_or_fail(graph, request->node_name, error);
    if (node == NULL)
        return FALSE;

    if (request->throttle_group != NULL) {
        group = throttle_group_find(graph, request->throttle_group, error);
        if (group == NULL)
            return FALSE;
    }
    change = find_change(request, node);
    if (change != NULL)
        return set_failed(error, "Cannot change the option '%s'", change);

    status = block_node_flush(node);
    if (status < 0) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_FAILED, "Error flushing drive: %s", g_strerror(-status));
        return FALSE;
    }

    if (group != NULL) {
        throttle_node_set_group(node, group);
        g_variant_unref(node->strong);
        node->strong = g_variant_ref(request->strong);
    }
    return TRUE;
}
