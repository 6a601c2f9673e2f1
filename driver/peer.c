/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Monitor peer */

#include "driver/peer.h"

#include <string.h>

#include "api/vblk-error.h"
#include "qmp/qmp-error.h"
#include "qmp/value.h"

void
peer_free(Peer *peer)
{
    if (peer == NULL)
        return;

    if (peer->client != NULL) {
        qmp_client_close(peer->client);
        g_object_unref(peer->client);
    }
    g_free(peer->socket_path);
    g_free(peer);
}

/*
 * The one place that reads a peer's texts: QMP has no codes for what happens to files. An error
 * that is not known stays as it is.
 */
static GError *
translate(const GError *error)
{
    static const struct {
        const char *part;
        VblkError code;
    } meanings[] = {
        {"No such file or directory", VBLK_ERROR_IMAGE_MISSING},
        {"Permission denied", VBLK_ERROR_IMAGE_ACCESS},
        {"Read-only file system", VBLK_ERROR_IMAGE_ACCESS},
        {"lock", VBLK_ERROR_IMAGE_IN_USE},
        {"No space left on device", VBLK_ERROR_NO_SPACE},
        {"not in qcow2 format", VBLK_ERROR_IMAGE_INVALID},
        {"as qcow2:", VBLK_ERROR_IMAGE_INVALID},
        {"is corrupt", VBLK_ERROR_IMAGE_INVALID},
        {"neither a regular file", VBLK_ERROR_IMAGE_INVALID},
        {"Is a directory", VBLK_ERROR_IMAGE_INVALID},
        {"not supported yet", VBLK_ERROR_OPERATION_UNSUPPORTED},
    };

    if (error->domain != QMP_ERROR)
        return g_error_copy(error);
    for (guint i = 0; i < G_N_ELEMENTS(meanings); i++) {
        if (strstr(error->message, meanings[i].part) != NULL)
            return g_error_new_literal(VBLK_ERROR, (int)meanings[i].code, error->message);
    }

    return g_error_new_literal(VBLK_ERROR, VBLK_ERROR_FAILED, error->message);
}

static void
on_called(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    GVariant *value = qmp_client_call_finish(QMP_CLIENT(source), result, &error);

    if (value != NULL)
        g_task_return_pointer(task, value, (GDestroyNotify)g_variant_unref);
    else
        g_task_return_error(task, translate(error));
}

void
peer_call_async(Peer *peer,
                const char *command,
                GVariant *arguments,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);

    g_task_set_source_tag(task, peer_call_async);
    qmp_client_call_async(
        peer->client, command, arguments, QMP_CLIENT_CALL_TIMEOUT_MS, NULL, on_called, task);
}

GVariant *
peer_call_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, peer_call_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
on_quit_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Peer *peer = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL)
        g_debug(
            "the peer at '%s' went before it was told to: %s", peer->socket_path, error->message);
    peer_free(peer);
}

void
peer_quit(Peer *peer)
{
    peer_call_async(peer, "quit", NULL, on_quit_answered, peer);
}

#define GOING_TIMEOUT_MS 5000

static void
on_gone(QmpClient *client, GError *reason, gpointer user_data)
{
    g_autoptr(GTask) task = g_object_ref(user_data);
    Peer *peer = g_task_get_task_data(task);

    /* The first of the three that tell us; without the handler the task can go. */
    if (g_signal_handlers_disconnect_by_func(peer->client, on_gone, task) > 0)
        g_task_return_boolean(task, TRUE);
}

static gboolean
on_going_overdue(gpointer user_data)
{
    on_gone(NULL, NULL, user_data);
    return G_SOURCE_REMOVE;
}

static void
on_told_to_go(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GVariant) value = peer_call_finish(result, NULL);

    /* Without an answer it has gone already. */
    if (value == NULL)
        on_gone(NULL, NULL, task);
}

void
peer_quit_async(Peer *peer, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);

    g_task_set_source_tag(task, peer_quit_async);
    g_task_set_task_data(task, peer, (GDestroyNotify)peer_free);
    g_signal_connect_data(peer->client,
                          "closed",
                          G_CALLBACK(on_gone),
                          g_object_ref(task),
                          (GClosureNotify)(void (*)(void))g_object_unref,
                          0);
    g_timeout_add_full(
        G_PRIORITY_DEFAULT, GOING_TIMEOUT_MS, on_going_overdue, g_object_ref(task), g_object_unref);
    peer_call_async(peer, "quit", NULL, on_told_to_go, g_object_ref(task));
}

static gboolean
has_command(GVariant *commands, const char *name)
{
    for (gsize i = 0; i < g_variant_n_children(commands); i++) {
        g_autoptr(GVariant) boxed = g_variant_get_child_value(commands, i);
        g_autoptr(GVariant) command = g_variant_get_variant(boxed);
        const char *found = NULL;

        if (g_variant_is_of_type(command, G_VARIANT_TYPE_VARDICT) &&
            g_variant_lookup(command, "name", "&s", &found) && g_str_equal(found, name))
            return TRUE;
    }

    return FALSE;
}

static void
on_commands(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Peer *peer = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) commands = peer_call_finish(result, &error);
    Peer *result_peer;

    if (commands == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    if (!g_variant_is_of_type(commands, G_VARIANT_TYPE("av"))) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_NO_CONNECTION,
                                "the process at '%s' answers query-commands with no list",
                                peer->socket_path);
        return;
    }

    peer->capabilities.has_block_stream = has_command(commands, "block-stream");
    peer->capabilities.has_auto_finalize = has_command(commands, "job-finalize");
    peer->capabilities.has_reopen = has_command(commands, "blockdev-reopen");
    result_peer = g_memdup2(peer, sizeof(*peer));
    peer->client = NULL;
    peer->socket_path = NULL;
    g_task_return_pointer(task, result_peer, (GDestroyNotify)peer_free);
}

static void
on_connected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Peer *peer = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;

    peer->client = qmp_client_connect_finish(result, &error);
    if (peer->client == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    peer_call_async(peer, "query-commands", NULL, on_commands, g_object_ref(task));
}

static GTask *
new_task(const char *socket_path, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);
    Peer *peer = g_new0(Peer, 1);

    g_task_set_source_tag(task, peer_finish);
    peer->socket_path = g_strdup(socket_path);
    g_task_set_task_data(task, peer, (GDestroyNotify)peer_free);
    return task;
}

void
peer_attach_async(const char *socket_path, GAsyncReadyCallback callback, gpointer user_data)
{
    qmp_client_connect_async(
        socket_path, NULL, on_connected, new_task(socket_path, callback, user_data));
}

static void
on_launched(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Peer *peer = g_task_get_task_data(task);
    GSubprocess *process = G_SUBPROCESS(source);
    g_autofree char *said = NULL;
    g_autoptr(GError) error = NULL;

    if (!g_subprocess_communicate_utf8_finish(process, result, NULL, &said, &error) ||
        !g_subprocess_get_successful(process)) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_FAILED,
                                "qemu-shim did not start: %s",
                                said != NULL && said[0] != '\0' ? g_strstrip(said)
                                                                : "it gave no reason");
        return;
    }

    qmp_client_connect_async(peer->socket_path, NULL, on_connected, g_object_ref(task));
}

/* -daemonize: it returns when the monitor can be reached, and does not end with us. */
void
peer_launch_async(const char *shim_path,
                  const char *name,
                  const char *socket_path,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
    g_autoptr(GTask) task = new_task(socket_path, callback, user_data);
    g_autofree char *monitor = g_strdup_printf("unix:%s,server=on,wait=off", socket_path);
    g_autofree char *guest = g_strdup_printf("guest=%s", name);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSubprocess) process = NULL;

    process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_PIPE,
                               &error,
                               shim_path,
                               "-nodefaults",
                               "-display",
                               "none",
                               "-S",
                               "-name",
                               guest,
                               "-qmp",
                               monitor,
                               "-daemonize",
                               NULL);
    if (process == NULL) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_INTERNAL,
                                "cannot start '%s': %s",
                                shim_path,
                                error->message);
        return;
    }

    g_subprocess_communicate_utf8_async(process, NULL, NULL, on_launched, g_steal_pointer(&task));
}

Peer *
peer_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, peer_finish), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

/* Opening a chain: two commands for each layer, from the lowest up. */
typedef struct {
    Peer *peer; /* borrowed, outlives us */
    Chain *chain;
    guint position;
    gboolean has_storage;
} Opening;

static void open_next(GTask *task);

static void
opening_free(Opening *opening)
{
    chain_free(opening->chain);
    g_free(opening);
}

static void
on_node_added(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Opening *opening = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL) {
        g_prefix_error(&error,
                       "cannot open image '%s': ",
                       chain_layer(opening->chain, opening->position)->path);
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    if (!opening->has_storage) {
        opening->has_storage = TRUE;
    } else if (opening->position == 0) {
        g_task_return_boolean(task, TRUE);
        return;
    } else {
        opening->has_storage = FALSE;
        opening->position--;
    }
    open_next(task);
}

static GVariant *
storage_options(const Layer *layer, gboolean is_active)
{
    g_autofree char *name = plan_storage_node(layer->index);

    return g_variant_new_parsed("{'driver': <%s>, 'node-name': <%s>, 'filename': <%s>, "
                                "'read-only': <%b>}",
                                layer->kind == LAYER_BLOCK ? "host_device" : "file",
                                name,
                                layer->path,
                                !is_active);
}

static GVariant *
format_options(const Chain *chain, guint position)
{
    const Layer *layer = chain_layer(chain, position);
    g_autofree char *name = plan_format_node(layer->index);
    g_autofree char *storage = plan_storage_node(layer->index);
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "driver", "s", layer->format);
    g_variant_dict_insert(&dict, "node-name", "s", name);
    g_variant_dict_insert(&dict, "file", "s", storage);
    g_variant_dict_insert(&dict, "read-only", "b", position > 0);
    if (position + 1 < chain_depth(chain)) {
        g_autofree char *backing = plan_format_node(chain_layer(chain, position + 1)->index);

        g_variant_dict_insert(&dict, "backing", "s", backing);
    } else if (g_strcmp0(layer->format, "raw") != 0) {
        g_variant_dict_insert_value(
            &dict, "backing", g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL));
    }
    return g_variant_dict_end(&dict);
}

static void
open_next(GTask *task)
{
    Opening *opening = g_task_get_task_data(task);
    GVariant *options = opening->has_storage
                            ? format_options(opening->chain, opening->position)
                            : storage_options(chain_layer(opening->chain, opening->position),
                                              opening->position == 0);

    peer_call_async(opening->peer, "blockdev-add", options, on_node_added, g_object_ref(task));
}

void
peer_open_async(Peer *peer, const Chain *chain, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    Opening *opening = g_new0(Opening, 1);

    g_task_set_source_tag(task, peer_open_async);
    opening->peer = peer;
    opening->chain = chain_copy(chain);
    opening->position = chain_depth(chain) - 1;
    g_task_set_task_data(task, opening, (GDestroyNotify)opening_free);
    open_next(task);
}

gboolean
peer_open_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, peer_open_async), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}
