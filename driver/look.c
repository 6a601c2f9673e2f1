/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Looking */

#include "driver/look.h"

#include "api/vblk-error.h"
#include "driver/inspect.h"

typedef struct {
    Look look;
    Chain *known;
    Chain *last; /* what was found last time */
    gboolean is_complete;
    guint next_index;
} Request;

void
look_free(Look *look)
{
    if (look == NULL)
        return;

    chain_free(look->chain);
    if (look->peer != NULL)
        peer_quit(look->peer);
    g_free(look);
}

static void
request_free(Request *request)
{
    chain_free(request->look.chain);
    if (request->look.peer != NULL)
        peer_quit(request->look.peer);
    chain_free(request->known);
    chain_free(request->last);
    g_free(request);
}

/* A layer that was found before keeps its index, by its path. */
static void
keep_indexes(const Chain *last, Chain *found)
{
    for (guint i = 0; i < chain_depth(found); i++) {
        for (guint k = 0; k < chain_depth(last); k++) {
            const Layer *old = chain_layer(last, k);

            if (g_strcmp0(old->path, chain_layer(found, i)->path) == 0)
                chain_layer(found, i)->index = old->index;
        }
    }
}

static void
on_inspected(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Request *request = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    Look *look;

    request->look.chain = inspect_chain_finish(result, &error);
    if (request->look.chain == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    keep_indexes(request->last, request->look.chain);
    look = g_memdup2(&request->look, sizeof(request->look));
    request->look = (Look){0};
    g_task_return_pointer(task, look, (GDestroyNotify)look_free);
}

static void
on_launched(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Request *request = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;

    request->look.peer = peer_finish(result, &error);
    if (request->look.peer == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    inspect_chain_async(request->look.peer,
                        request->known,
                        request->is_complete,
                        request->next_index,
                        on_inspected,
                        g_steal_pointer(&task));
}

/* The layers that the definition names; those found below them may have changed since. */
static Chain *
named_layers(const Disk *disk)
{
    Chain *chain = chain_copy(disk->chain);

    if (!disk->is_chain_in_xml)
        g_ptr_array_set_size(chain->layers, 1);
    return chain;
}

void
look_async(Driver *driver,
           const Domain *domain,
           const Disk *disk,
           GAsyncReadyCallback callback,
           gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);
    g_autofree char *socket_path = driver_next_socket(driver, "look");
    Request *request = g_new0(Request, 1);

    g_task_set_source_tag(task, look_async);
    g_task_set_task_data(task, request, (GDestroyNotify)request_free);
    if (chain_depth(disk->chain) == 0) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_OPERATION_INVALID,
                                "disk '%s' of domain '%s' has no medium",
                                disk->target,
                                domain->name);
        return;
    }

    request->known = named_layers(disk);
    request->last = chain_copy(disk->chain);
    request->is_complete = disk->is_chain_in_xml && disk->is_chain_known;
    request->next_index = domain_next_index(domain);
    peer_launch_async(
        driver->shim_path, domain->name, socket_path, on_launched, g_steal_pointer(&task));
}

Look *
look_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, look_async), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
