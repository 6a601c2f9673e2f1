/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block commands */

#include "qemu-shim/block/snapshot.h"
#include "qemu-shim/job/stream.h"
#include "qemu-shim/monitor/command.h"
#include "qemu-shim/monitor/describe.h"
#include "qmp/qmp-error.h"

static GVariant *fail(GError **error, QmpError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static GVariant *
fail(GError **error, QmpError code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(QMP_ERROR, (int)code, format, list));
    va_end(list);
    return NULL;
}

static const char *
get_string(GVariant *arguments, const char *name)
{
    const char *value = NULL;

    g_variant_lookup(arguments, name, "&s", &value);
    return value;
}

static GVariant *
blockdev_add(Shim *shim, GVariant *arguments, GError **error)
{
    g_autoptr(BlockNode) node = NULL;

    if (get_string(arguments, "node-name") == NULL)
        return fail(
            error, QMP_ERROR_GENERIC_ERROR, "'node-name' must be specified for the root node");

    node = block_graph_add(shim->graph, arguments, error);
    return NULL;
}

static GVariant *
blockdev_del(Shim *shim, GVariant *arguments, GError **error)
{
    block_graph_remove(shim->graph, get_string(arguments, "node-name"), error);
    return NULL;
}

static GVariant *
blockdev_reopen(Shim *shim, GVariant *arguments, GError **error)
{
    g_autoptr(GVariant) options = g_variant_lookup_value(arguments, "options", NULL);

    for (gsize i = 0; i < g_variant_n_children(options); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(options, i);
        g_autoptr(GVariant) node = g_variant_get_variant(boxed);

        if (!g_variant_is_of_type(node, G_VARIANT_TYPE_VARDICT))
            return fail(error,
                        QMP_ERROR_GENERIC_ERROR,
                        "Invalid parameter type for 'options', expected: object");
        if (!block_graph_reopen(shim->graph, node, error))
            return NULL;
    }

    return NULL;
}

/* Of a device by id or a root node by name, as QEMU words it. */
static BlockNode *
find_node(Shim *shim, const char *name, GError **error)
{
    BlockNode *node = block_devices_find_node(shim->devices, shim->graph, name);

    if (node == NULL)
        fail(error,
             QMP_ERROR_GENERIC_ERROR,
             "Cannot find device='%s' nor node-name='%s'",
             name,
             name);
    return node;
}

static GVariant *
blockdev_snapshot_sync(Shim *shim, GVariant *arguments, GError **error)
{
    const char *device = get_string(arguments, "device");
    const char *node_name = get_string(arguments, "node-name");
    const char *format = get_string(arguments, "format");
    const char *mode = get_string(arguments, "mode");
    BlockSnapshotOptions options = {
        .path = get_string(arguments, "snapshot-file"),
        .node_name = get_string(arguments, "snapshot-node-name"),
        .is_existing = g_strcmp0(mode, "existing") == 0,
    };
    g_autoptr(BlockNode) overlay = NULL;
    BlockNode *node;

    if (mode != NULL && !options.is_existing && !g_str_equal(mode, "absolute-paths"))
        return fail(error, QMP_ERROR_GENERIC_ERROR, "Invalid parameter '%s'", mode);
    if (format != NULL && !g_str_equal(format, "qcow2"))
        return fail(
            error, QMP_ERROR_GENERIC_ERROR, "Format '%s' has no backing files: use qcow2", format);
    if ((device == NULL) == (node_name == NULL))
        return fail(error,
                    QMP_ERROR_GENERIC_ERROR,
                    "Cannot find device='%s' nor node-name='%s'",
                    device != NULL ? device : "",
                    node_name != NULL ? node_name : "");

    node = find_node(shim, device != NULL ? device : node_name, error);
    if (node != NULL)
        overlay = block_snapshot(shim->graph, shim->devices, node, &options, error);
    return NULL;
}

static gboolean
parse_on_error(const char *word, JobOnError *ret, GError **error)
{
    static const char *const words[] = {"report", "ignore", "stop", "enospc"};

    for (guint i = 0; word != NULL && i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(word, words[i])) {
            *ret = (JobOnError)i;
            return TRUE;
        }
    }
    if (word == NULL)
        return TRUE;

    fail(error, QMP_ERROR_GENERIC_ERROR, "Invalid parameter '%s'", word);
    return FALSE;
}

/* The base is below top, named by the file it was opened as or by its node. */
static gboolean
find_base(GVariant *arguments, BlockNode *top, BlockNode **ret_base, GError **error)
{
    const char *base = get_string(arguments, "base");
    const char *base_node = get_string(arguments, "base-node");
    BlockNode *node = block_node_get_backing(top);

    if (base == NULL && base_node == NULL)
        return TRUE;
    if (base != NULL && base_node != NULL) {
        fail(error,
             QMP_ERROR_GENERIC_ERROR,
             "'base' and 'base-node' cannot be specified at the same time");
        return FALSE;
    }

    while (node != NULL &&
           g_strcmp0(base != NULL ? block_node_get_filename(node) : block_node_get_name(node),
                     base != NULL ? base : base_node) != 0)
        node = block_node_get_backing(node);
    if (node == NULL) {
        if (base != NULL)
            fail(error, QMP_ERROR_GENERIC_ERROR, "Can't find '%s' in the backing chain", base);
        else
            fail(error,
                 QMP_ERROR_GENERIC_ERROR,
                 "Node '%s' is not a backing image of '%s'",
                 base_node,
                 block_node_get_name(top));
        return FALSE;
    }

    *ret_base = node;
    return TRUE;
}

static gboolean
fill_job_options(GVariant *arguments, const char *device, JobOptions *options, GError **error)
{
    gint64 speed = 0;

    options->auto_finalize = options->auto_dismiss = TRUE;
    g_variant_lookup(arguments, "auto-finalize", "b", &options->auto_finalize);
    g_variant_lookup(arguments, "auto-dismiss", "b", &options->auto_dismiss);
    g_variant_lookup(arguments, "speed", "x", &speed);
    options->id = get_string(arguments, "job-id");
    if (options->id == NULL)
        options->id = device;
    if (speed < 0) {
        fail(error, QMP_ERROR_GENERIC_ERROR, "Parameter 'speed' expects a non-negative value");
        return FALSE;
    }

    options->speed_bps = (guint64)speed;
    return parse_on_error(get_string(arguments, "on-error"), &options->on_error, error);
}

static GVariant *
block_stream(Shim *shim, GVariant *arguments, GError **error)
{
    const char *device = get_string(arguments, "device");
    JobOptions job_options = {0};
    StreamOptions options = {.backing_name = get_string(arguments, "backing-file")};

    options.top = find_node(shim, device, error);
    if (options.top == NULL || !find_base(arguments, options.top, &options.base, error) ||
        !fill_job_options(arguments, device, &job_options, error))
        return NULL;
    if (get_string(arguments, "job-id") == NULL &&
        block_devices_find(shim->devices, device) == NULL)
        return fail(error, QMP_ERROR_GENERIC_ERROR, "An explicit job ID is required for this node");
    if (options.backing_name != NULL && options.base == NULL)
        return fail(error,
                    QMP_ERROR_GENERIC_ERROR,
                    "backing file specified, but streaming the entire chain");

    stream_start(shim->jobs, shim->graph, &job_options, &options, error);
    return NULL;
}

static GVariant *
query_block(Shim *shim, GVariant *arguments, GError **error)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));

    for (guint i = 0; i < shim->devices->list->len; i++)
        g_variant_builder_add_value(&builder,
                                    describe_device(g_ptr_array_index(shim->devices->list, i)));
    return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static GVariant *
query_named_block_nodes(Shim *shim, GVariant *arguments, GError **error)
{
    g_autoptr(GPtrArray) nodes = block_graph_list(shim->graph);
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));
    gboolean is_flat = FALSE;

    g_variant_lookup(arguments, "flat", "b", &is_flat);
    for (guint i = 0; i < nodes->len; i++)
        g_variant_builder_add_value(&builder, describe_node(g_ptr_array_index(nodes, i), !is_flat));
    return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static const Argument node_name_arguments[] = {
    {"node-name", ARGUMENT_STRING, TRUE},
    ARGUMENT_END,
};
static const Argument reopen_arguments[] = {
    {"options", ARGUMENT_ARRAY, TRUE},
    ARGUMENT_END,
};
static const Argument snapshot_arguments[] = {
    {"device", ARGUMENT_STRING, FALSE},
    {"node-name", ARGUMENT_STRING, FALSE},
    {"snapshot-file", ARGUMENT_STRING, TRUE},
    {"snapshot-node-name", ARGUMENT_STRING, FALSE},
    {"format", ARGUMENT_STRING, FALSE},
    {"mode", ARGUMENT_STRING, FALSE},
    ARGUMENT_END,
};
static const Argument stream_arguments[] = {
    {"device", ARGUMENT_STRING, TRUE},
    {"job-id", ARGUMENT_STRING, FALSE},
    {"base", ARGUMENT_STRING, FALSE},
    {"base-node", ARGUMENT_STRING, FALSE},
    {"backing-file", ARGUMENT_STRING, FALSE},
    {"speed", ARGUMENT_INTEGER, FALSE},
    {"on-error", ARGUMENT_STRING, FALSE},
    {"auto-finalize", ARGUMENT_BOOLEAN, FALSE},
    {"auto-dismiss", ARGUMENT_BOOLEAN, FALSE},
    ARGUMENT_END,
};
static const Argument nodes_arguments[] = {
    {"flat", ARGUMENT_BOOLEAN, FALSE},
    ARGUMENT_END,
};
static const Argument no_arguments[] = {ARGUMENT_END};

const QmpCommand block_qmp_commands[] = {
    {"blockdev-add", NULL, blockdev_add},
    {"blockdev-del", node_name_arguments, blockdev_del},
    {"blockdev-reopen", reopen_arguments, blockdev_reopen},
    {"blockdev-snapshot-sync", snapshot_arguments, blockdev_snapshot_sync},
    {"block-stream", stream_arguments, block_stream},
    {"query-block", no_arguments, query_block},
    {"query-named-block-nodes", nodes_arguments, query_named_block_nodes},
    {NULL, NULL, NULL},
};
