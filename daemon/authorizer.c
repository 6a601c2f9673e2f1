/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Authorizer */

#include "daemon/authorizer.h"

#include <unistd.h>

#include "api/vblk-error.h"

#define BUS_TIMEOUT_MS 10000

static const struct {
    const char *interface;
    const char *method;
} known[] = {
    {"org.freedesktop.DBus.ObjectManager", "GetManagedObjects"},
    {"org.freedesktop.DBus.Properties", "Get"},
    {"org.freedesktop.DBus.Properties", "GetAll"},
    {"org.virtblock1.Manager", "DefineXML"},
    {"org.virtblock1.Manager", "DefineImage"},
    {"org.virtblock1.Manager", "LookupDomain"},
    {"org.virtblock1.Manager", "ListJobs"},
    {"org.virtblock1.Manager", "ListEvents"},
    {"org.virtblock1.Domain", "GetXML"},
    {"org.virtblock1.Domain", "Undefine"},
    {"org.virtblock1.Domain", "BlockInfo"},
    {"org.virtblock1.Domain", "BlockChain"},
    {"org.virtblock1.Domain", "BlockPull"},
    {"org.virtblock1.Domain", "BlockRebase"},
    {"org.virtblock1.Domain", "LookupBlockJob"},
    {"org.virtblock1.Domain", "BlockJobInfo"},
    {"org.virtblock1.Domain", "BlockJobAbort"},
    {"org.virtblock1.Domain", "BlockJobSetSpeed"},
    {"org.virtblock1.Domain", "BlockJobPause"},
    {"org.virtblock1.Domain", "BlockJobResume"},
    {"org.virtblock1.Domain", "SnapshotCreateXML"},
    {"org.virtblock1.Domain", "LookupSnapshot"},
    {"org.virtblock1.BlockJob", "Cancel"},
    {"org.virtblock1.BlockJob", "Pause"},
    {"org.virtblock1.BlockJob", "Resume"},
    {"org.virtblock1.BlockJob", "SetSpeed"},
    {"org.virtblock1.Snapshot", "GetXML"},
    {"org.virtblock1.Snapshot", "Delete"},
};

gboolean
authorizer_knows(const char *interface, const char *method)
{
    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        if (g_str_equal(known[i].interface, interface) && g_str_equal(known[i].method, method))
            return TRUE;
    }

    return FALSE;
}

gboolean
authorizer_is_trusted_user(guint32 uid)
{
    return uid == 0 || uid == geteuid();
}

static void
return_denied(GTask *task, const char *reason)
{
    GDBusMethodInvocation *invocation = g_task_get_task_data(task);

    g_task_return_new_error(task,
                            VBLK_ERROR,
                            VBLK_ERROR_ACCESS_DENIED,
                            "'%s' may not be called: %s",
                            g_dbus_method_invocation_get_method_name(invocation),
                            reason);
}

static void
on_user_known(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant)
        reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);
    guint32 uid = 0;

    if (reply == NULL) {
        return_denied(task, error->message);
        return;
    }

    g_variant_get(reply, "(u)", &uid);
    if (authorizer_is_trusted_user(uid))
        g_task_return_boolean(task, TRUE);
    else
        return_denied(task, "the caller is another user");
}

void
authorizer_check_async(GDBusMethodInvocation *invocation,
                       GAsyncReadyCallback callback,
                       gpointer user_data)
{
    GDBusConnection *connection = g_dbus_method_invocation_get_connection(invocation);
    g_autoptr(GTask) task = g_task_new(NULL, NULL, callback, user_data);

    g_task_set_source_tag(task, authorizer_check_async);
    g_task_set_task_data(task, g_object_ref(invocation), g_object_unref);

    if (!authorizer_knows(g_dbus_method_invocation_get_interface_name(invocation),
                          g_dbus_method_invocation_get_method_name(invocation))) {
        return_denied(task, "nobody may");
        return;
    }

    if ((g_dbus_connection_get_flags(connection) &
         G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION) == 0) {
        g_task_return_boolean(task, TRUE);
        return;
    }

    g_dbus_connection_call(connection,
                           "org.freedesktop.DBus",
                           "/org/freedesktop/DBus",
                           "org.freedesktop.DBus",
                           "GetConnectionUnixUser",
                           g_variant_new("(s)", g_dbus_method_invocation_get_sender(invocation)),
                           G_VARIANT_TYPE("(u)"),
                           G_DBUS_CALL_FLAGS_NONE,
                           BUS_TIMEOUT_MS,
                           NULL,
                           on_user_known,
                           g_object_ref(task));
}

gboolean
authorizer_check_finish(GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_async_result_is_tagged(result, authorizer_check_async), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}
