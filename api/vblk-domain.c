/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public domains */

#include "api/vblk-domain.h"

#include "api/vblk-disk-private.h"
#include "api/vblk-domain-private.h"
#include "api/vblk-properties.h"
#include "api/vblk-snapshot-private.h"

#define INTERFACE "org.virtblock1.Domain"

struct _VblkDomain {
    GObject parent;

    VblkLink *link;
    char *path;
    GVariant *properties;
};

G_DEFINE_FINAL_TYPE(VblkDomain, vblk_domain, G_TYPE_OBJECT)

VblkLink *
vblk_domain_get_link(VblkDomain *domain)
{
    return domain->link;
}

const char *
vblk_domain_get_path(VblkDomain *domain)
{
    return domain->path;
}

GObject *
vblk_domain_build(VblkLink *link, const char *path, GVariant *properties)
{
    VblkDomain *domain = g_object_new(VBLK_TYPE_DOMAIN, NULL);

    domain->link = g_object_ref(link);
    domain->path = g_strdup(path);
    domain->properties = g_variant_ref(properties);
    return G_OBJECT(domain);
}

const char *
vblk_domain_get_name(VblkDomain *domain)
{
    g_return_val_if_fail(VBLK_IS_DOMAIN(domain), NULL);

    return vblk_properties_get_string(domain->properties, "Name");
}

const char *
vblk_domain_get_uuid(VblkDomain *domain)
{
    g_return_val_if_fail(VBLK_IS_DOMAIN(domain), NULL);

    return vblk_properties_get_string(domain->properties, "UUID");
}

VblkDomainState
vblk_domain_get_state(VblkDomain *domain)
{
    g_return_val_if_fail(VBLK_IS_DOMAIN(domain), VBLK_DOMAIN_SHUT_OFF);

    return (VblkDomainState)vblk_properties_get_int(domain->properties, "State", 0);
}

gboolean
vblk_domain_is_persistent(VblkDomain *domain)
{
    g_return_val_if_fail(VBLK_IS_DOMAIN(domain), 0);

    return vblk_properties_get_boolean(domain->properties, "Persistent");
}

guint64
vblk_domain_get_max_memory(VblkDomain *domain)
{
    g_return_val_if_fail(VBLK_IS_DOMAIN(domain), 0);

    return vblk_properties_get_uint64(domain->properties, "MaxMemory");
}

guint
vblk_domain_get_vcpus(VblkDomain *domain)
{
    g_return_val_if_fail(VBLK_IS_DOMAIN(domain), 0);

    return vblk_properties_get_uint(domain->properties, "VCPUs");
}

const char *
vblk_domain_get_os_type(VblkDomain *domain)
{
    g_return_val_if_fail(VBLK_IS_DOMAIN(domain), NULL);

    return vblk_properties_get_string(domain->properties, "OSType");
}

void
vblk_domain_get_xml_async(VblkDomain *domain,
                          VblkXmlFlags flags,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_get_xml_async);
    vblk_link_call(domain->link,
                   domain->path,
                   INTERFACE,
                   "GetXML",
                   g_variant_new("(u)", (guint32)flags),
                   task);
}

char *
vblk_domain_get_xml_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    char *text = NULL;

    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    if (reply != NULL)
        g_variant_get(reply, "(s)", &text);
    return text;
}

void
vblk_domain_undefine_async(VblkDomain *domain,
                           VblkUndefineFlags flags,
                           GCancellable *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_undefine_async);
    vblk_link_call(domain->link,
                   domain->path,
                   INTERFACE,
                   "Undefine",
                   g_variant_new("(u)", (guint32)flags),
                   task);
}

gboolean
vblk_domain_undefine_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    g_return_val_if_fail(g_task_is_valid(result, domain), FALSE);

    reply = g_task_propagate_pointer(G_TASK(result), error);
    return reply != NULL;
}

static void
list_children(GTask *task, const char *folder, const char *interface, VblkBuild build)
{
    VblkDomain *domain = g_task_get_source_object(task);
    g_autofree char *prefix = g_strconcat(domain->path, folder, NULL);

    vblk_link_list_objects(domain->link, prefix, interface, build, task);
}

static int
compare_disks(gconstpointer a, gconstpointer b)
{
    guint first = vblk_disk_get_position(*(VblkDisk *const *)a);
    guint second = vblk_disk_get_position(*(VblkDisk *const *)b);

    return (first > second) - (first < second);
}

static int
compare_snapshots(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(vblk_snapshot_get_name(*(VblkSnapshot *const *)a),
                     vblk_snapshot_get_name(*(VblkSnapshot *const *)b));
}

void
vblk_domain_list_disks_async(VblkDomain *domain,
                             GCancellable *cancellable,
                             GAsyncReadyCallback callback,
                             gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_list_disks_async);
    list_children(task, "/disks/", "org.virtblock1.Disk", vblk_disk_build);
}

GPtrArray *
vblk_domain_list_disks_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    GPtrArray *disks;

    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    disks = g_task_propagate_pointer(G_TASK(result), error);
    if (disks != NULL)
        g_ptr_array_sort(disks, compare_disks);
    return disks;
}

void
vblk_domain_list_snapshots_async(VblkDomain *domain,
                                 GCancellable *cancellable,
                                 GAsyncReadyCallback callback,
                                 gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_list_snapshots_async);
    list_children(task, "/snapshots/", "org.virtblock1.Snapshot", vblk_snapshot_build);
}

GPtrArray *
vblk_domain_list_snapshots_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    GPtrArray *snapshots;

    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    snapshots = g_task_propagate_pointer(G_TASK(result), error);
    if (snapshots != NULL)
        g_ptr_array_sort(snapshots, compare_snapshots);
    return snapshots;
}

void
vblk_domain_snapshot_create_xml_async(VblkDomain *domain,
                                      const char *xml,
                                      VblkSnapshotCreateFlags flags,
                                      GCancellable *cancellable,
                                      GAsyncReadyCallback callback,
                                      gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(xml != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_snapshot_create_xml_async);
    vblk_link_call_for_object(domain->link,
                              domain->path,
                              INTERFACE,
                              "SnapshotCreateXML",
                              g_variant_new("(su)", xml, (guint32)flags),
                              "org.virtblock1.Snapshot",
                              vblk_snapshot_build,
                              task);
}

VblkSnapshot *
vblk_domain_snapshot_create_xml_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

void
vblk_domain_lookup_snapshot_async(VblkDomain *domain,
                                  const char *name,
                                  GCancellable *cancellable,
                                  GAsyncReadyCallback callback,
                                  gpointer user_data)
{
    g_autoptr(GTask) task = NULL;

    g_return_if_fail(VBLK_IS_DOMAIN(domain));
    g_return_if_fail(name != NULL);

    task = g_task_new(domain, cancellable, callback, user_data);
    g_task_set_source_tag(task, vblk_domain_lookup_snapshot_async);
    vblk_link_call_for_object(domain->link,
                              domain->path,
                              INTERFACE,
                              "LookupSnapshot",
                              g_variant_new("(s)", name),
                              "org.virtblock1.Snapshot",
                              vblk_snapshot_build,
                              task);
}

VblkSnapshot *
vblk_domain_lookup_snapshot_finish(VblkDomain *domain, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, domain), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
vblk_domain_finalize(GObject *object)
{
    VblkDomain *domain = VBLK_DOMAIN(object);

    g_clear_object(&domain->link);
    g_free(domain->path);
    g_clear_pointer(&domain->properties, g_variant_unref);

    G_OBJECT_CLASS(vblk_domain_parent_class)->finalize(object);
}

static void
vblk_domain_class_init(VblkDomainClass *class)
{
    G_OBJECT_CLASS(class)->finalize = vblk_domain_finalize;
}

static void
vblk_domain_init(VblkDomain *domain)
{
}
