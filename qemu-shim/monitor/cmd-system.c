/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* System commands */

#include "qemu-shim/monitor/command.h"
#include "qemu-shim/monitor/hmp.h"

static GVariant *
query_version(Shim *shim, GVariant *arguments, GError **error)
{
    return g_variant_ref_sink(
        g_variant_new_parsed("{'qemu': <{'micro': <%x>, 'minor': <%x>, 'major': <%x>}>, "
                             "'package': <%s>}",
                             (gint64)SHIM_QEMU_VERSION % 1000,
                             (gint64)SHIM_QEMU_VERSION / 1000 % 1000,
                             (gint64)SHIM_QEMU_VERSION / 1000000,
                             SHIM_PACKAGE));
}

static GVariant *
query_commands(Shim *shim, GVariant *arguments, GError **error)
{
    g_autoptr(GPtrArray) names = command_list_names();
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));

    for (guint i = 0; i < names->len; i++)
        g_variant_builder_add(
            &builder,
            "@a{sv}",
            g_variant_new_parsed("{'name': <%s>}", (const char *)g_ptr_array_index(names, i)));
    return g_variant_ref_sink(g_variant_builder_end(&builder));
}

static GVariant *
query_status(Shim *shim, GVariant *arguments, GError **error)
{
    return g_variant_ref_sink(
        g_variant_new_parsed("{'status': <%s>, 'singlestep': <false>, 'running': <%b>}",
                             shim_get_run_state(shim),
                             shim->is_running));
}

static GVariant *
query_name(Shim *shim, GVariant *arguments, GError **error)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    if (shim->name != NULL)
        g_variant_dict_insert(&dict, "name", "s", shim->name);
    return g_variant_ref_sink(g_variant_dict_end(&dict));
}

static void
set_running(Shim *shim, gboolean is_running)
{
    if (shim->is_running == is_running)
        return;

    shim->is_running = is_running;
    shim->is_prelaunch = FALSE;
    shim_send_event(shim, is_running ? "RESUME" : "STOP", NULL);
}

static GVariant *
stop(Shim *shim, GVariant *arguments, GError **error)
{
    set_running(shim, FALSE);
    return NULL;
}

static GVariant *
cont(Shim *shim, GVariant *arguments, GError **error)
{
    set_running(shim, TRUE);
    return NULL;
}

static gboolean
on_quit(gpointer user_data)
{
    shim_quit(user_data, "host-qmp-quit");
    return G_SOURCE_REMOVE;
}

/* Not before the answer was given. */
static GVariant *
quit(Shim *shim, GVariant *arguments, GError **error)
{
    g_idle_add(on_quit, shim);
    return NULL;
}

static GVariant *
human_monitor_command(Shim *shim, GVariant *arguments, GError **error)
{
    const char *line = NULL;
    g_autofree char *text = NULL;

    g_variant_lookup(arguments, "command-line", "&s", &line);
    text = hmp_execute(shim, line);
    return g_variant_ref_sink(g_variant_new_string(text));
}

static const Argument no_arguments[] = {ARGUMENT_END};
static const Argument human_arguments[] = {
    {"command-line", ARGUMENT_STRING, TRUE},
    {"cpu-index", ARGUMENT_INTEGER, FALSE},
    ARGUMENT_END,
};

const QmpCommand system_qmp_commands[] = {
    {"query-version", no_arguments, query_version},
    {"query-commands", no_arguments, query_commands},
    {"query-status", no_arguments, query_status},
    {"query-name", no_arguments, query_name},
    {"stop", no_arguments, stop},
    {"cont", no_arguments, cont},
    {"quit", no_arguments, quit},
    {"human-monitor-command", human_arguments, human_monitor_command},
    {NULL, NULL, NULL},
};
