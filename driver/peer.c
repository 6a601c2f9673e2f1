/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Monitor peer */

#include "driver/peer.h"

#include <string.h>

#include "api/vblk-error.h"
#include "driver/launcher.h"
#include "qmp/qmp-error.h"
#include "qmp/value.h"

/* A step of a job may wait for all that was written to reach a slow disk. */
#define STEP_TIMEOUT_MS (10 * 60 * 1000)
#define QUIT_TIMEOUT_MS 30000

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

/* A text with what stands in quotes left out: file names and such may be anything. */
static char *
without_names(const char *text)
{
    GString *rest = g_string_new(NULL);
    gboolean is_quoted = FALSE;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\'')
            is_quoted = !is_quoted;
        else if (!is_quoted)
            g_string_append_c(rest, *at);
    }

    return g_string_free(rest, FALSE);
}

/*
 * The one place that reads a peer's texts: QMP has no codes for what happens to files. An error
 * that is not known stays as it is. What to do is said where it is not plain.
 */
static GError *
translate(const GError *error)
{
    static const struct {
        const char *part;
        VblkError code;
        const char *advice;
    } meanings[] = {
        {"No such file or directory", VBLK_ERROR_IMAGE_MISSING, NULL},
        {"Permission denied", VBLK_ERROR_IMAGE_ACCESS, NULL},
        {"Operation not permitted", VBLK_ERROR_IMAGE_ACCESS, NULL},
        {"Read-only file system", VBLK_ERROR_IMAGE_ACCESS, NULL},
        {" lock", VBLK_ERROR_IMAGE_IN_USE, ": another process uses the image, end that first"},
        {"No space left on device", VBLK_ERROR_NO_SPACE, NULL},
        {"Disk quota exceeded", VBLK_ERROR_NO_SPACE, NULL},
        {"not in qcow2 format", VBLK_ERROR_IMAGE_INVALID, NULL},
        {"as qcow2:", VBLK_ERROR_IMAGE_INVALID, NULL},
        {"is corrupt", VBLK_ERROR_IMAGE_INVALID, NULL},
        {"neither a regular file", VBLK_ERROR_IMAGE_INVALID, NULL},
        {"Is a directory", VBLK_ERROR_IMAGE_INVALID, NULL},
        {"not supported yet", VBLK_ERROR_OPERATION_UNSUPPORTED, NULL},
    };
    g_autofree char *text = without_names(error->message);

    if (error->domain != QMP_ERROR)
        return g_error_copy(error);
    for (guint i = 0; i < G_N_ELEMENTS(meanings); i++) {
        const char *advice = meanings[i].advice != NULL ? meanings[i].advice : "";

        if (strstr(text, meanings[i].part) != NULL)
            return g_error_new(VBLK_ERROR, (int)meanings[i].code, "%s%s", error->message, advice);
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

static void
call(Peer *peer,
     const char *command,
     GVariant *arguments,
     guint timeout_ms,
     GAsyncReadyCallback callback,
     gpointer user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);

    g_task_set_source_tag(task, peer_call_finish);
    qmp_client_call_async(peer->client, command, arguments, timeout_ms, NULL, on_called, task);
}

void
peer_call_async(Peer *peer,
                const char *command,
                GVariant *arguments,
                GAsyncReadyCallback callback,
                gpointer user_data)
{
    call(peer, command, arguments, QMP_CLIENT_CALL_TIMEOUT_MS, callback, user_data);
}

void
peer_step_async(Peer *peer, const Step *step, GAsyncReadyCallback callback, gpointer user_data)
{
    call(peer, step->command, step->arguments, STEP_TIMEOUT_MS, callback, user_data);
}

GVariant *
peer_call_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, peer_call_finish), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

/* A peer that is to go has gone when its end of the monitor is closed: its images are before. */

typedef struct {
    Peer *peer;
    gulong closed;
    guint deadline; /* source */
} Leave;

static void
leave_free(Leave *leave)
{
    g_clear_handle_id(&leave->deadline, g_source_remove);
    g_clear_signal_handler(&leave->closed, leave->peer->client);
    peer_free(leave->peer);
    g_free(leave);
}

static void
on_left(QmpClient *client, GError *reason, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Leave *leave = g_task_get_task_data(task);

    g_clear_handle_id(&leave->deadline, g_source_remove);
    g_task_return_boolean(task, TRUE);
}

static gboolean
on_quit_overdue(gpointer user_data)
{
    GTask *task = user_data;
    Leave *leave = g_task_get_task_data(task);
    int pid = qmp_client_get_peer_pid(leave->peer->client);
    gboolean is_told = launcher_terminate(pid, leave->peer->socket_path);

    g_warning("the process %d at '%s' does not quit%s",
              pid,
              leave->peer->socket_path,
              is_told ? ": told it by a signal" : "");
    leave->deadline = 0;
    qmp_client_close(leave->peer->client);
    return G_SOURCE_REMOVE;
}

static void
on_quit_answered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree char *socket_path = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL)
        g_debug("the peer at '%s' went before it was told to: %s", socket_path, error->message);
}

void
peer_quit_async(Peer *peer, GAsyncReadyCallback callback, gpointer user_data)
{
    GTask *task = g_task_new(NULL, NULL, callback, user_data);
    Leave *leave = g_new0(Leave, 1);

    g_task_set_source_tag(task, peer_quit_async);
    g_task_set_task_data(task, leave, (GDestroyNotify)leave_free);
    leave->peer = peer;
    if (qmp_client_is_closed(peer->client)) {
        on_left(peer->client, NULL, task);
        return;
    }

    leave->closed = g_signal_connect(peer->client, "closed", G_CALLBACK(on_left), task);
    leave->deadline = g_timeout_add(QUIT_TIMEOUT_MS, on_quit_overdue, task);
    peer_call_async(peer, "quit", NULL, on_quit_answered, g_strdup(peer->socket_path));
}

void
peer_quit_finish(GAsyncResult *result)
{
    g_return_if_fail(g_async_result_is_tagged(result, peer_quit_async));

    g_task_propagate_boolean(G_TASK(result), NULL);
}

void
peer_quit(Peer *peer)
{
    peer_quit_async(peer, NULL, NULL);
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

/* No command tells of the defect, only who speaks. Whoever is not known may have it. */
static gboolean
is_shim(GVariant *version)
{
    const char *package = NULL;

    return qmp_value_get_string(version, "package", &package, NULL) &&
           g_str_has_prefix(package, "virtblock qemu-shim ");
}

static void
on_version(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Peer *peer = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) version = peer_call_finish(result, &error);
    Peer *result_peer;

    if (version == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    peer->capabilities.can_drop_short_layers = g_variant_is_of_type(version,
                                                                    G_VARIANT_TYPE_VARDICT) &&
                                               is_shim(version);
    result_peer = g_memdup2(peer, sizeof(*peer));
    peer->client = NULL;
    peer->socket_path = NULL;
    g_task_return_pointer(task, result_peer, (GDestroyNotify)peer_free);
}

static void
on_commands(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Peer *peer = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) commands = peer_call_finish(result, &error);

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
    peer_call_async(peer, "query-version", NULL, on_version, g_steal_pointer(&task));
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
    g_autoptr(GError) error = NULL;

    if (launcher_start_finish(result, &error))
        qmp_client_connect_async(peer->socket_path, NULL, on_connected, g_object_ref(task));
    else
        g_task_return_error(task, g_steal_pointer(&error));
}

void
peer_launch_async(const char *shim_path,
                  const char *name,
                  const char *socket_path,
                  GAsyncReadyCallback callback,
                  gpointer user_data)
{
    launcher_start_async(
        shim_path, name, socket_path, on_launched, new_task(socket_path, callback, user_data));
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
