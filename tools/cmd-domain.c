/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain commands */

#include <stdio.h>

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/table.h"

static gboolean
run_define(Context *context, const Arguments *arguments, GError **error)
{
    const char *path = arguments_get(arguments, "file");
    g_autofree char *xml = NULL;
    g_autoptr(VblkDomain) domain = NULL;
    g_autoptr(GError) reason = NULL;

    if (!g_file_get_contents(path, &xml, NULL, &reason)) {
        g_set_error_literal(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, reason->message);
        return FALSE;
    }

    domain = vblk_connection_define_xml_sync(context->connection, xml, NULL, error);
    if (domain == NULL) {
        g_prefix_error(error, _("Failed to define domain from %s: "), path);
        return FALSE;
    }

    context_say(context, _("Domain '%s' defined from %s\n"), vblk_domain_get_name(domain), path);
    return TRUE;
}

static gboolean
run_define_image(Context *context, const Arguments *arguments, GError **error)
{
    const char *path = arguments_get(arguments, "path");
    g_autofree char *absolute = g_canonicalize_filename(path, NULL);
    g_autoptr(VblkDomain) domain = NULL;

    domain = vblk_connection_define_image_sync(context->connection,
                                               arguments_get(arguments, "name"),
                                               absolute,
                                               arguments_get(arguments, "format"),
                                               NULL,
                                               error);
    if (domain == NULL)
        return FALSE;

    context_say(context,
                _("Domain '%s' defined with disk vda on %s\n"),
                vblk_domain_get_name(domain),
                absolute);
    return TRUE;
}

static gboolean
run_undefine(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    VblkUndefineFlags flags = arguments_has(arguments, "snapshots-metadata")
                                  ? VBLK_UNDEFINE_SNAPSHOTS_METADATA
                                  : VBLK_UNDEFINE_NONE;

    if (domain == NULL)
        return FALSE;
    if (!vblk_domain_undefine_sync(domain, flags, NULL, error)) {
        g_prefix_error(error, _("Failed to undefine domain '%s': "), vblk_domain_get_name(domain));
        return FALSE;
    }

    context_say(context, _("Domain '%s' has been undefined\n"), vblk_domain_get_name(domain));
    return TRUE;
}

static void
print_field(const char *name, const char *value)
{
    printf("%-15s %s\n", name, value);
}

static gboolean
run_dominfo(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    g_autofree char *vcpus = NULL;
    g_autofree char *memory = NULL;

    if (domain == NULL)
        return FALSE;

    vcpus = g_strdup_printf("%u", vblk_domain_get_vcpus(domain));
    memory = g_strdup_printf("%" G_GUINT64_FORMAT " KiB", vblk_domain_get_max_memory(domain));
    print_field(_("Id:"), "-");
    print_field(_("Name:"), vblk_domain_get_name(domain));
    print_field(_("UUID:"), vblk_domain_get_uuid(domain));
    print_field(_("OS Type:"), vblk_domain_get_os_type(domain));
    print_field(_("State:"), domain_state_text(domain));
    print_field(_("CPU(s):"), vcpus);
    print_field(_("Max memory:"), memory);
    print_field(_("Used memory:"), memory);
    print_field(_("Persistent:"), vblk_domain_is_persistent(domain) ? _("yes") : _("no"));
    print_field(_("Autostart:"), _("disable"));
    print_field(_("Managed save:"), _("no"));
    return TRUE;
}

static gboolean
run_dumpxml(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    VblkXmlFlags flags = arguments_has(arguments, "inactive") ? VBLK_XML_INACTIVE : VBLK_XML_NONE;
    g_autofree char *xml = NULL;

    if (domain == NULL)
        return FALSE;
    xml = vblk_domain_get_xml_sync(domain, flags, NULL, error);
    if (xml == NULL)
        return FALSE;

    fputs(xml, stdout);
    return TRUE;
}

static gboolean
run_domblklist(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    gboolean has_details = arguments_has(arguments, "details");
    g_autoptr(GPtrArray) disks = NULL;
    g_autoptr(Table) table = NULL;

    if (domain == NULL)
        return FALSE;
    disks = vblk_domain_list_disks_sync(domain, NULL, error);
    if (disks == NULL)
        return FALSE;

    table = has_details ? table_new(_("Type"), _("Device"), _("Target"), _("Source"), NULL)
                        : table_new(_("Target"), _("Source"), NULL);
    for (guint i = 0; i < disks->len; i++) {
        VblkDisk *disk = g_ptr_array_index(disks, i);
        const char *target = vblk_disk_get_target(disk);
        const char *source = vblk_disk_get_source(disk);

        if (source == NULL)
            source = "-";
        if (has_details)
            table_add(table,
                      vblk_disk_get_source_type(disk),
                      vblk_disk_get_device(disk),
                      target,
                      source,
                      NULL);
        else
            table_add(table, target, source, NULL);
    }

    table_print(table, context->is_quiet);
    return TRUE;
}

typedef struct {
    guint64 capacity;
    guint64 allocation;
    guint64 physical;
} Sizes;

static char *
size_text(guint64 bytes, gboolean is_human)
{
    return is_human ? format_size(bytes) : g_strdup_printf("%" G_GUINT64_FORMAT, bytes);
}

static gboolean
get_sizes(VblkDomain *domain, const char *disk, Sizes *sizes, GError **error)
{
    return vblk_domain_block_info_sync(
        domain, disk, &sizes->capacity, &sizes->allocation, &sizes->physical, NULL, error);
}

static gboolean
print_all_sizes(const Context *context, VblkDomain *domain, gboolean is_human, GError **error)
{
    g_autoptr(GPtrArray) disks = vblk_domain_list_disks_sync(domain, NULL, error);
    g_autoptr(Table)
        table = table_new(_("Target"), _("Capacity"), _("Allocation"), _("Physical"), NULL);

    if (disks == NULL)
        return FALSE;

    for (guint i = 0; i < disks->len; i++) {
        VblkDisk *disk = g_ptr_array_index(disks, i);
        const char *target = vblk_disk_get_target(disk);
        g_autofree char *capacity = NULL;
        g_autofree char *allocation = NULL;
        g_autofree char *physical = NULL;
        Sizes sizes;

        if (vblk_disk_get_source(disk) == NULL) {
            table_add(table, target, "-", "-", "-", NULL);
            continue;
        }
        if (!get_sizes(domain, target, &sizes, error))
            return FALSE;

        capacity = size_text(sizes.capacity, is_human);
        allocation = size_text(sizes.allocation, is_human);
        physical = size_text(sizes.physical, is_human);
        table_add(table, target, capacity, allocation, physical, NULL);
    }

    table_print(table, context->is_quiet);
    return TRUE;
}

static gboolean
run_domblkinfo(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);
    const char *device = arguments_get(arguments, "device");
    gboolean is_human = arguments_has(arguments, "human");
    g_autofree char *capacity = NULL;
    g_autofree char *allocation = NULL;
    g_autofree char *physical = NULL;
    Sizes sizes;

    if (domain == NULL)
        return FALSE;
    if (arguments_has(arguments, "all"))
        return print_all_sizes(context, domain, is_human, error);
    if (device == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("command 'domblkinfo' requires <device> option"));
        return FALSE;
    }
    if (!get_sizes(domain, device, &sizes, error))
        return FALSE;

    capacity = size_text(sizes.capacity, is_human);
    allocation = size_text(sizes.allocation, is_human);
    physical = size_text(sizes.physical, is_human);
    print_field(_("Capacity:"), capacity);
    print_field(_("Allocation:"), allocation);
    print_field(_("Physical:"), physical);
    return TRUE;
}

static const Option define_options[] = {
    {"file", OPTION_STRING, TRUE, N_("file containing an XML domain description")},
    OPTION_END,
};
static const Option define_image_options[] = {
    {"name", OPTION_STRING, TRUE, N_("name of the new domain")},
    {"path", OPTION_STRING, TRUE, N_("path of the image")},
    {"format", OPTION_STRING, FALSE, N_("format of the image: raw or qcow2 (by its ending)")},
    OPTION_END,
};
static const Option undefine_options[] = {
    OPTION_DOMAIN,
    {"snapshots-metadata", OPTION_FLAG, FALSE, N_("remove all domain snapshot metadata too")},
    OPTION_END,
};
static const Option dominfo_options[] = {
    OPTION_DOMAIN,
    OPTION_END,
};
static const Option dumpxml_options[] = {
    OPTION_DOMAIN,
    {"inactive", OPTION_FLAG, FALSE, N_("show the definition as it is stored")},
    OPTION_END,
};
static const Option domblklist_options[] = {
    OPTION_DOMAIN,
    {"inactive", OPTION_FLAG, FALSE, N_("get the definition's disks rather than running ones")},
    {"details", OPTION_FLAG, FALSE, N_("additionally display the type and device value")},
    OPTION_END,
};
static const Option domblkinfo_options[] = {
    OPTION_DOMAIN,
    {"device", OPTION_STRING, FALSE, N_("disk, layer or image")},
    {"human", OPTION_FLAG, FALSE, N_("human readable output")},
    {"all", OPTION_FLAG, FALSE, N_("display all block devices info")},
    OPTION_END,
};

const Command domain_commands[] = {
    {"define",
     N_("define (but don't start) a domain from an XML file"),
     define_options,
     run_define},
    {"define-image",
     N_("define a domain of one disk, vda, for an image"),
     define_image_options,
     run_define_image},
    {"undefine", N_("undefine a domain"), undefine_options, run_undefine},
    {"dominfo", N_("domain information"), dominfo_options, run_dominfo},
    {"dumpxml", N_("domain information in XML"), dumpxml_options, run_dumpxml},
    {"domblklist", N_("list all domain blocks"), domblklist_options, run_domblklist},
    {"domblkinfo", N_("domain block device size information"), domblkinfo_options, run_domblkinfo},
    {NULL, NULL, NULL, NULL},
};
