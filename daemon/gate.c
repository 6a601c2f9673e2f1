/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Call gate */

#include "daemon/gate.h"

#include "api/vblk-error.h"
#include "daemon/authorizer.h"

/* Of one connection, unanswered. */
#define MAX_CALLS 256

#define COUNT_KEY "virtblock-calls"

typedef struct {
    GObject *owner;
    GDBusMethodInvocation *invocation;
    GateOpen open;
} Passage;

/* Of the process; for its idle timer alone. */
static guint n_calls;
static gint64 last_call_us;

guint
gate_count_calls(void)
{
    return n_calls;
}

gint64
gate_get_last_call_us(void)
{
    return last_call_us;
}

void
gate_refuse(GDBusMethodInvocation *invocation, const GError *error)
{
    int code = error->domain == VBLK_ERROR ? error->code : VBLK_ERROR_INTERNAL;
    g_autofree char *message = g_utf8_make_valid(error->message, -1);

    g_dbus_method_invocation_return_error_literal(invocation, VBLK_ERROR, code, message);
}

static void
add_to_count(GDBusConnection *connection, int difference)
{
    guint count = GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(connection), COUNT_KEY));

    g_object_set_data(G_OBJECT(connection), COUNT_KEY, GUINT_TO_POINTER(count + (guint)difference));
    n_calls += (guint)difference;
}

/* An invocation goes when it was answered. */
static void
on_answered(gpointer data, GObject *former_invocation)
{
    g_autoptr(GDBusConnection) connection = data;

    add_to_count(connection, -1);
    last_call_us = g_get_monotonic_time();
}

static gboolean
take_count(GDBusMethodInvocation *invocation)
{
    GDBusConnection *connection = g_dbus_method_invocation_get_connection(invocation);

    if (GPOINTER_TO_UINT(g_object_get_data(G_OBJECT(connection), COUNT_KEY)) >= MAX_CALLS)
        return FALSE;

    add_to_count(connection, 1);
    last_call_us = g_get_monotonic_time();
    g_object_weak_ref(G_OBJECT(invocation), on_answered, g_object_ref(connection));
    return TRUE;
}

static void
on_checked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Passage *passage = user_data;
    g_autoptr(GObject) owner = g_steal_pointer(&passage->owner);
    GDBusMethodInvocation *invocation = g_steal_pointer(&passage->invocation);
    GateOpen open = passage->open;
    g_autoptr(GError) error = NULL;

    g_free(passage);
    if (authorizer_check_finish(result, &error))
        open(owner, invocation);
    else
        gate_refuse(invocation, error);
}

void
gate_pass(GObject *owner, GDBusMethodInvocation *invocation, GateOpen open)
{
    Passage *passage;

    if (!take_count(invocation)) {
        g_dbus_method_invocation_return_error(
            invocation,
            VBLK_ERROR,
            VBLK_ERROR_LIMIT,
            "more than %d calls are waiting for their answers: wait for some",
            MAX_CALLS);
        return;
    }

    passage = g_new0(Passage, 1);
    passage->owner = g_object_ref(owner);
    passage->invocation = invocation;
    passage->open = open;
    authorizer_check_async(invocation, on_checked, passage);
}

/* The class above ours is the generated one. */
static const GDBusInterfaceVTable *
generated_vtable(GDBusInterfaceSkeleton *skeleton)
{
    GDBusInterfaceSkeletonClass *class = g_type_class_peek_parent(G_OBJECT_GET_CLASS(skeleton));

    return class->get_vtable(skeleton);
}

static void
answer_get(GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *invocation)
{
    const GDBusPropertyInfo *property = g_dbus_method_invocation_get_property_info(invocation);
    g_autoptr(GError) error = NULL;
    GVariant *value = generated_vtable(skeleton)->get_property(
        g_dbus_method_invocation_get_connection(invocation),
        g_dbus_method_invocation_get_sender(invocation),
        g_dbus_method_invocation_get_object_path(invocation),
        g_dbus_interface_skeleton_get_info(skeleton)->name,
        property->name,
        &error,
        skeleton);

    if (value == NULL)
        gate_refuse(invocation, error);
    else
        g_dbus_method_invocation_return_value(invocation, g_variant_new("(v)", value));
}

static void
answer_get_all(GDBusInterfaceSkeleton *skeleton, GDBusMethodInvocation *invocation)
{
    g_autoptr(GVariant) properties = g_dbus_interface_skeleton_get_properties(skeleton);

    g_dbus_method_invocation_return_value(invocation, g_variant_new("(@a{sv})", properties));
}

static void
open_skeleton(GObject *owner, GDBusMethodInvocation *invocation)
{
    GDBusInterfaceSkeleton *skeleton = G_DBUS_INTERFACE_SKELETON(owner);
    const char *interface = g_dbus_method_invocation_get_interface_name(invocation);
    const char *method = g_dbus_method_invocation_get_method_name(invocation);

    if (!g_str_equal(interface, "org.freedesktop.DBus.Properties"))
        generated_vtable(skeleton)->method_call(
            g_dbus_method_invocation_get_connection(invocation),
            g_dbus_method_invocation_get_sender(invocation),
            g_dbus_method_invocation_get_object_path(invocation),
            interface,
            method,
            g_dbus_method_invocation_get_parameters(invocation),
            invocation,
            skeleton);
    else if (g_str_equal(method, "Get"))
        answer_get(skeleton, invocation);
    else
        answer_get_all(skeleton, invocation);
}

static void
on_method_call(GDBusConnection *connection,
               const char *sender,
               const char *path,
               const char *interface,
               const char *method,
               GVariant *parameters,
               GDBusMethodInvocation *invocation,
               gpointer user_data)
{
    gate_pass(user_data, invocation, open_skeleton);
}

/* Without get_property, reads of properties come to method_call too. */
static GDBusInterfaceVTable vtable = {.method_call = on_method_call};

GDBusInterfaceVTable *
gate_get_vtable(GDBusInterfaceSkeleton *skeleton)
{
    return &vtable;
}
