/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Chain command */

#include <stdio.h>

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/table.h"

static GVariant *
layer_to_variant(VblkLayer *layer)
{
    g_auto(GVariantBuilder) dict = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    const char *backing = vblk_layer_get_backing_name(layer);

    g_variant_builder_add_parsed(&dict, "{'index', <%x>}", (gint64)vblk_layer_get_index(layer));
    g_variant_builder_add_parsed(&dict, "{'path', <%s>}", vblk_layer_get_path(layer));
    g_variant_builder_add_parsed(&dict, "{'format', <%s>}", vblk_layer_get_format(layer));
    g_variant_builder_add_parsed(
        &dict, "{'virtual-size', <%x>}", (gint64)vblk_layer_get_virtual_size(layer));
    g_variant_builder_add_parsed(
        &dict, "{'allocated', <%x>}", (gint64)vblk_layer_get_allocated(layer));
    g_variant_builder_add_parsed(&dict, "{'data', <%x>}", (gint64)vblk_layer_get_data(layer));
    if (backing != NULL)
        g_variant_builder_add_parsed(&dict, "{'backing-name', <%s>}", backing);
    g_variant_builder_add_parsed(
        &dict, "{'shared-with', <%^as>}", vblk_layer_get_shared_with(layer));

    return g_variant_builder_end(&dict);
}

static GVariant *
chain_to_variant(const char *target, GPtrArray *layers)
{
    g_auto(GVariantBuilder) dict = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));

    for (guint i = 0; i < layers->len; i++)
        g_variant_builder_add_value(&builder, layer_to_variant(g_ptr_array_index(layers, i)));

    g_variant_builder_add_parsed(&dict, "{'target', <%s>}", target);
    g_variant_builder_add(&dict, "{sv}", "layers", g_variant_builder_end(&builder));
    return g_variant_builder_end(&dict);
}

static guint64
sum_of_data(GPtrArray *layers)
{
    guint64 sum = 0;

    for (guint i = 0; i < layers->len; i++)
        sum += vblk_layer_get_data(g_ptr_array_index(layers, i));
    return sum;
}

static char *
share_text(guint64 part, guint64 whole)
{
    if (whole == 0)
        return g_strdup("-");
    return g_strdup_printf("%.0f %%", 100.0 * (double)part / (double)whole);
}

/* The active layer first, each backing file one step to the right below it. */
static char *
branch_text(VblkLayer *layer, guint depth)
{
    if (depth == 0)
        return g_strdup(vblk_layer_get_path(layer));
    return g_strdup_printf("%*s└─ %s", (int)(depth - 1) * 3, "", vblk_layer_get_path(layer));
}

static void
print_chain(const Context *context, const char *target, GPtrArray *layers)
{
    g_autoptr(Table) table = table_new(_("Layer"),
                                       _("Image"),
                                       _("Format"),
                                       _("Virtual"),
                                       _("On disk"),
                                       _("Data"),
                                       _("Used by"),
                                       NULL);
    guint64 whole = sum_of_data(layers);

    for (guint i = 0; i < layers->len; i++) {
        VblkLayer *layer = g_ptr_array_index(layers, i);
        g_autofree char *name = g_strdup_printf("%s[%u]", target, vblk_layer_get_index(layer));
        g_autofree char *branch = branch_text(layer, i);
        g_autofree char *virtual_size = format_size(vblk_layer_get_virtual_size(layer));
        g_autofree char *allocated = format_size(vblk_layer_get_allocated(layer));
        g_autofree char *share = share_text(vblk_layer_get_data(layer), whole);
        g_autofree char *users = g_strjoinv(", ", (char **)vblk_layer_get_shared_with(layer));

        table_add(table,
                  name,
                  branch,
                  vblk_layer_get_format(layer),
                  virtual_size,
                  allocated,
                  share,
                  users[0] != '\0' ? users : "-",
                  NULL);
    }

    table_print(table, context->is_quiet);
}

/* One disk, or all that have a medium. */
static GPtrArray *
list_targets(VblkDomain *domain, const char *disk, GError **error)
{
    g_autoptr(GPtrArray) targets = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GPtrArray) disks = NULL;

    if (disk != NULL) {
        g_ptr_array_add(targets, g_strdup(disk));
        return g_steal_pointer(&targets);
    }

    disks = vblk_domain_list_disks_sync(domain, NULL, error);
    if (disks == NULL)
        return NULL;
    for (guint i = 0; i < disks->len; i++) {
        VblkDisk *each = g_ptr_array_index(disks, i);

        if (vblk_disk_get_source(each) != NULL)
            g_ptr_array_add(targets, g_strdup(vblk_disk_get_target(each)));
    }

    return g_steal_pointer(&targets);
}

static gboolean
run_chain(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    gboolean is_json = arguments_has(arguments, "json");
    g_auto(GVariantBuilder) document = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    g_auto(GVariantBuilder) chains = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));
    g_autoptr(GPtrArray) targets = NULL;

    if (domain == NULL)
        return FALSE;
    targets = list_targets(domain, arguments_get(arguments, "disk"), error);
    if (targets == NULL)
        return FALSE;

    for (guint i = 0; i < targets->len; i++) {
        const char *target = g_ptr_array_index(targets, i);
        g_autoptr(GPtrArray) layers = vblk_domain_block_chain_sync(domain, target, NULL, error);

        if (layers == NULL)
            return FALSE;
        if (is_json)
            g_variant_builder_add_value(&chains, chain_to_variant(target, layers));
        else
            print_chain(context, target, layers);
    }

    if (is_json) {
        g_variant_builder_add_parsed(&document, "{'domain', <%s>}", vblk_domain_get_name(domain));
        g_variant_builder_add(&document, "{sv}", "disks", g_variant_builder_end(&chains));
        json_print(g_variant_builder_end(&document), TRUE);
    }
    return TRUE;
}

static const Option chain_options[] = {
    OPTION_DOMAIN,
    {"disk", OPTION_STRING, FALSE, N_("target of the disk; all disks without it")},
    {"json", OPTION_FLAG, FALSE, N_("for programs")},
    OPTION_END,
};

const Command chain_commands[] = {
    {"chain", N_("show the layers of a domain's disks"), chain_options, run_chain},
    {NULL, NULL, NULL, NULL},
};
