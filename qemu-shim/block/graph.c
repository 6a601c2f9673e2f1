/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Block graph */

#include "qemu-shim/block/graph.h"

#include <string.h>
#include <sys/stat.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/backing.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/options.h"
#include "qemu-shim/io/posix-file.h"

#define MAX_NODE_NAME 31

struct BlockGraph {
    GPtrArray *nodes; /* of BlockNode, owned, oldest first: those with names */
    guint last_number;
};

/* What one call of block_graph_add() hands down the chain. */
typedef struct {
    BlockGraph *graph;
    guint depth;
    gboolean is_read_only; /* of the layers below the one that was asked for */
    gboolean is_shared;
    GArray *identities; /* of struct stat: the files of the layers so far */
    GPtrArray *made;    /* of BlockNode, owned: to be named when all went well */
} Opening;

static BlockNode *
open_node(Opening *opening, GVariant *given, gboolean is_anonymous, GError **error);

BlockGraph *
block_graph_new(void)
{
    BlockGraph *graph = g_new0(BlockGraph, 1);

    graph->nodes = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);
    return graph;
}

void
block_graph_free(BlockGraph *graph)
{
    if (graph == NULL)
        return;

    /* Newest first: what stands on top goes before what it stands on. */
    while (graph->nodes->len > 0)
        g_ptr_array_remove_index(graph->nodes, graph->nodes->len - 1);
    g_ptr_array_unref(graph->nodes);
    g_free(graph);
}

BlockNode *
block_graph_find(BlockGraph *graph, const char *node_name)
{
    for (guint i = 0; i < graph->nodes->len; i++) {
        BlockNode *node = g_ptr_array_index(graph->nodes, i);

        if (g_strcmp0(node->name, node_name) == 0)
            return node;
    }

    return NULL;
}

GPtrArray *
block_graph_list(BlockGraph *graph)
{
    GPtrArray *nodes = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);

    for (guint i = graph->nodes->len; i > 0; i--)
        g_ptr_array_add(nodes, block_node_ref(g_ptr_array_index(graph->nodes, i - 1)));
    return nodes;
}

static gboolean refuse(GError **error, VblkError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
refuse(GError **error, VblkError code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(VBLK_ERROR, (int)code, format, list));
    va_end(list);
    return FALSE;
}

static gboolean
check_name(BlockGraph *graph, const char *name, GError **error)
{
    gboolean is_good = g_ascii_isalpha(name[0]) && strlen(name) <= MAX_NODE_NAME;

    for (const char *at = name; *at != '\0' && is_good; at++)
        is_good = g_ascii_isalnum(*at) || strchr("-._", *at) != NULL;
    if (!is_good)
        return refuse(error, VBLK_ERROR_INVALID_ARGUMENT, "Invalid node-name: '%s'", name);
    if (block_graph_find(graph, name) != NULL)
        return refuse(
            error, VBLK_ERROR_INVALID_ARGUMENT, "Duplicate nodes with node-name='%s'", name);
    return TRUE;
}

/* A layer whose file stands in the chain already is a loop, by whatever name. */
static gboolean
check_identity(Opening *opening, BlockNode *file, GError **error)
{
    int fd = posix_file_get_fd(block_node_get_io(file));
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0)
        return TRUE;

    for (guint i = 0; i < opening->identities->len; i++) {
        const struct stat *other = &g_array_index(opening->identities, struct stat, i);

        if (other->st_dev == status.st_dev && other->st_ino == status.st_ino)
            return refuse(error,
                          VBLK_ERROR_IMAGE_INVALID,
                          "the chain is a loop: '%s' stands in it twice",
                          file->filename);
    }

    g_array_append_val(opening->identities, status);
    return TRUE;
}

static GVariant *
layer_options(const char *format, const char *path)
{
    return g_variant_new_parsed("{'driver': <%s>, 'file': <{'driver': <'file'>, 'filename': "
                                "<%s>}>}",
                                format,
                                path);
}

/* The chain that the header names. */
static gboolean
open_recorded_backing(Opening *opening, BlockNode *node, GError **error)
{
    g_autoptr(GVariant) options = NULL;
    g_autofree char *path = backing_resolve(node->filename, node->backing_name, error);

    if (path == NULL)
        return FALSE;
    if (node->backing_format == NULL)
        return refuse(error,
                      VBLK_ERROR_IMAGE_INVALID,
                      "the format of the backing file '%s' is not recorded in '%s' and is never "
                      "guessed: record it with 'qemu-img rebase -u -b %s -F FORMAT %s'",
                      node->backing_name,
                      node->filename,
                      node->backing_name,
                      node->filename);

    node->backing_filename = g_strdup(path);
    options = g_variant_ref_sink(layer_options(node->backing_format, path));
    opening->is_read_only = TRUE;
    node->backing = open_node(opening, options, TRUE, error);
    if (node->backing == NULL) {
        g_prefix_error(error, "Could not open backing file of '%s': ", node->filename);
        return FALSE;
    }

    node->backing->users++;
    return TRUE;
}

/* By name, by options, null for none, or by what the header says. */
static gboolean
open_backing(Opening *opening, BlockNode *node, BlockOptions *options, GError **error)
{
    g_autoptr(GVariant) given = block_options_take(options, "backing");
    BlockNode *named;

    if (given == NULL)
        return node->backing_name == NULL || open_recorded_backing(opening, node, error);

    if (node->backing_name != NULL && !backing_has_scheme(node->backing_name))
        node->backing_filename = backing_resolve(node->filename, node->backing_name, NULL);
    if (g_variant_is_of_type(given, G_VARIANT_TYPE_MAYBE))
        return TRUE;
    if (g_variant_is_of_type(given, G_VARIANT_TYPE_STRING)) {
        named = block_graph_find(opening->graph, g_variant_get_string(given, NULL));
        if (named == NULL)
            return refuse(error,
                          VBLK_ERROR_INVALID_ARGUMENT,
                          "Cannot find device='' nor node-name='%s'",
                          g_variant_get_string(given, NULL));
        node->backing = block_node_ref(named);
    } else if (g_variant_is_of_type(given, G_VARIANT_TYPE_VARDICT)) {
        opening->is_read_only = TRUE;
        node->backing = open_node(opening, given, TRUE, error);
    } else {
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "Invalid parameter type for 'backing', expected: BlockdevRef");
    }

    if (node->backing == NULL)
        return FALSE;
    node->backing->users++;
    return TRUE;
}

/* Accepted as QEMU does; what they tune makes no difference to what is read or written. */
static gboolean
take_tuning(BlockOptions *options, GError **error)
{
    static const char *const names[] = {"cache", "discard", "detect-zeroes", "aio", "locking"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GVariant) value = block_options_take(options, names[i]);
        gboolean is_known = value == NULL || g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) ||
                            g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT);

        if (!is_known)
            return refuse(error,
                          VBLK_ERROR_INVALID_ARGUMENT,
                          "Invalid parameter type for '%s', expected: string",
                          names[i]);
    }

    return TRUE;
}

typedef struct {
    char *driver;
    char *node_name;
    gboolean is_read_only;
    gboolean is_auto_read_only;
    gboolean is_shared;
} Common;

static void
common_clear(Common *common)
{
    g_free(common->driver);
    g_free(common->node_name);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Common, common_clear)

static gboolean
take_common(Opening *opening, BlockOptions *options, Common *common, GError **error)
{
    common->is_read_only = opening->is_read_only;
    common->is_shared = opening->is_shared;

    if (!block_options_take_string(options, "driver", &common->driver, error) ||
        !block_options_take_string(options, "node-name", &common->node_name, error) ||
        !block_options_take_boolean(options, "read-only", &common->is_read_only, error) ||
        !block_options_take_boolean(options, "auto-read-only", &common->is_auto_read_only, error) ||
        !block_options_take_boolean(options, "force-share", &common->is_shared, error) ||
        !take_tuning(options, error))
        return FALSE;
    if (common->driver == NULL)
        return refuse(error, VBLK_ERROR_INVALID_ARGUMENT, "Parameter 'driver' is missing");
    if (common->is_shared && !common->is_read_only)
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "force-share=on can only be used with read-only images");
    return common->node_name == NULL || check_name(opening->graph, common->node_name, error);
}

/* auto-read-only: a node that nobody needs to write is opened for reading, and writable when a
 * writer comes; as we cannot tell who comes, a file that may be written is. */
static BlockNode *
open_file(BlockOptions *options, const Common *common, GError **error)
{
    g_autofree char *filename = NULL;
    g_autoptr(GError) reason = NULL;
    BlockNode *node;

    if (!block_options_take_string(options, "filename", &filename, error))
        return NULL;
    if (filename == NULL) {
        refuse(error, VBLK_ERROR_INVALID_ARGUMENT, "Parameter 'filename' is missing");
        return NULL;
    }

    node = file_node_open(filename, !common->is_read_only, common->is_shared, &reason);
    if (node == NULL && common->is_auto_read_only &&
        g_error_matches(reason, VBLK_ERROR, VBLK_ERROR_IMAGE_ACCESS)) {
        g_clear_error(&reason);
        node = file_node_open(filename, FALSE, common->is_shared, &reason);
    }
    if (node == NULL)
        g_propagate_error(error, g_steal_pointer(&reason));
    return node;
}

/* The node below a format: named, or described; it takes part in what the format is opened for. */
static BlockNode *
open_file_child(Opening *opening, BlockOptions *options, const Common *common, GError **error)
{
    g_autoptr(GVariant) given = block_options_take(options, "file");
    Opening child = *opening;
    BlockNode *node;

    if (given == NULL) {
        refuse(error, VBLK_ERROR_INVALID_ARGUMENT, "A block device must be specified for \"file\"");
        return NULL;
    }
    if (g_variant_is_of_type(given, G_VARIANT_TYPE_STRING)) {
        node = block_graph_find(opening->graph, g_variant_get_string(given, NULL));
        if (node == NULL)
            refuse(error,
                   VBLK_ERROR_INVALID_ARGUMENT,
                   "Cannot find device='' nor node-name='%s'",
                   g_variant_get_string(given, NULL));
        return node != NULL ? block_node_ref(node) : NULL;
    }
    if (!g_variant_is_of_type(given, G_VARIANT_TYPE_VARDICT)) {
        refuse(error,
               VBLK_ERROR_INVALID_ARGUMENT,
               "Invalid parameter type for 'file', expected: BlockdevRef");
        return NULL;
    }

    child.is_read_only = common->is_read_only;
    child.is_shared = common->is_shared;
    return open_node(&child, given, TRUE, error);
}

static BlockNode *
open_format(Opening *opening, BlockOptions *options, const Common *common, GError **error)
{
    gboolean is_raw = g_str_equal(common->driver, "raw");
    g_autoptr(BlockNode) node = NULL;
    BlockNode *file;
    guint64 offset = 0, size = 0;

    if (is_raw && (!block_options_take_size(options, "offset", &offset, error) ||
                   !block_options_take_size(options, "size", &size, error)))
        return NULL;
    file = open_file_child(opening, options, common, error);
    if (file == NULL)
        return NULL;
    if (!check_identity(opening, file, error)) {
        block_node_unref(file);
        return NULL;
    }
    if (!common->is_read_only && file->is_read_only) {
        refuse(error,
               VBLK_ERROR_IMAGE_ACCESS,
               "Block node is read-only: '%s' cannot be written",
               file->filename);
        block_node_unref(file);
        return NULL;
    }

    node = is_raw ? raw_node_open(file, common->is_read_only, offset, size, error)
                  : qcow2_node_open(file, common->is_read_only, error);
    if (node == NULL)
        return NULL;
    file->users++;
    if (node->driver->has_backing && !open_backing(opening, node, options, error))
        return NULL;
    return g_steal_pointer(&node);
}

static BlockNode *
open_by_driver(Opening *opening, BlockOptions *options, const Common *common, GError **error)
{
    if (g_str_equal(common->driver, "file") || g_str_equal(common->driver, "host_device"))
        return open_file(options, common, error);
    if (g_str_equal(common->driver, "raw") || g_str_equal(common->driver, "qcow2"))
        return open_format(opening, options, common, error);

    refuse(error, VBLK_ERROR_INVALID_ARGUMENT, "Unknown driver '%s'", common->driver);
    return NULL;
}

static BlockNode *
open_node(Opening *opening, GVariant *given, gboolean is_anonymous, GError **error)
{
    g_autoptr(BlockOptions) options = block_options_new(given, error);
    g_auto(Common) common = {0};
    g_autoptr(BlockNode) node = NULL;

    if (options == NULL || !take_common(opening, options, &common, error))
        return NULL;
    if (opening->depth >= BLOCK_MAX_DEPTH * 2) {
        refuse(error, VBLK_ERROR_LIMIT, "the chain has more than %d layers", BLOCK_MAX_DEPTH);
        return NULL;
    }

    opening->depth++;
    node = open_by_driver(opening, options, &common, error);
    if (node == NULL || !block_options_finish(options, error))
        return NULL;

    if (common.node_name != NULL)
        node->name = g_steal_pointer(&common.node_name);
    else if (is_anonymous)
        node->is_named_by_us = TRUE;
    node->options = g_variant_ref(given);
    g_ptr_array_add(opening->made, block_node_ref(node));
    return g_steal_pointer(&node);
}

/* Nodes below that nobody named get names of ours, as in QEMU. */
static void
enlist(BlockGraph *graph, GPtrArray *made)
{
    for (guint i = 0; i < made->len; i++) {
        BlockNode *node = g_ptr_array_index(made, i);

        if (node->name == NULL)
            node->name = g_strdup_printf("#block%03u", ++graph->last_number);
        g_ptr_array_add(graph->nodes, block_node_ref(node));
    }
}

BlockNode *
block_graph_add(BlockGraph *graph, GVariant *options, GError **error)
{
    g_autoptr(GArray) identities = g_array_new(FALSE, FALSE, sizeof(struct stat));
    g_autoptr(GPtrArray) made = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);
    Opening opening = {.graph = graph, .identities = identities, .made = made};
    g_autoptr(BlockNode) node = open_node(&opening, options, FALSE, error);

    if (node == NULL)
        return NULL;

    enlist(graph, made);
    return g_steal_pointer(&node);
}

/* A node goes with those below it that it alone has brought in. */
static void
delist(BlockGraph *graph, BlockNode *node)
{
    BlockNode *below[] = {node->file, node->backing};

    for (guint i = 0; i < G_N_ELEMENTS(below); i++) {
        if (below[i] == NULL)
            continue;
        below[i]->users--;
        if (below[i]->users == 0 && below[i]->is_named_by_us)
            delist(graph, below[i]);
    }
    g_ptr_array_remove(graph->nodes, node);
}

gboolean
block_graph_remove(BlockGraph *graph, const char *node_name, GError **error)
{
    BlockNode *node = block_graph_find(graph, node_name);

    if (node == NULL)
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "Failed to find node with node-name='%s'",
                      node_name);
    if (node->blockers->len > 0)
        return refuse(error,
                      VBLK_ERROR_OPERATION_INVALID,
                      "Node '%s' is busy: %s",
                      node_name,
                      (const char *)g_ptr_array_index(node->blockers, 0));
    if (node->users > 0)
        return refuse(error, VBLK_ERROR_OPERATION_INVALID, "Node %s is in use", node_name);

    delist(graph, node);
    return TRUE;
}

void
block_graph_replace_backing(BlockGraph *graph, BlockNode *node, BlockNode *backing)
{
    BlockNode *old = node->backing;

    if (backing != NULL)
        backing->users++;
    if (old != NULL) {
        block_node_ref(old);
        block_node_set_backing(node, backing);
        old->users--;
        if (old->users == 0 && old->is_named_by_us)
            delist(graph, old);
        block_node_unref(old);
    } else {
        block_node_set_backing(node, backing);
    }
}

/* The members of a node that may be named again: those it has. */
static gboolean
check_same(BlockNode *node,
           BlockOptions *options,
           const char *name,
           BlockNode *child,
           GError **error)
{
    g_autoptr(GVariant) value = block_options_take(options, name);

    if (value == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_MAYBE) && child == NULL)
        return TRUE;
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING) && child != NULL &&
        g_strcmp0(g_variant_get_string(value, NULL), child->name) == 0)
        return TRUE;

    return refuse(error,
                  VBLK_ERROR_OPERATION_UNSUPPORTED,
                  "cannot change '%s' of node '%s' while it is open: not supported yet",
                  name,
                  node->name);
}

static gboolean
reopen_same(BlockNode *node, BlockOptions *options, GError **error)
{
    g_autofree char *driver = NULL;
    gboolean is_read_only = node->is_read_only;
    int status;

    if (!block_options_take_string(options, "driver", &driver, error) ||
        !block_options_take_boolean(options, "read-only", &is_read_only, error) ||
        !take_tuning(options, error) || !check_same(node, options, "file", node->file, error) ||
        !check_same(node, options, "backing", node->backing, error) ||
        !block_options_finish(options, error))
        return FALSE;
    if (g_strcmp0(driver, node->driver->name) != 0 || is_read_only != node->is_read_only)
        return refuse(error,
                      VBLK_ERROR_OPERATION_UNSUPPORTED,
                      "cannot change the %s of node '%s' while it is open: not supported yet",
                      is_read_only != node->is_read_only ? "read-only state" : "driver",
                      node->name);

    status = block_node_flush(node);
    if (status < 0) {
        refuse(error, VBLK_ERROR_FAILED, "Error flushing drive: %s", g_strerror(-status));
        return FALSE;
    }
    return TRUE;
}

gboolean
block_graph_reopen(BlockGraph *graph, GVariant *given, GError **error)
{
    g_autoptr(BlockOptions) options = block_options_new(given, error);
    g_autofree char *name = NULL;
    BlockNode *node;

    if (options == NULL || !block_options_take_string(options, "node-name", &name, error))
        return FALSE;
    if (name == NULL)
        return refuse(error, VBLK_ERROR_INVALID_ARGUMENT, "node-name not specified");
    node = block_graph_find(graph, name);
    if (node == NULL)
        return refuse(
            error, VBLK_ERROR_INVALID_ARGUMENT, "Failed to find node with node-name='%s'", name);

    return reopen_same(node, options, error);
}

gboolean
block_graph_block(BlockGraph *graph, BlockNode *node, const char *reason, GError **error)
{
    if (node->blockers->len > 0)
        return refuse(error,
                      VBLK_ERROR_OPERATION_INVALID,
                      "Node '%s' is busy: %s",
                      node->name,
                      (const char *)g_ptr_array_index(node->blockers, 0));

    g_ptr_array_add(node->blockers, g_strdup(reason));
    return TRUE;
}

void
block_graph_unblock(BlockGraph *graph, BlockNode *node)
{
    g_ptr_array_set_size(node->blockers, 0);
}
