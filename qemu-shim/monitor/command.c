/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QMP commands */

#include "qemu-shim/monitor/command.h"

#include "api/vblk-error.h"
#include "qmp/qmp-error.h"

static const QmpCommand *const tables[] = {
    block_qmp_commands,
    job_qmp_commands,
    object_qmp_commands,
    system_qmp_commands,
};

static const QmpCommand *
find_exact(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (const QmpCommand *command = tables[i]; command->name != NULL; command++) {
            if (g_str_equal(command->name, name))
                return command;
        }
    }

    return NULL;
}

/* The first block job commands had underscores; who learned them then still writes them. */
static const QmpCommand *
find_command(const char *name)
{
    const QmpCommand *command = find_exact(name);
    g_autofree char *dashed = NULL;

    if (command != NULL || !g_str_has_prefix(name, "block_"))
        return command;

    dashed = g_strdelimit(g_strdup(name), "_", '-');
    return find_exact(dashed);
}

gboolean
command_is_known(const char *name)
{
    return find_command(name) != NULL;
}

GPtrArray *
command_list_names(void)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);

    g_ptr_array_add(names, g_strdup("qmp_capabilities"));
    for (guint i = 0; i < G_N_ELEMENTS(tables); i++) {
        for (const QmpCommand *command = tables[i]; command->name != NULL; command++)
            g_ptr_array_add(names, g_strdup(command->name));
    }

    return names;
}

static gboolean refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
refuse(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(QMP_ERROR, QMP_ERROR_GENERIC_ERROR, format, list));
    va_end(list);
    return FALSE;
}

static const struct {
    const char *name; /* in QEMU's errors */
    const char *type; /* of the variant */
} types[] = {
    [ARGUMENT_STRING] = {"string", "s"},
    [ARGUMENT_WORD] = {"string", "s"},
    [ARGUMENT_INTEGER] = {"integer", "x"},
    [ARGUMENT_BOOLEAN] = {"boolean", "b"},
    [ARGUMENT_ARRAY] = {"array", "av"},
    [ARGUMENT_ANY] = {"any", "*"},
};

static gboolean
check_value(const Argument *argument, GVariant *value, GError **error)
{
    if (!g_variant_is_of_type(value, G_VARIANT_TYPE(types[argument->type].type)))
        return refuse(error,
                      "Invalid parameter type for '%s', expected: %s",
                      argument->name,
                      types[argument->type].name);
    if (argument->type == ARGUMENT_WORD &&
        !g_strv_contains(argument->words, g_variant_get_string(value, NULL)))
        return refuse(error,
                      "Parameter '%s' does not accept value '%s'",
                      argument->name,
                      g_variant_get_string(value, NULL));
    return TRUE;
}

static gboolean
check_known(const QmpCommand *command, GVariant *arguments, GError **error)
{
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iter, arguments);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        const Argument *argument = command->arguments;

        g_variant_unref(value);
        while (argument->name != NULL && !g_str_equal(argument->name, name))
            argument++;
        if (argument->name == NULL)
            return refuse(error, "Parameter '%s' is unexpected", name);
    }

    return TRUE;
}

static gboolean
check_arguments(const QmpCommand *command, GVariant *arguments, GError **error)
{
    if (command->arguments == NULL)
        return TRUE;

    for (const Argument *argument = command->arguments; argument->name != NULL; argument++) {
        g_autoptr(GVariant) value = g_variant_lookup_value(arguments, argument->name, NULL);

        if (value == NULL && argument->is_required)
            return refuse(error, "Parameter '%s' is missing", argument->name);
        if (value != NULL && !check_value(argument, value, error))
            return FALSE;
    }

    return check_known(command, arguments, error);
}

GVariant *
command_execute(Shim *shim, const char *name, GVariant *arguments, GError **error)
{
    const QmpCommand *command = find_command(name);

    if (command == NULL) {
        g_set_error(error,
                    QMP_ERROR,
                    QMP_ERROR_COMMAND_NOT_FOUND,
                    "The command %s has not been found",
                    name);
        return NULL;
    }
    if (!check_arguments(command, arguments, error))
        return NULL;

    return command->handler(shim, arguments, error);
}
