/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain object */

#include "daemon/domain-object.h"

#include "api/vblk-error.h"
#include "daemon/answer.h"
#include "daemon/block-methods.h"
#include "daemon/disk-object.h"
#include "daemon/object-path.h"
#include "daemon/snapshot-object.h"
#include "driver/snapshot-calls.h"
#include "virtblock-dbus.h"

#define XML_INACTIVE                2
#define UNDEFINE_SNAPSHOTS_METADATA 2

struct DomainObject {
    Exporter *exporter; /* borrowed, outlives us */
    Driver *driver;     /* borrowed, outlives us */
    Domain *domain;     /* owned */
    char *path;
    VirtblockDBusDomain *skeleton;
    GHashTable *disks;     /* target -> DiskObject, owned */
    GHashTable *snapshots; /* name -> SnapshotObject, owned */
};

static gboolean
on_get_xml(VirtblockDBusDomain *skeleton,
           GDBusMethodInvocation *invocation,
           guint flags,
           gpointer user_data)
{
    DomainObject *object = user_data;
    g_autofree char *xml = NULL;

    if (!answer_check_flags(invocation, flags, XML_INACTIVE))
        return TRUE;
    xml = domain_format_xml(object->domain, (flags & XML_INACTIVE) != 0);
    virtblock_dbus_domain_complete_get_xml(skeleton, invocation, xml);
    return TRUE;
}

static void
on_undefined(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    GError *error = NULL;

    if (driver_undefine_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        g_dbus_method_invocation_take_error(invocation, error);
}

static gboolean
on_undefine(VirtblockDBusDomain *skeleton,
            GDBusMethodInvocation *invocation,
            guint flags,
            gpointer user_data)
{
    DomainObject *object = user_data;

    if (answer_check_flags(invocation, flags, UNDEFINE_SNAPSHOTS_METADATA))
        driver_undefine_async(
            object->driver, object->domain, flags != 0, NULL, on_undefined, invocation);
    return TRUE;
}

static void
on_snapshot_created(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GDBusMethodInvocation) invocation = user_data;
    GError *error = NULL;
    g_autofree char *name = driver_snapshot_create_finish(VB_DRIVER(source), result, &error);
    const char *uuid = g_object_get_data(G_OBJECT(invocation), "uuid");
    gboolean is_kept = g_object_get_data(G_OBJECT(invocation), "is-kept") != NULL;
    g_autofree char *path = NULL;

    if (error != NULL) {
        g_dbus_method_invocation_take_error(g_steal_pointer(&invocation), error);
        return;
    }

    path = is_kept ? object_path_snapshot(uuid, name) : g_strdup("/");
    g_dbus_method_invocation_return_value(g_steal_pointer(&invocation), g_variant_new("(o)", path));
}

static gboolean
on_snapshot_create(VirtblockDBusDomain *skeleton,
                   GDBusMethodInvocation *invocation,
                   const char *xml,
                   guint flags,
                   gpointer user_data)
{
    DomainObject *object = user_data;
    guint known = SNAPSHOT_CREATE_NO_METADATA | SNAPSHOT_CREATE_DISK_ONLY |
                  SNAPSHOT_CREATE_REUSE_EXT | SNAPSHOT_CREATE_ATOMIC;

    if (!answer_check_flags(invocation, flags, known))
        return TRUE;

    g_object_set_data_full(
        G_OBJECT(invocation), "uuid", g_strdup(domain_get_uuid(object->domain)), g_free);
    if ((flags & SNAPSHOT_CREATE_NO_METADATA) == 0)
        g_object_set_data(G_OBJECT(invocation), "is-kept", object);
    driver_snapshot_create_async(
        object->driver, object->domain, xml, flags, NULL, on_snapshot_created, invocation);
    return TRUE;
}

static gboolean
on_lookup_snapshot(VirtblockDBusDomain *skeleton,
                   GDBusMethodInvocation *invocation,
                   const char *name,
                   gpointer user_data)
{
    DomainObject *object = user_data;
    g_autofree char *path = NULL;

    if (domain_find_snapshot(object->domain, name) == NULL) {
        g_dbus_method_invocation_return_error(invocation,
                                              VBLK_ERROR,
                                              VBLK_ERROR_NO_SNAPSHOT,
                                              "no domain snapshot with matching name '%s': "
                                              "'snapshot-list %s' shows all there are",
                                              name,
                                              domain_get_name(object->domain));
        return TRUE;
    }

    path = object_path_snapshot(domain_get_uuid(object->domain), name);
    virtblock_dbus_domain_complete_lookup_snapshot(skeleton, invocation, path);
    return TRUE;
}

DomainObject *
domain_object_new(Exporter *exporter, Driver *driver, Domain *domain)
{
    DomainObject *object = g_new0(DomainObject, 1);

    object->exporter = exporter;
    object->driver = driver;
    object->domain = domain_ref(domain);
    object->path = object_path_domain(domain_get_uuid(domain));
    object->skeleton = virtblock_dbus_domain_skeleton_new();
    object->disks = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)disk_object_free);
    object->snapshots = g_hash_table_new_full(
        g_str_hash, g_str_equal, g_free, (GDestroyNotify)snapshot_object_free);
    virtblock_dbus_domain_set_uuid(object->skeleton, domain_get_uuid(domain));
    virtblock_dbus_domain_set_persistent(object->skeleton, TRUE);
    g_signal_connect(object->skeleton, "handle-get-xml", G_CALLBACK(on_get_xml), object);
    g_signal_connect(object->skeleton, "handle-undefine", G_CALLBACK(on_undefine), object);
    g_signal_connect(
        object->skeleton, "handle-snapshot-create-xml", G_CALLBACK(on_snapshot_create), object);
    g_signal_connect(
        object->skeleton, "handle-lookup-snapshot", G_CALLBACK(on_lookup_snapshot), object);
    block_methods_connect(object->skeleton, driver, domain);
    domain_object_update(object);
    exporter_add(exporter, object->path, G_DBUS_INTERFACE_SKELETON(object->skeleton));
    return object;
}

static void
update_disks(DomainObject *object)
{
    GPtrArray *disks = domain_get_disks(object->domain);
    GHashTableIter iter;
    gpointer target;

    for (guint i = 0; i < disks->len; i++) {
        const Disk *disk = g_ptr_array_index(disks, i);
        DiskObject *known = g_hash_table_lookup(object->disks, disk->target);

        if (known != NULL)
            disk_object_update(known, disk, i);
        else
            g_hash_table_insert(
                object->disks,
                g_strdup(disk->target),
                disk_object_new(object->exporter, domain_get_uuid(object->domain), disk, i));
    }

    g_hash_table_iter_init(&iter, object->disks);
    while (g_hash_table_iter_next(&iter, &target, NULL)) {
        if (domain_get_disk_by_target(object->domain, target) == NULL)
            g_hash_table_iter_remove(&iter);
    }
}

void
domain_object_update(DomainObject *object)
{
    const DomainXml *xml = domain_get_definition(object->domain);

    virtblock_dbus_domain_set_name(object->skeleton, domain_get_name(object->domain));
    virtblock_dbus_domain_set_state(object->skeleton, (int)domain_get_state(object->domain));
    virtblock_dbus_domain_set_max_memory(object->skeleton, domain_xml_get_memory_kib(xml));
    virtblock_dbus_domain_set_vcpus(object->skeleton, domain_xml_get_vcpus(xml));
    virtblock_dbus_domain_set_ostype(object->skeleton, domain_xml_get_os_type(xml));
    update_disks(object);
}

static void
update_snapshots(DomainObject *object)
{
    GPtrArray *snapshots = domain_get_snapshots(object->domain);

    for (guint i = 0; i < snapshots->len; i++) {
        const Snapshot *snapshot = g_ptr_array_index(snapshots, i);
        SnapshotObject *known = g_hash_table_lookup(object->snapshots, snapshot->name);

        if (known != NULL)
            snapshot_object_update(known, snapshot);
    }
}

void
domain_object_put_snapshot(DomainObject *object, const Snapshot *snapshot)
{
    if (!g_hash_table_contains(object->snapshots, snapshot->name))
        g_hash_table_insert(
            object->snapshots,
            g_strdup(snapshot->name),
            snapshot_object_new(object->exporter, object->driver, object->domain, snapshot));
    update_snapshots(object);
}

void
domain_object_remove_snapshot(DomainObject *object, const Snapshot *snapshot)
{
    g_hash_table_remove(object->snapshots, snapshot->name);
    update_snapshots(object);
}

void
domain_object_free(DomainObject *object)
{
    g_hash_table_unref(object->snapshots);
    g_hash_table_unref(object->disks);
    exporter_remove(object->exporter, object->path);
    g_signal_handlers_disconnect_by_data(object->skeleton, object);
    block_methods_disconnect(object->skeleton);
    g_object_unref(object->skeleton);
    domain_unref(object->domain);
    g_free(object->path);
    g_free(object);
}
