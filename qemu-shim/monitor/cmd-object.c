/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Object commands */

#include <string.h>

#include "qemu-shim/block/throttle-group.h"
#include "qemu-shim/monitor/command.h"
#include "qemu-shim/monitor/object.h"
#include "qmp/qmp-error.h"

#define OBJECTS "/objects/"

static GVariant *
run_object_add(Shim *shim, GVariant *arguments, GError **error)
{
    object_add(shim, arguments, error);
    return NULL;
}

static GVariant *
run_object_del(Shim *shim, GVariant *arguments, GError **error)
{
    const char *id = NULL;

    g_variant_lookup(arguments, "id", "&s", &id);
    object_remove(shim, id, error);
    return NULL;
}

/* The group whose limits are asked for; of other objects there is nothing to see. */
static ThrottleGroup *
find_group(Shim *shim, GVariant *arguments, GError **error)
{
    const char *path = NULL, *property = NULL;
    ThrottleGroup *group = NULL;

    g_variant_lookup(arguments, "path", "&s", &path);
    g_variant_lookup(arguments, "property", "&s", &property);
    if (g_str_has_prefix(path, OBJECTS))
        group = throttle_group_find(shim->graph, path + strlen(OBJECTS), NULL);
    if (group == NULL) {
        g_set_error(error, QMP_ERROR, QMP_ERROR_DEVICE_NOT_FOUND, "Device '%s' not found", path);
        return NULL;
    }
    if (!g_str_equal(property, "limits")) {
        g_set_error(error,
                    QMP_ERROR,
                    QMP_ERROR_GENERIC_ERROR,
                    "Property 'throttle-group.%s' not found",
                    property);
        return NULL;
    }

    return group;
}

static GVariant *
run_qom_get(Shim *shim, GVariant *arguments, GError **error)
{
    ThrottleGroup *group = find_group(shim, arguments, error);

    return group != NULL ? throttle_group_describe(group) : NULL;
}

static GVariant *
run_qom_set(Shim *shim, GVariant *arguments, GError **error)
{
    ThrottleGroup *group = find_group(shim, arguments, error);
    g_autoptr(GVariant) value = g_variant_lookup_value(arguments, "value", NULL);
    g_autoptr(GVariant) properties = NULL;

    if (group == NULL)
        return NULL;

    properties = g_variant_ref_sink(g_variant_new_parsed("{'limits': %v}", value));
    throttle_group_change(group, properties, error);
    return NULL;
}

static const Argument del_arguments[] = {
    {"id", ARGUMENT_STRING, TRUE},
    ARGUMENT_END,
};
static const Argument get_arguments[] = {
    {"path", ARGUMENT_STRING, TRUE},
    {"property", ARGUMENT_STRING, TRUE},
    ARGUMENT_END,
};
static const Argument set_arguments[] = {
    {"path", ARGUMENT_STRING, TRUE},
    {"property", ARGUMENT_STRING, TRUE},
    {"value", ARGUMENT_ANY, TRUE},
    ARGUMENT_END,
};

const QmpCommand object_qmp_commands[] = {
    {"object-add", NULL, run_object_add},
    {"object-del", del_arguments, run_object_del},
    {"qom-get", get_arguments, run_qom_get},
    {"qom-set", set_arguments, run_qom_set},
    {NULL, NULL, NULL},
};
