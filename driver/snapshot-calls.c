/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot calls */

#include "driver/snapshot-calls.h"

#include <stdio.h>
#include <string.h>

#include "api/vblk-error.h"
#include "driver/driver-private.h"
#include "driver/look.h"
#include "driver/turn.h"
#include "xml/snapshot-xml.h"

/* One disk that gets an overlay. */
typedef struct {
    Disk *disk; /* borrowed from the domain, busy for us; NULL when all is done */
    char *path; /* of the overlay */
    Look *look; /* NULL until the images were looked at */
    guint index;
    gboolean is_made; /* the file is ours to remove if the rest fails */
} Overlay;

/* All disks, one after the other; nothing of the model changes before all have their overlay. */
typedef struct {
    Driver *driver; /* borrowed: the task's source */
    Domain *domain; /* owned */
    SnapshotXml *xml;
    guint flags;
    GPtrArray *overlays; /* of Overlay, owned */
    guint position;
    gboolean has_turn;
    DomainXml *definition; /* what will be; NULL before that is known */
    Snapshot *snapshot;    /* the same; NULL: not kept */
} Create;

static void next_overlay(GTask *task);

static void
overlay_free(Overlay *overlay)
{
    if (overlay->disk != NULL)
        overlay->disk->is_busy = FALSE;
    look_free(overlay->look);
    g_free(overlay->path);
    g_free(overlay);
}

static void
create_free(Create *create)
{
    g_ptr_array_unref(create->overlays);
    if (create->has_turn)
        turn_leave(create->domain);
    snapshot_xml_free(create->xml);
    domain_xml_free(create->definition);
    snapshot_free(create->snapshot);
    domain_unref(create->domain);
    driver_end_call(create->driver);
    g_free(create);
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

/* As libvirt names them: beside the image, its last suffix replaced by the snapshot's name. */
static char *
default_path(const char *image, const char *snapshot)
{
    g_autofree char *folder = g_path_get_dirname(image);
    g_autofree char *name = g_path_get_basename(image);
    char *dot = strrchr(name, '.');
    g_autofree char *file = NULL;

    if (dot != NULL && dot != name)
        *dot = '\0';
    file = g_strdup_printf("%s.%s", name, snapshot);
    return g_build_filename(folder, file, NULL);
}

static const SnapshotDisk *
find_request(const SnapshotXml *xml, const Disk *disk)
{
    for (guint i = 0; i < xml->disks->len; i++) {
        const SnapshotDisk *request = g_ptr_array_index(xml->disks, i);
        const Layer *active = chain_active(disk->chain);

        if (g_strcmp0(request->name, disk->target) == 0 ||
            (active != NULL && g_strcmp0(request->name, active->path) == 0))
            return request;
    }

    return NULL;
}

static gboolean
check_requests(const Create *create, GError **error)
{
    for (guint i = 0; i < create->xml->disks->len; i++) {
        const SnapshotDisk *request = g_ptr_array_index(create->xml->disks, i);
        guint position;

        if (domain_find_disk(create->domain, request->name, &position, error) == NULL)
            return FALSE;
        if (request->kind == SNAPSHOT_DISK_INTERNAL)
            return refuse(error,
                          VBLK_ERROR_CONFIG_UNSUPPORTED,
                          "disk '%s': internal snapshots are not supported yet",
                          request->name);
        if (request->format != NULL && !g_str_equal(request->format, "qcow2"))
            return refuse(error,
                          VBLK_ERROR_CONFIG_UNSUPPORTED,
                          "disk '%s': an overlay of format '%s' can have no backing file: use "
                          "qcow2",
                          request->name,
                          request->format);
    }

    return TRUE;
}

/* A file that another disk stands on, or that another overlay of ours will be. */
static gboolean
check_unused(const Create *create, const Overlay *overlay, GError **error)
{
    g_autoptr(GPtrArray) users = driver_find_users(create->driver, overlay->path, NULL, NULL);

    for (guint i = 0; i < create->overlays->len; i++) {
        const Overlay *other = g_ptr_array_index(create->overlays, i);

        if (other != overlay && g_str_equal(other->path, overlay->path))
            g_ptr_array_add(users,
                            g_strdup_printf("%s/%s", create->domain->name, other->disk->target));
    }

    return users->len == 0 || refuse(error,
                                     VBLK_ERROR_INVALID_ARGUMENT,
                                     "the overlay '%s' of disk '%s' is also for '%s': name another",
                                     overlay->path,
                                     overlay->disk->target,
                                     (const char *)g_ptr_array_index(users, 0));
}

static gboolean
check_path(const Create *create, const Overlay *overlay, GError **error)
{
    gboolean is_there = g_file_test(overlay->path, G_FILE_TEST_EXISTS);

    if (!g_path_is_absolute(overlay->path))
        return refuse(error,
                      VBLK_ERROR_INVALID_ARGUMENT,
                      "the overlay '%s' of disk '%s' is no absolute path",
                      overlay->path,
                      overlay->disk->target);
    if (is_there && (create->flags & SNAPSHOT_CREATE_REUSE_EXT) == 0)
        return refuse(error,
                      VBLK_ERROR_CONFIG_UNSUPPORTED,
                      "external destination file for disk %s already exists and is not a block "
                      "device: %s",
                      overlay->disk->target,
                      overlay->path);
    if (!is_there && (create->flags & SNAPSHOT_CREATE_REUSE_EXT) != 0)
        return refuse(error,
                      VBLK_ERROR_IMAGE_MISSING,
                      "missing destination file for disk %s: %s",
                      overlay->disk->target,
                      overlay->path);
    return check_unused(create, overlay, error);
}

static gboolean
add_overlay(Create *create, Disk *disk, const SnapshotDisk *request, GError **error)
{
    Overlay *overlay;

    if (disk->job != NULL || disk->is_busy)
        return refuse(error,
                      VBLK_ERROR_OPERATION_INVALID,
                      "disk '%s' has active block job: take the snapshot when it has ended",
                      disk->target);

    overlay = g_new0(Overlay, 1);
    overlay->disk = disk;
    disk->is_busy = TRUE;
    overlay->path = request != NULL && request->path != NULL
                        ? g_strdup(request->path)
                        : default_path(chain_active(disk->chain)->path, create->xml->name);
    g_ptr_array_add(create->overlays, overlay);
    return check_path(create, overlay, error);
}

/* As libvirt: every disk that can be written, but for those that the request leaves out. */
static gboolean
choose_disks(Create *create, GError **error)
{
    if (!check_requests(create, error))
        return FALSE;

    for (guint i = 0; i < create->domain->disks->len; i++) {
        Disk *disk = g_ptr_array_index(create->domain->disks, i);
        const SnapshotDisk *request = find_request(create->xml, disk);

        if (chain_depth(disk->chain) == 0 || disk->is_read_only ||
            (request != NULL && request->kind == SNAPSHOT_DISK_NO))
            continue;
        if (!add_overlay(create, disk, request, error))
            return FALSE;
    }

    return create->overlays->len > 0 || refuse(error,
                                               VBLK_ERROR_CONFIG_UNSUPPORTED,
                                               "domain '%s' has no disk to take a snapshot of",
                                               create->domain->name);
}

/* Files of ours that nobody will use. */
static void
undo(Create *create)
{
    for (guint i = 0; i < create->overlays->len; i++) {
        Overlay *overlay = g_ptr_array_index(create->overlays, i);

        if (overlay->is_made && remove(overlay->path) < 0)
            g_warning("cannot remove the unused overlay '%s', ignoring", overlay->path);
    }
}

static void
fail(GTask *task, GError *error)
{
    undo(g_task_get_task_data(task));
    g_task_return_error(task, error);
}

static Chain *
new_chain(const Overlay *overlay)
{
    Layer *layer = layer_new(LAYER_FILE, overlay->path, "qcow2", overlay->index);
    const Layer *below = chain_active(overlay->look->chain);

    layer->backing_name = g_strdup(below->path);
    layer->virtual_size = below->virtual_size;
    return chain_with_active(overlay->look->chain, layer);
}

/* The definition with all overlays on top. */
static DomainXml *
new_definition(Create *create, GError **error)
{
    g_autoptr(DomainXml) kept = g_steal_pointer(&create->domain->definition);
    DomainXml *xml = domain_xml_copy(kept);

    for (guint i = 0; xml != NULL && i < create->overlays->len; i++) {
        const Overlay *overlay = g_ptr_array_index(create->overlays, i);
        g_autoptr(Chain) chain = new_chain(overlay);

        create->domain->definition = xml;
        xml = domain_definition_with_chain(create->domain, overlay->disk, chain, error);
        g_clear_pointer(&create->domain->definition, domain_xml_free);
    }

    create->domain->definition = g_steal_pointer(&kept);
    return xml;
}

static char *
new_document(Create *create, GError **error)
{
    SnapshotXml *xml = create->xml;

    g_free(xml->state);
    g_free(xml->parent);
    xml->state = g_strdup("shutoff");
    xml->parent = g_strdup(create->domain->current_snapshot);
    xml->creation_time = (guint64)(g_get_real_time() / G_USEC_PER_SEC);
    xml->domain = domain_xml_copy(create->domain->definition);
    g_ptr_array_set_size(xml->disks, 0);
    for (guint i = 0; i < create->overlays->len; i++) {
        const Overlay *overlay = g_ptr_array_index(create->overlays, i);
        SnapshotDisk *disk = snapshot_disk_new(overlay->disk->target, SNAPSHOT_DISK_EXTERNAL);

        disk->format = g_strdup("qcow2");
        disk->path = g_strdup(overlay->path);
        g_ptr_array_add(xml->disks, disk);
    }

    return snapshot_xml_format(xml, error);
}

static Snapshot *
new_snapshot(Create *create, const char *document)
{
    Snapshot *snapshot = snapshot_new(create->xml->name, document);

    snapshot->description = g_strdup(create->xml->description);
    snapshot->parent = g_strdup(create->xml->parent);
    snapshot->state = g_strdup(create->xml->state);
    snapshot->creation_time = create->xml->creation_time;
    return snapshot;
}

static void
apply(Create *create)
{
    Domain *domain = create->domain;
    Snapshot *snapshot = g_steal_pointer(&create->snapshot);

    domain_xml_free(domain->definition);
    domain->definition = g_steal_pointer(&create->definition);
    for (guint i = 0; i < create->overlays->len; i++) {
        Overlay *overlay = g_ptr_array_index(create->overlays, i);
        Chain *chain = new_chain(overlay);

        overlay->is_made = FALSE;
        chain_free(overlay->disk->chain);
        overlay->disk->chain = chain;
        overlay->disk->is_chain_known = TRUE;
        overlay->disk->is_busy = FALSE;
        overlay->disk = NULL;
    }

    driver_tell_domain(create->driver, "domain-changed", domain);
    if (snapshot != NULL) {
        g_free(domain->current_snapshot);
        domain->current_snapshot = g_strdup(snapshot->name);
        g_ptr_array_add(domain->snapshots, snapshot);
        driver_tell_snapshot(create->driver, "snapshot-added", domain, snapshot);
    }
}

static void release_images(GTask *task);

static void
on_released(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;

    release_images(task);
}

/* Answered when the images are free again: the next call may follow at once. */
static void
release_images(GTask *task)
{
    Create *create = g_task_get_task_data(task);

    while (create->position < create->overlays->len) {
        Overlay *overlay = g_ptr_array_index(create->overlays, create->position++);

        if (overlay->look->peer == NULL)
            continue;
        peer_quit_async(g_steal_pointer(&overlay->look->peer), on_released, g_object_ref(task));
        return;
    }

    apply(create);
    g_task_return_pointer(task, g_strdup(create->xml->name), g_free);
}

static void
on_recorded(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Create *create = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (events == NULL) {
        fail(task, g_steal_pointer(&error));
        return;
    }

    create->position = 0;
    release_images(task);
}

/* As it was looked for when the call began; another may have been quicker. */
static gboolean
check_name(const Create *create, GError **error)
{
    return domain_find_snapshot(create->domain, create->xml->name) == NULL ||
           refuse(error,
                  VBLK_ERROR_OPERATION_INVALID,
                  "domain snapshot %s already exists",
                  create->xml->name);
}

static void
record_in_turn(gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Create *create = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autofree char *document = NULL;
    g_autofree char *text = NULL;
    StoreBatch *batch;

    create->has_turn = TRUE;
    if (check_name(create, &error))
        document = new_document(create, &error);
    if (document != NULL)
        create->definition = new_definition(create, &error);
    if (create->definition == NULL) {
        fail(task, g_steal_pointer(&error));
        return;
    }

    text = domain_xml_format(create->definition);
    batch = store_batch_new();
    store_batch_put_domain(batch, create->domain->uuid, create->domain->name, text);
    if ((create->flags & SNAPSHOT_CREATE_NO_METADATA) == 0) {
        StoredSnapshot stored = {
            .domain_uuid = create->domain->uuid,
            .name = create->xml->name,
            .xml = document,
            .is_current = TRUE,
        };

        create->snapshot = new_snapshot(create, document);
        store_batch_put_snapshot(batch, &stored);
    }
    store_commit_async(create->driver->store, batch, on_recorded, g_steal_pointer(&task));
}

static void
on_overlay_made(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Create *create = g_task_get_task_data(task);
    Overlay *overlay = g_ptr_array_index(create->overlays, create->position);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = peer_call_finish(result, &error);

    if (value == NULL) {
        g_prefix_error(&error, "cannot take a snapshot of disk '%s': ", overlay->disk->target);
        fail(task, g_steal_pointer(&error));
        return;
    }

    overlay->is_made = (create->flags & SNAPSHOT_CREATE_REUSE_EXT) == 0;
    create->position++;
    next_overlay(task);
}

static void
on_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Create *create = g_task_get_task_data(task);
    Overlay *overlay = g_ptr_array_index(create->overlays, create->position);
    g_autofree char *node = plan_format_node(chain_active(overlay->look->chain)->index);
    gboolean is_existing = (create->flags & SNAPSHOT_CREATE_REUSE_EXT) != 0;
    g_autoptr(GError) error = NULL;

    if (!peer_open_finish(result, &error)) {
        fail(task, g_steal_pointer(&error));
        return;
    }

    peer_call_async(overlay->look->peer,
                    "blockdev-snapshot-sync",
                    g_variant_new_parsed("{'node-name': <%s>, 'snapshot-file': <%s>, "
                                         "'snapshot-node-name': <'virtblock-overlay'>, "
                                         "'format': <'qcow2'>, 'mode': <%s>}",
                                         node,
                                         overlay->path,
                                         is_existing ? "existing" : "absolute-paths"),
                    on_overlay_made,
                    g_steal_pointer(&task));
}

static void
on_looked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Create *create = g_task_get_task_data(task);
    Overlay *overlay = g_ptr_array_index(create->overlays, create->position);
    g_autoptr(GError) error = NULL;

    overlay->look = look_finish(result, &error);
    if (overlay->look == NULL) {
        fail(task, g_steal_pointer(&error));
        return;
    }

    overlay->index = domain_next_index(create->domain) + create->position;
    for (guint i = 0; i < chain_depth(overlay->look->chain); i++)
        overlay->index = MAX(overlay->index, chain_layer(overlay->look->chain, i)->index + 1);
    peer_open_async(overlay->look->peer, overlay->look->chain, on_opened, g_steal_pointer(&task));
}

static void
next_overlay(GTask *task)
{
    Create *create = g_task_get_task_data(task);
    Overlay *overlay;

    if (create->position == create->overlays->len) {
        turn_enter(create->domain, record_in_turn, g_object_ref(task));
        return;
    }

    overlay = g_ptr_array_index(create->overlays, create->position);
    look_async(create->driver, create->domain, overlay->disk, on_looked, g_object_ref(task));
}

static gboolean
check_create(Create *create, GError **error)
{
    if ((create->flags & SNAPSHOT_CREATE_DISK_ONLY) == 0 || create->xml->has_memory)
        return refuse(error,
                      VBLK_ERROR_OPERATION_UNSUPPORTED,
                      "only disk snapshots are supported yet: give --disk-only");
    if (create->xml->name == NULL)
        create->xml->name = g_strdup_printf("%" G_GINT64_FORMAT,
                                            g_get_real_time() / G_USEC_PER_SEC);
    return domain_check_free(create->domain, error) && check_name(create, error) &&
           choose_disks(create, error);
}

void
driver_snapshot_create_async(Driver *driver,
                             Domain *domain,
                             const char *xml,
                             guint flags,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_autoptr(GError) error = NULL;
    SnapshotXml *request = snapshot_xml_parse(xml, &error);
    Create *create;

    g_task_set_source_tag(task, driver_snapshot_create_async);
    if (request == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    driver_begin_call(driver);
    create = g_new0(Create, 1);
    create->driver = driver;
    create->domain = domain_ref(domain);
    create->xml = request;
    create->flags = flags;
    create->overlays = g_ptr_array_new_with_free_func((GDestroyNotify)overlay_free);
    g_task_set_task_data(task, create, (GDestroyNotify)create_free);
    if (check_create(create, &error))
        next_overlay(task);
    else
        g_task_return_error(task, g_steal_pointer(&error));
}

char *
driver_snapshot_create_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
