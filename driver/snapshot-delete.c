/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot deletion */

#include "api/vblk-error.h"
#include "driver/driver-private.h"
#include "driver/snapshot-calls.h"
#include "driver/turn.h"
#include "xml/snapshot-xml.h"

typedef struct {
    Driver *driver; /* borrowed: the task's source */
    Domain *domain; /* owned; it is our turn to change its documents */
    char *name;
} Delete;

static void
delete_free(Delete *delete)
{
    turn_leave(delete->domain);
    domain_unref(delete->domain);
    driver_end_call(delete->driver);
    g_free(delete->name);
    g_free(delete);
}

/* The document of @child with its parent replaced; NULL where it cannot be read any more. */
static char *
document_with_parent(const Snapshot *child, const char *parent)
{
    g_autoptr(SnapshotXml) xml = snapshot_xml_parse_stored(child->xml, NULL);

    if (xml == NULL)
        return NULL;
    g_free(xml->parent);
    xml->parent = g_strdup(parent);
    return snapshot_xml_format(xml, NULL);
}

static void
reparent(Delete *delete, const char *parent, StoreBatch *batch)
{
    GPtrArray *snapshots = delete->domain->snapshots;

    for (guint i = 0; i < snapshots->len; i++) {
        Snapshot *child = g_ptr_array_index(snapshots, i);
        g_autofree char *document = NULL;
        StoredSnapshot stored = {.domain_uuid = delete->domain->uuid, .name = child->name};

        if (g_strcmp0(child->parent, delete->name) != 0)
            continue;
        document = document_with_parent(child, parent);
        stored.xml = document != NULL ? document : child->xml;
        stored.is_current = g_strcmp0(delete->domain->current_snapshot, child->name) == 0;
        store_batch_put_snapshot(batch, &stored);
    }
}

static void
apply_deletion(const Delete *delete)
{
    Domain *domain = delete->domain;
    Snapshot *gone = domain_find_snapshot(domain, delete->name);
    g_autofree char *parent = g_strdup(gone->parent);

    for (guint i = 0; i < domain->snapshots->len; i++) {
        Snapshot *child = g_ptr_array_index(domain->snapshots, i);
        char *document;

        if (g_strcmp0(child->parent, delete->name) != 0)
            continue;
        document = document_with_parent(child, parent);
        g_free(child->parent);
        child->parent = g_strdup(parent);
        if (document != NULL) {
            g_free(child->xml);
            child->xml = document;
        }
    }
    if (g_strcmp0(domain->current_snapshot, delete->name) == 0) {
        g_free(domain->current_snapshot);
        domain->current_snapshot = g_steal_pointer(&parent);
    }

    driver_tell_snapshot(delete->driver, "snapshot-removed", domain, gone);
    g_ptr_array_remove(domain->snapshots, gone);
}

static void
on_deleted(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (events == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    apply_deletion(g_task_get_task_data(task));
    g_task_return_boolean(task, TRUE);
}

/* The parent of what was current is current then, as in libvirt. */
static void
make_parent_current(Delete *delete, const Snapshot *gone, StoreBatch *batch)
{
    const Snapshot *parent = gone->parent != NULL
                                 ? domain_find_snapshot(delete->domain, gone->parent)
                                 : NULL;
    StoredSnapshot stored = {.domain_uuid = delete->domain->uuid, .is_current = TRUE};

    if (parent == NULL || g_strcmp0(delete->domain->current_snapshot, gone->name) != 0)
        return;
    stored.name = parent->name;
    stored.xml = parent->xml;
    store_batch_put_snapshot(batch, &stored);
}

static void
delete_in_turn(gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Delete *delete = g_task_get_task_data(task);
    const Snapshot *gone = domain_find_snapshot(delete->domain, delete->name);
    g_autoptr(GError) error = NULL;
    StoreBatch *batch;

    if (!domain_check_free(delete->domain, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }
    if (gone == NULL) {
        g_task_return_new_error(task,
                                VBLK_ERROR,
                                VBLK_ERROR_NO_SNAPSHOT,
                                "no domain snapshot with matching name '%s'",
                                delete->name);
        return;
    }

    batch = store_batch_new();
    reparent(delete, gone->parent, batch);
    make_parent_current(delete, gone, batch);
    store_batch_delete_snapshot(batch, delete->domain->uuid, delete->name);
    store_commit_async(delete->driver->store, batch, on_deleted, g_steal_pointer(&task));
}

void
driver_snapshot_delete_async(Driver *driver,
                             Domain *domain,
                             const char *name,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    GTask *task = g_task_new(driver, cancellable, callback, user_data);
    Delete *delete = g_new0(Delete, 1);

    driver_begin_call(driver);
    delete->driver = driver;
    delete->domain = domain_ref(domain);
    delete->name = g_strdup(name);
    g_task_set_source_tag(task, driver_snapshot_delete_async);
    g_task_set_task_data(task, delete, (GDestroyNotify)delete_free);
    turn_enter(domain, delete_in_turn, task);
}

gboolean
driver_snapshot_delete_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}
