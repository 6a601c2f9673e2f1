/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Authorisation */

#include "daemon/authorizer.h"

#include <unistd.h>

#include "api/vblk-error.h"

gboolean
authorizer_allows_uid(guint32 uid)
{
    return uid == 0 || uid == (guint32)geteuid();
}

/* Runs in a thread of GDBus, so it may wait for the bus. */
static gboolean
ask_bus(GDBusMethodInvocation *invocation)
{
    GDBusConnection *bus = g_dbus_method_invocation_get_connection(invocation);
    g_autoptr(GVariant) reply = NULL;
    guint32 uid;

    reply = g_dbus_connection_call_sync(
        bus,
        "org.freedesktop.DBus",
        "/org/freedesktop/DBus",
        "org.freedesktop.DBus",
        "GetConnectionUnixUser",
        g_variant_new("(s)", g_dbus_method_invocation_get_sender(invocation)),
        G_VARIANT_TYPE("(u)"),
        G_DBUS_CALL_FLAGS_NONE,
        -1,
        NULL,
        NULL);
    if (reply == NULL)
        return FALSE;

    g_variant_get(reply, "(u)", &uid);
    return authorizer_allows_uid(uid);
}

static gboolean
on_authorize(GDBusInterfaceSkeleton *skeleton,
             GDBusMethodInvocation *invocation,
             gpointer user_data)
{
    GDBusConnection *connection = g_dbus_method_invocation_get_connection(invocation);

    if (g_dbus_connection_get_unique_name(connection) == NULL || ask_bus(invocation))
        return TRUE;

    g_dbus_method_invocation_return_error(invocation,
                                          VBLK_ERROR,
                                          VBLK_ERROR_ACCESS_DENIED,
                                          "access prevents %s",
                                          g_dbus_method_invocation_get_method_name(invocation));
    return FALSE;
}

void
authorizer_watch(GDBusInterfaceSkeleton *skeleton)
{
    g_signal_connect(skeleton, "g-authorize-method", G_CALLBACK(on_authorize), NULL);
}
