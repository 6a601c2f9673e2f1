/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain object */

#include "daemon/domain-object.h"

#include "api/vblk-error.h"
#include "daemon/domain-block.h"
#include "daemon/gate.h"
#include "daemon/object-path.h"
#include "daemon/units.h"
#include "driver/snapshot-calls.h"

/* libvirt's values. */
#define XML_INACTIVE                2
#define UNDEFINE_SNAPSHOTS_METADATA 2
#define SNAPSHOT_CREATE_FLAGS                                                              \
    (SNAPSHOT_CREATE_NO_METADATA | SNAPSHOT_CREATE_DISK_ONLY | SNAPSHOT_CREATE_REUSE_EXT | \
     SNAPSHOT_CREATE_ATOMIC)

struct _DomainObject {
    VirtblockDBusDomainSkeleton parent;

    Driver *driver;
    Domain *domain;
};

/* A snapshot that is being taken. */
typedef struct {
    GDBusMethodInvocation *invocation;
    Domain *domain;
    gboolean has_metadata;
} SnapshotCall;

static void domain_object_iface_init(VirtblockDBusDomainIface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE(DomainObject,
                              domain_object,
                              VIRTBLOCK_DBUS_TYPE_DOMAIN_SKELETON,
                              G_IMPLEMENT_INTERFACE(VIRTBLOCK_DBUS_TYPE_DOMAIN,
                                                    domain_object_iface_init))

void
domain_object_update(DomainObject *object)
{
    VirtblockDBusDomain *face = VIRTBLOCK_DBUS_DOMAIN(object);
    const DomainXml *definition = domain_get_definition(object->domain);

    virtblock_dbus_domain_set_name(face, domain_get_name(object->domain));
    virtblock_dbus_domain_set_uuid(face, domain_get_uuid(object->domain));
    virtblock_dbus_domain_set_state(face, (int)domain_get_state(object->domain));
    virtblock_dbus_domain_set_persistent(face, TRUE);
    virtblock_dbus_domain_set_max_memory(face, domain_xml_get_memory_kib(definition));
    virtblock_dbus_domain_set_vcpus(face, domain_xml_get_vcpus(definition));
    virtblock_dbus_domain_set_ostype(face, domain_xml_get_os_type(definition));
}

DomainObject *
domain_object_new(Driver *driver, Domain *domain)
{
    DomainObject *object = g_object_new(DOMAIN_OBJECT_TYPE, NULL);

    object->driver = g_object_ref(driver);
    object->domain = domain_ref(domain);
    domain_block_attach(VIRTBLOCK_DBUS_DOMAIN(object), driver, domain);
    domain_object_update(object);
    return object;
}

/* FALSE: the call was refused. */
static gboolean
begin(DomainObject *object, GDBusMethodInvocation *invocation, guint flags, guint allowed)
{
    const char *method = g_dbus_method_invocation_get_method_name(invocation);
    g_autoptr(GError) error = NULL;

    if (domain_is_removed(object->domain))
        g_set_error(&error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_DOMAIN,
                    "domain '%s' was undefined",
                    domain_get_name(object->domain));
    else if (units_check_flags(method, flags, allowed, &error))
        return TRUE;

    gate_refuse(invocation, error);
    return FALSE;
}

static gboolean
handle_get_xml(VirtblockDBusDomain *face, GDBusMethodInvocation *invocation, guint flags)
{
    DomainObject *object = VB_DOMAIN_OBJECT(face);
    g_autofree char *xml = NULL;

    if (!begin(object, invocation, flags, XML_INACTIVE))
        return TRUE;

    xml = domain_format_xml(object->domain, (flags & XML_INACTIVE) != 0);
    virtblock_dbus_domain_complete_get_xml(face, invocation, xml);
    return TRUE;
}

static void
on_undefined(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GDBusMethodInvocation *invocation = user_data;
    g_autoptr(GError) error = NULL;

    if (driver_undefine_finish(VB_DRIVER(source), result, &error))
        g_dbus_method_invocation_return_value(invocation, NULL);
    else
        gate_refuse(invocation, error);
}

static gboolean
handle_undefine(VirtblockDBusDomain *face, GDBusMethodInvocation *invocation, guint flags)
{
    DomainObject *object = VB_DOMAIN_OBJECT(face);

    if (begin(object, invocation, flags, UNDEFINE_SNAPSHOTS_METADATA))
        driver_undefine_async(object->driver,
                              object->domain,
                              (flags & UNDEFINE_SNAPSHOTS_METADATA) != 0,
                              NULL,
                              on_undefined,
                              invocation);
    return TRUE;
}

static void
on_snapshot_created(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autofree SnapshotCall *call = user_data;
    g_autoptr(Domain) domain = call->domain;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = driver_snapshot_create_finish(VB_DRIVER(source), result, &error);
    g_autofree char *path = g_strdup(OBJECT_PATH_NONE);

    if (name == NULL) {
        gate_refuse(call->invocation, error);
        return;
    }

    if (call->has_metadata) {
        g_free(path);
        path = object_path_of_snapshot(domain_get_uuid(domain), name);
    }
    virtblock_dbus_domain_complete_snapshot_create_xml(NULL, call->invocation, path);
}

static gboolean
handle_snapshot_create_xml(VirtblockDBusDomain *face,
                           GDBusMethodInvocation *invocation,
                           const char *xml,
                           guint flags)
{
    DomainObject *object = VB_DOMAIN_OBJECT(face);
    SnapshotCall *call;

    if (!begin(object, invocation, flags, SNAPSHOT_CREATE_FLAGS))
        return TRUE;

    if ((flags & SNAPSHOT_CREATE_DISK_ONLY) == 0) {
        g_dbus_method_invocation_return_error(
            invocation,
            VBLK_ERROR,
            VBLK_ERROR_OPERATION_UNSUPPORTED,
            "only snapshots of the disks alone can be taken of domain '%s': say so with flag '%d'",
            domain_get_name(object->domain),
            SNAPSHOT_CREATE_DISK_ONLY);
        return TRUE;
    }

    call = g_new0(SnapshotCall, 1);
    call->invocation = invocation;
    call->domain = domain_ref(object->domain);
    call->has_metadata = (flags & SNAPSHOT_CREATE_NO_METADATA) == 0;
    driver_snapshot_create_async(
        object->driver, object->domain, xml, flags, NULL, on_snapshot_created, call);
    return TRUE;
}

static gboolean
handle_lookup_snapshot(VirtblockDBusDomain *face,
                       GDBusMethodInvocation *invocation,
                       const char *name)
{
    DomainObject *object = VB_DOMAIN_OBJECT(face);
    g_autofree char *path = NULL;

    if (!begin(object, invocation, 0, 0))
        return TRUE;

    if (domain_find_snapshot(object->domain, name) == NULL) {
        g_dbus_method_invocation_return_error(invocation,
                                              VBLK_ERROR,
                                              VBLK_ERROR_NO_SNAPSHOT,
                                              "no domain snapshot with matching name '%s'",
                                              name);
        return TRUE;
    }

    path = object_path_of_snapshot(domain_get_uuid(object->domain), name);
    virtblock_dbus_domain_complete_lookup_snapshot(face, invocation, path);
    return TRUE;
}

static void
domain_object_dispose(GObject *base)
{
    DomainObject *object = VB_DOMAIN_OBJECT(base);

    g_clear_object(&object->driver);
    g_clear_pointer(&object->domain, domain_unref);

    G_OBJECT_CLASS(domain_object_parent_class)->dispose(base);
}

static void
domain_object_iface_init(VirtblockDBusDomainIface *iface)
{
    iface->handle_get_xml = handle_get_xml;
    iface->handle_undefine = handle_undefine;
    iface->handle_snapshot_create_xml = handle_snapshot_create_xml;
    iface->handle_lookup_snapshot = handle_lookup_snapshot;
}

static void
domain_object_class_init(DomainObjectClass *class)
{
    G_DBUS_INTERFACE_SKELETON_CLASS(class)->get_vtable = gate_get_vtable;
    G_OBJECT_CLASS(class)->dispose = domain_object_dispose;
}

static void
domain_object_init(DomainObject *object)
{
}
