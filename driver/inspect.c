/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chain inspection */

#include "driver/inspect.h"

#include <string.h>

#include "api/vblk-error.h"
#include "qmp/value.h"

#define STORAGE_NODE "inspect-storage"
#define FORMAT_NODE  "inspect-format"

/* For each layer, these commands in this order. */
typedef enum {
    STEP_ADD_STORAGE,
    STEP_ADD_FORMAT,
    STEP_QUERY,
    STEP_DELETE_FORMAT,
    STEP_DELETE_STORAGE,
} InspectStep;

typedef struct {
    Peer *peer; /* borrowed, outlives us */
    Chain *chain;
    guint position; /* of the layer we look at */
    InspectStep step;
    gboolean is_complete;
    guint next_index;
} Inspection;

static void do_step(GTask *task);

static void
inspection_free(Inspection *inspection)
{
    chain_free(inspection->chain);
    g_free(inspection);
}

static Layer *
current_layer(Inspection *inspection)
{
    return chain_layer(inspection->chain, inspection->position);
}

static GVariant *
find_image(GVariant *nodes, const char *name)
{
    for (gsize i = 0; i < g_variant_n_children(nodes); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(nodes, i);
        g_autoptr(GVariant) node = g_variant_get_variant(boxed);
        GVariant *image = NULL;
        const char *found;

        if (g_variant_is_of_type(node, G_VARIANT_TYPE_VARDICT) &&
            qmp_value_get_string(node, "node-name", &found, NULL) && g_str_equal(found, name) &&
            qmp_value_get_object(node, "image", &image, NULL))
            return image;
    }

    return NULL;
}

static gboolean
is_plain_path(const char *name)
{
    const char *colon = strchr(name, ':');
    const char *slash = strchr(name, '/');

    return name[0] != '\0' && (colon == NULL || (slash != NULL && slash < colon));
}

/* The layer below, as the image names it; TRUE also where it names none. */
static gboolean
add_backing(Inspection *inspection, GVariant *image, GError **error)
{
    Layer *layer = current_layer(inspection);
    const char *name, *format;
    g_autofree char *path = NULL;

    if (!qmp_value_get_string(image, "backing-filename", &name, NULL))
        return TRUE;

    g_free(layer->backing_name);
    layer->backing_name = g_strdup(name);
    if (inspection->is_complete || inspection->position + 1 < chain_depth(inspection->chain))
        return TRUE;
    if (!is_plain_path(name)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_INVALID,
                    "the backing file '%s' that image '%s' names is no plain path: refused",
                    name,
                    layer->path);
        return FALSE;
    }
    if (!qmp_value_get_string(image, "backing-filename-format", &format, NULL)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_IMAGE_INVALID,
                    "the format of backing image '%s' of image '%s' was not recorded in the image "
                    "and is never guessed: record it with 'qemu-img rebase -u -b %s -F FORMAT %s', "
                    "or define the domain with <backingStore> elements",
                    name,
                    layer->path,
                    name,
                    layer->path);
        return FALSE;
    }

    path = chain_resolve_backing_path(layer, name);
    return chain_append(
        inspection->chain, layer_new(LAYER_FILE, path, format, inspection->next_index++), error);
}

static gboolean
take_image(Inspection *inspection, GVariant *nodes, GError **error)
{
    Layer *layer = current_layer(inspection);
    g_autoptr(GVariant) format = NULL;
    g_autoptr(GVariant) storage = NULL;

    if (!g_variant_is_of_type(nodes, G_VARIANT_TYPE("av")) ||
        (format = find_image(nodes, FORMAT_NODE)) == NULL ||
        (storage = find_image(nodes, STORAGE_NODE)) == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INTERNAL,
                    "the peer does not describe the image '%s' that it has opened",
                    layer->path);
        return FALSE;
    }

    if (!qmp_value_get_uint64(format, "virtual-size", &layer->virtual_size, error) ||
        !qmp_value_get_uint64(storage, "virtual-size", &layer->physical, error))
        return FALSE;
    if (!qmp_value_get_uint64(format, "actual-size", &layer->allocated, NULL))
        layer->allocated = layer->physical;
    /* QMP does not tell data from metadata; what is on disk is close. */
    layer->data = layer->allocated;
    return add_backing(inspection, format, error);
}

/* FALSE where the last layer has been looked at. */
static gboolean
advance(Inspection *inspection)
{
    if (inspection->step < STEP_DELETE_STORAGE) {
        inspection->step++;
        return TRUE;
    }

    inspection->step = STEP_ADD_STORAGE;
    inspection->position++;
    return inspection->position < chain_depth(inspection->chain);
}

static void
prefix(Inspection *inspection, GError **error)
{
    const Layer *layer = current_layer(inspection);

    if (inspection->position == 0)
        g_prefix_error(error, "cannot read image '%s': ", layer->path);
    else
        g_prefix_error(error,
                       "cannot read image '%s', the backing file of '%s': ",
                       layer->path,
                       chain_layer(inspection->chain, inspection->position - 1)->path);
}

static void
on_step_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Inspection *inspection = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL)
        prefix(inspection, &error);
    else if (inspection->step == STEP_QUERY)
        take_image(inspection, value, &error);
    if (error != NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    if (advance(inspection))
        do_step(task);
    else
        g_task_return_pointer(
            task, g_steal_pointer(&inspection->chain), (GDestroyNotify)chain_free);
}

static GVariant *
format_options(const Layer *layer)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "driver", "s", layer->format);
    g_variant_dict_insert(&dict, "node-name", "s", FORMAT_NODE);
    g_variant_dict_insert(&dict, "file", "s", STORAGE_NODE);
    g_variant_dict_insert(&dict, "read-only", "b", TRUE);
    g_variant_dict_insert(&dict, "force-share", "b", TRUE);
    if (g_strcmp0(layer->format, "raw") != 0)
        g_variant_dict_insert_value(
            &dict, "backing", g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL));
    return g_variant_dict_end(&dict);
}

static GVariant *
step_arguments(Inspection *inspection)
{
    const Layer *layer = current_layer(inspection);

    switch (inspection->step) {
    case STEP_ADD_STORAGE:
        return g_variant_new_parsed("{'driver': <%s>, 'node-name': <%s>, 'filename': <%s>, "
                                    "'read-only': <true>, 'force-share': <true>}",
                                    layer->kind == LAYER_BLOCK ? "host_device" : "file",
                                    STORAGE_NODE,
                                    layer->path);
    case STEP_ADD_FORMAT:
        return format_options(layer);
    case STEP_QUERY:
        return g_variant_new_parsed("{'flat': <true>}");
    case STEP_DELETE_FORMAT:
        return g_variant_new_parsed("{'node-name': <%s>}", FORMAT_NODE);
    case STEP_DELETE_STORAGE:
        return g_variant_new_parsed("{'node-name': <%s>}", STORAGE_NODE);
    }

    g_assert_not_reached();
}

static void
do_step(GTask *task)
{
    static const char *const commands[] = {
        "blockdev-add",
        "blockdev-add",
        "query-named-block-nodes",
        "blockdev-del",
        "blockdev-del",
    };
    Inspection *inspection = g_task_get_task_data(task);
    const Layer *layer = current_layer(inspection);

    if (layer->kind != LAYER_FILE && layer->kind != LAYER_BLOCK) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_OPERATION_UNSUPPORTED,
                                "'%s' is no plain file or device: not supported yet",
                                layer->path);
        return;
    }

    peer_call_async(inspection->peer,
                    commands[inspection->step],
                    step_arguments(inspection),
                    on_step_done,
                    g_object_ref(task));
}

void
inspect_chain_async(Peer *peer,
                    const Chain *known,
                    gboolean is_complete,
                    guint next_index,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    Inspection *inspection = g_new0(Inspection, 1);

    g_task_set_source_tag(task, inspect_chain_async);
    inspection->peer = peer;
    inspection->chain = chain_copy(known);
    inspection->is_complete = is_complete;
    inspection->next_index = next_index;
    g_task_set_task_data(task, inspection, (GDestroyNotify)inspection_free);
    do_step(task);
}

Chain *
inspect_chain_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, inspect_chain_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
