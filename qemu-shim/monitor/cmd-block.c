/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block commands */

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/request.h"
#include "qemu-shim/block/snapshot.h"
#include "qemu-shim/job/stream.h"
#include "qemu-shim/monitor/command.h"
#include "qemu-shim/monitor/describe.h"
#include "qemu-shim/monitor/image-name.h"
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

/* Whether the node has a name is asked last, when all else is known to be well formed. */
static GVariant *
blockdev_add(Shim *shim, GVariant *arguments, GError **error)
{
    g_autoptr(BlockRequest) request = block_request_new(arguments, error);

    if (request == NULL)
        return NULL;
    if (request->node_name == NULL)
        return fail(
            error, QMP_ERROR_GENERIC_ERROR, "'node-name' must be specified for the root node");

    block_node_unref(block_graph_add(shim->graph, arguments, error));
    return NULL;
}

static GVariant *
blockdev_del(Shim *shim, GVariant *arguments, GError **error)
{
    block_graph_remove(shim->graph, get_string(arguments, "node-name"), error);
    return NULL;
}

/* QEMU's reopen resets what is not given, and does not know how to do that for a backing node. */
static gboolean
check_backing_is_given(BlockNode *node, GVariant *options, GError **error)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(options);

    if (node == NULL || !node->driver->has_backing || g_variant_dict_contains(&dict, "backing") ||
        g_variant_dict_contains(&dict, "backing.driver"))
        return TRUE;

    fail(error, QMP_ERROR_GENERIC_ERROR, "backing is missing for '%s'", node->name);
    return FALSE;
}

static gboolean
reopen_node(Shim *shim, GVariant *options, GError **error)
{
    g_autoptr(BlockRequest) request = block_request_new(options, error);

    if (request == NULL)
        return FALSE;
    if (request->node_name != NULL &&
        !check_backing_is_given(block_graph_find(shim->graph, request->node_name), options, error))
        return FALSE;
    return block_graph_reopen(shim->graph, options, error);
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
                        "Invalid parameter type for 'options[%" G_GSIZE_FORMAT
                        "]', expected: object",
                        i);
        if (!reopen_node(shim, node, error))
            return NULL;
    }

    return NULL;
}

/* A device by its id, else a node by its name; either may be NULL. The error is in QEMU's words. */
static BlockNode *
find_node(Shim *shim, const char *device_id, const char *node_name, GError **error)
{
    BlockDevice *device = device_id != NULL ? block_devices_find(shim->devices, device_id) : NULL;
    BlockNode *node = device != NULL ? device->root : NULL;

    if (node == NULL && node_name != NULL)
        node = block_graph_find(shim->graph, node_name);
    if (node == NULL)
        fail(error,
             QMP_ERROR_GENERIC_ERROR,
             "Cannot find device='%s' nor node-name='%s'",
             device_id != NULL ? device_id : "",
             node_name != NULL ? node_name : "");
    return node;
}

/*
 * A new overlay is a file; one that is there may be named by options or be on a server. What the
 * options point at is kept in *ret_kept.
 */
static gboolean
take_snapshot_name(BlockSnapshotOptions *options, GVariant **ret_kept, GError **error)
{
    if (!options->is_existing && image_name_is_json(options->path)) {
        fail(error, QMP_ERROR_GENERIC_ERROR, "Unknown protocol 'json'");
        return FALSE;
    }
    *ret_kept = image_name_parse(options->path, error);
    if (*ret_kept == NULL)
        return FALSE;
    if (!image_name_is_json(options->path) &&
        g_variant_lookup(*ret_kept, "filename", "&s", &options->path))
        return TRUE;
    if (!options->is_existing) {
        fail(error,
             QMP_ERROR_GENERIC_ERROR,
             "'%s' names no file, where an overlay can be created",
             options->path);
        return FALSE;
    }

    g_variant_unref(*ret_kept);
    *ret_kept = image_name_to_options(options->path, "qcow2", error);
    options->image = *ret_kept;
    return *ret_kept != NULL;
}

static GVariant *
blockdev_snapshot_sync(Shim *shim, GVariant *arguments, GError **error)
{
    const char *node_name = get_string(arguments, "node-name");
    const char *format = get_string(arguments, "format");
    BlockSnapshotOptions options = {
        .path = get_string(arguments, "snapshot-file"),
        .node_name = get_string(arguments, "snapshot-node-name"),
        .is_existing = g_strcmp0(get_string(arguments, "mode"), "existing") == 0,
    };
    BlockNode *node = find_node(shim, get_string(arguments, "device"), node_name, error);
    g_autoptr(GVariant) kept = NULL;

    if (node == NULL)
        return NULL;
    if (node_name != NULL && options.node_name == NULL)
        return fail(error, QMP_ERROR_GENERIC_ERROR, "New overlay node-name missing");
    if (g_strcmp0(format, "raw") == 0)
        return fail(
            error, QMP_ERROR_GENERIC_ERROR, "Backing file not supported for file format 'raw'");
    if (format != NULL && !g_str_equal(format, "qcow2"))
        return fail(error, QMP_ERROR_GENERIC_ERROR, "Unknown file format '%s'", format);
    if (!take_snapshot_name(&options, &kept, error))
        return NULL;

    block_node_unref(block_snapshot(shim->graph, shim->devices, node, &options, error));
    return NULL;
}

/* In the order of JobOnError. */
static const char *const on_error_words[] = {"report", "ignore", "stop", "enospc", NULL};

static JobOnError
get_on_error(GVariant *arguments)
{
    const char *word = get_string(arguments, "on-error");

    for (guint i = 0; word != NULL && on_error_words[i] != NULL; i++) {
        if (g_str_equal(on_error_words[i], word))
            return (JobOnError)i;
    }

    return JOB_ON_ERROR_REPORT;
}

/* The base is below top, named by the file it was opened as or by its node. */
static gboolean
find_base(Shim *shim, GVariant *arguments, BlockNode *top, BlockNode **ret_base, GError **error)
{
    const char *file = get_string(arguments, "base");
    const char *name = get_string(arguments, "base-node");
    BlockNode *node = block_node_get_backing(top);

    if (file == NULL && name == NULL)
        return TRUE;
    if (file != NULL && name != NULL) {
        fail(error,
             QMP_ERROR_GENERIC_ERROR,
             "'base' and 'base-node' cannot be specified at the same time");
        return FALSE;
    }
    if (name != NULL && find_node(shim, NULL, name, error) == NULL)
        return FALSE;

    while (node != NULL &&
           !g_str_equal(file != NULL ? block_node_get_filename(node) : block_node_get_name(node),
                        file != NULL ? file : name))
        node = block_node_get_backing(node);
    if (node == NULL && file != NULL)
        fail(error, QMP_ERROR_GENERIC_ERROR, "Can't find '%s' in the backing chain", file);
    else if (node == NULL)
        fail(error,
             QMP_ERROR_GENERIC_ERROR,
             "Node '%s' is not a backing image of '%s'",
             name,
             block_node_get_name(top));
    *ret_base = node;
    return node != NULL;
}

/* The top is told by the name that the caller knows it by. */
static gboolean
check_not_busy(const StreamOptions *options, const char *top_name, GError **error)
{
    for (BlockNode *node = options->top; node != NULL && node != options->base;
         node = block_node_get_backing(node)) {
        if (node->blockers->len == 0)
            continue;
        fail(error,
             QMP_ERROR_GENERIC_ERROR,
             "Node '%s' is busy: %s",
             node == options->top ? top_name : block_node_get_name(node),
             (const char *)g_ptr_array_index(node->blockers, 0));
        return FALSE;
    }

    return TRUE;
}

/* A job without an id is called by the device; where there is none it needs one. */
static gboolean
fill_job_options(Shim *shim,
                 GVariant *arguments,
                 BlockNode *top,
                 JobOptions *options,
                 GError **error)
{
    BlockDevice *device = block_devices_find_by_root(shim->devices, top);
    gint64 speed = 0;

    options->auto_finalize = options->auto_dismiss = TRUE;
    g_variant_lookup(arguments, "auto-finalize", "b", &options->auto_finalize);
    g_variant_lookup(arguments, "auto-dismiss", "b", &options->auto_dismiss);
    g_variant_lookup(arguments, "speed", "x", &speed);
    options->on_error = get_on_error(arguments);
    options->id = get_string(arguments, "job-id");
    if (options->id == NULL)
        options->id = device != NULL ? device->id : "";
    if (speed < 0) {
        fail(error, QMP_ERROR_GENERIC_ERROR, "Parameter 'speed' expects a non-negative value");
        return FALSE;
    }

    options->speed_bps = (guint64)speed;
    return TRUE;
}

static GVariant *
block_stream(Shim *shim, GVariant *arguments, GError **error)
{
    const char *device = get_string(arguments, "device");
    JobOptions job_options = {0};
    StreamOptions options = {.backing_name = get_string(arguments, "backing-file")};

    options.top = find_node(shim, device, device, error);
    if (options.top == NULL || !find_base(shim, arguments, options.top, &options.base, error))
        return NULL;
    if (options.backing_name != NULL && options.base == NULL)
        return fail(error,
                    QMP_ERROR_GENERIC_ERROR,
                    "backing file specified, but streaming the entire chain");
    if (!check_not_busy(&options, device, error) ||
        !fill_job_options(shim, arguments, options.top, &job_options, error))
        return NULL;

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
static const char *const mode_words[] = {"existing", "absolute-paths", NULL};
static const Argument snapshot_arguments[] = {
    {"device", ARGUMENT_STRING, FALSE},
    {"node-name", ARGUMENT_STRING, FALSE},
    {"snapshot-file", ARGUMENT_STRING, TRUE},
    {"snapshot-node-name", ARGUMENT_STRING, FALSE},
    {"format", ARGUMENT_STRING, FALSE},
    {"mode", ARGUMENT_WORD, FALSE, mode_words},
    ARGUMENT_END,
};
static const Argument stream_arguments[] = {
    {"device", ARGUMENT_STRING, TRUE},
    {"job-id", ARGUMENT_STRING, FALSE},
    {"base", ARGUMENT_STRING, FALSE},
    {"base-node", ARGUMENT_STRING, FALSE},
    {"backing-file", ARGUMENT_STRING, FALSE},
    {"speed", ARGUMENT_INTEGER, FALSE},
    {"on-error", ARGUMENT_WORD, FALSE, on_error_words},
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
