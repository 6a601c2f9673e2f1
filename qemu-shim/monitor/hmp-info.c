/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* HMP info */

#include "qemu-shim/monitor/hmp-info.h"

#include "qemu-shim/block/driver.h"

static void
print_node(BlockNode *node, const char *device_id, GString *out)
{
    if (out->len > 0)
        g_string_append_c(out, '\n');
    if (device_id != NULL)
        g_string_append_printf(out, "%s (%s)", device_id, node->name);
    else
        g_string_append(out, node->name);

    g_string_append_printf(out,
                           ": %s (%s%s)\n",
                           node->filename,
                           node->driver->name,
                           node->is_read_only ? ", read-only" : "");
    if (device_id != NULL)
        g_string_append(out, "    Removable device: not locked, tray closed\n");
    g_string_append(out, "    Cache mode:       writeback\n");
    if (node->backing != NULL)
        g_string_append_printf(out,
                               "    Backing file:     %s (chain depth: %u)\n",
                               node->backing->filename,
                               block_node_get_depth(node));
}

static void
info_block(Shim *shim, GVariant *arguments, GString *out)
{
    g_autoptr(GPtrArray) nodes = block_graph_list(shim->graph);
    const char *wanted = NULL;
    gboolean is_for_nodes = FALSE;

    g_variant_lookup(arguments, "device", "&s", &wanted);
    g_variant_lookup(arguments, "nodes", "b", &is_for_nodes);

    for (guint i = 0; !is_for_nodes && i < shim->devices->list->len; i++) {
        BlockDevice *device = g_ptr_array_index(shim->devices->list, i);

        if (wanted == NULL || g_str_equal(wanted, device->id))
            print_node(device->root, device->id, out);
    }
    for (guint i = 0; is_for_nodes && i < nodes->len; i++) {
        BlockNode *node = g_ptr_array_index(nodes, i);

        if (wanted == NULL || g_str_equal(wanted, node->name))
            print_node(node, NULL, out);
    }
}

static void
info_block_jobs(Shim *shim, GVariant *arguments, GString *out)
{
    g_autoptr(GPtrArray) jobs = job_list_get(shim->jobs);

    if (jobs->len == 0)
        g_string_append(out, "No active jobs\n");
    for (guint i = 0; i < jobs->len; i++) {
        Job *job = g_ptr_array_index(jobs, i);
        g_autofree char *subject = g_str_equal(job->type->name, "stream")
                                       ? g_strdup("Streaming device")
                                       : g_strdup_printf("Type %s, device", job->type->name);
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&job->lock);

        g_string_append_printf(out,
                               "%s %s: Completed %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                               " bytes, speed limit %" G_GUINT64_FORMAT " bytes/s\n",
                               subject,
                               job->id,
                               job->offset,
                               job->length,
                               job->limit.speed_bps);
    }
}

static void
info_name(Shim *shim, GVariant *arguments, GString *out)
{
    if (shim->name != NULL)
        g_string_append_printf(out, "%s\n", shim->name);
}

static void
info_status(Shim *shim, GVariant *arguments, GString *out)
{
    g_string_append_printf(out,
                           "VM status: %s%s\n",
                           shim->is_running ? "running" : "paused",
                           !shim->is_running && shim->is_prelaunch ? " (prelaunch)" : "");
}

static void
info_version(Shim *shim, GVariant *arguments, GString *out)
{
    g_string_append_printf(out,
                           "%d.%d.%d%s\n",
                           SHIM_QEMU_VERSION / 1000000,
                           SHIM_QEMU_VERSION / 1000 % 1000,
                           SHIM_QEMU_VERSION % 1000,
                           SHIM_PACKAGE);
}

const HmpCommand hmp_info_commands[] = {
    {.name = "block",
     .arguments = {{.name = "nodes", .type = HMP_FLAG, .letter = 'n'},
                   {.name = "device", .type = HMP_STRING, .is_optional = TRUE}},
     .usage = "[-n] [device]",
     .help = "show info of one block device or all block devices (-n: show named nodes)",
     .run = info_block},
    {.name = "block-jobs",
     .help = "show progress of ongoing block device operations",
     .run = info_block_jobs},
    {.name = "name", .help = "show the current VM name", .run = info_name},
    {.name = "status", .help = "show the current VM status (running|paused)", .run = info_status},
    {.name = "version", .help = "show the version of QEMU", .run = info_version},
    {.name = NULL},
};
