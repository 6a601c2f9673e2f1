/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot commands */

#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/i18n.h"

/* What a diskspec says of one disk: disk[,snapshot=type][,driver=type][,file=name]. */
typedef struct {
    char *disk;
    char *snapshot;
    char *driver;
    char *file;
} DiskSpec;

static void
disk_spec_clear(DiskSpec *spec)
{
    g_free(spec->disk);
    g_free(spec->snapshot);
    g_free(spec->driver);
    g_free(spec->file);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DiskSpec, disk_spec_clear)

/* Splits at commas; two of them stand for one that belongs to the value, as in virsh. */
static char **
split_spec(const char *text)
{
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();
    g_autoptr(GString) part = g_string_new(NULL);

    for (const char *at = text; *at != '\0'; at++) {
        if (*at != ',') {
            g_string_append_c(part, *at);
        } else if (at[1] == ',') {
            g_string_append_c(part, ',');
            at++;
        } else {
            g_strv_builder_add(builder, part->str);
            g_string_truncate(part, 0);
        }
    }
    g_strv_builder_add(builder, part->str);

    return g_strv_builder_end(builder);
}

static gboolean
take_spec_part(DiskSpec *spec, const char *part)
{
    const struct {
        const char *prefix;
        char **place;
    } members[] = {
        {"snapshot=", &spec->snapshot},
        {"driver=", &spec->driver},
        {"file=", &spec->file},
    };

    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        if (g_str_has_prefix(part, members[i].prefix) && *members[i].place == NULL) {
            *members[i].place = g_strdup(part + strlen(members[i].prefix));
            return TRUE;
        }
    }

    return g_str_equal(part, "stype=file");
}

static gboolean
parse_spec(const char *text, DiskSpec *spec, GError **error)
{
    g_auto(GStrv) parts = split_spec(text);

    spec->disk = g_strdup(parts[0]);
    for (guint i = 1; parts[i] != NULL; i++) {
        if (!take_spec_part(spec, parts[i])) {
            g_set_error(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        _("unable to parse '%s' of diskspec '%s'"),
                        parts[i],
                        text);
            return FALSE;
        }
    }

    return TRUE;
}

static void
append_disk(GString *xml, const DiskSpec *spec)
{
    g_autofree char *absolute = spec->file != NULL ? g_canonicalize_filename(spec->file, NULL)
                                                   : NULL;
    g_autofree char *head = g_markup_printf_escaped("    <disk name='%s'", spec->disk);

    g_string_append(xml, head);
    if (spec->snapshot != NULL) {
        g_autofree char *text = g_markup_printf_escaped(" snapshot='%s'", spec->snapshot);
        g_string_append(xml, text);
    }
    g_string_append(xml, ">\n");
    if (spec->driver != NULL) {
        g_autofree char *text = g_markup_printf_escaped("      <driver type='%s'/>\n",
                                                        spec->driver);
        g_string_append(xml, text);
    }
    if (absolute != NULL) {
        g_autofree char *text = g_markup_printf_escaped("      <source file='%s'/>\n", absolute);
        g_string_append(xml, text);
    }
    g_string_append(xml, "    </disk>\n");
}

static void
append_element(GString *xml, const char *name, const char *value)
{
    if (value != NULL) {
        g_autofree char *text = g_markup_printf_escaped("  <%s>%s</%s>\n", name, value, name);
        g_string_append(xml, text);
    }
}

static char *
build_request(const Arguments *arguments, GError **error)
{
    g_auto(GStrv) specs = arguments_get_list(arguments, "diskspec");
    g_autoptr(GString) xml = g_string_new("<domainsnapshot>\n");

    append_element(xml, "name", arguments_get(arguments, "name"));
    append_element(xml, "description", arguments_get(arguments, "description"));
    if (specs != NULL)
        g_string_append(xml, "  <disks>\n");
    for (guint i = 0; specs != NULL && specs[i] != NULL; i++) {
        g_auto(DiskSpec) spec = {0};

        if (!parse_spec(specs[i], &spec, error))
            return NULL;
        append_disk(xml, &spec);
    }
    if (specs != NULL)
        g_string_append(xml, "  </disks>\n");
    g_string_append(xml, "</domainsnapshot>\n");

    return g_string_free(g_steal_pointer(&xml), FALSE);
}

static VblkSnapshotCreateFlags
create_flags(const Arguments *arguments)
{
    const struct {
        const char *option;
        guint flag;
    } flags[] = {
        {"disk-only", VBLK_SNAPSHOT_CREATE_DISK_ONLY},
        {"no-metadata", VBLK_SNAPSHOT_CREATE_NO_METADATA},
        {"reuse-external", VBLK_SNAPSHOT_CREATE_REUSE_EXTERNAL},
        {"atomic", VBLK_SNAPSHOT_CREATE_ATOMIC},
    };
    guint result = 0;

    for (guint i = 0; i < G_N_ELEMENTS(flags); i++) {
        if (arguments_has(arguments, flags[i].option))
            result |= flags[i].flag;
    }

    return (VblkSnapshotCreateFlags)result;
}

static gboolean
run_snapshot_create_as(Context *context, const Arguments *arguments, GError **error)
{
    g_autofree char *xml = build_request(arguments, error);
    g_autoptr(VblkDomain) domain = NULL;
    g_autoptr(VblkSnapshot) snapshot = NULL;
    g_autoptr(GError) reason = NULL;

    if (xml == NULL)
        return FALSE;
    if (arguments_has(arguments, "print-xml")) {
        puts(xml);
        return TRUE;
    }
    domain = context_find_domain(context, arguments, error);
    if (domain == NULL)
        return FALSE;

    snapshot = vblk_domain_snapshot_create_xml_sync(
        domain, xml, create_flags(arguments), NULL, &reason);
    if (reason != NULL) {
        g_propagate_error(error, g_steal_pointer(&reason));
        return FALSE;
    }

    if (snapshot != NULL)
        context_say(context, _("Domain snapshot %s created\n"), vblk_snapshot_get_name(snapshot));
    else
        context_say(context, _("Domain snapshot created, no record of it is kept\n"));
    return TRUE;
}

static VblkSnapshot *
find_snapshot(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkDomain) domain = context_find_domain(context, arguments, error);

    if (domain == NULL)
        return NULL;
    return vblk_domain_lookup_snapshot_sync(
        domain, arguments_get(arguments, "snapshotname"), NULL, error);
}

static gboolean
run_snapshot_dumpxml(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkSnapshot) snapshot = find_snapshot(context, arguments, error);
    g_autofree char *xml = NULL;

    if (snapshot == NULL)
        return FALSE;
    xml = vblk_snapshot_get_xml_sync(snapshot, 0, NULL, error);
    if (xml == NULL)
        return FALSE;

    fputs(xml, stdout);
    return TRUE;
}

static gboolean
run_snapshot_delete(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(VblkSnapshot) snapshot = NULL;

    if (!arguments_has(arguments, "metadata")) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_UNSUPPORTED,
                    _("deleting a snapshot together with its data is not supported yet: "
                      "--metadata deletes the record and leaves the images as they are"));
        return FALSE;
    }
    snapshot = find_snapshot(context, arguments, error);
    if (snapshot == NULL)
        return FALSE;
    if (!vblk_snapshot_delete_sync(snapshot, VBLK_SNAPSHOT_DELETE_METADATA_ONLY, NULL, error))
        return FALSE;

    context_say(context, _("Domain snapshot %s deleted\n"), vblk_snapshot_get_name(snapshot));
    return TRUE;
}

static const Option snapshot_create_as_options[] = {
    OPTION_DOMAIN,
    {"name", OPTION_STRING, FALSE, N_("name of snapshot")},
    {"description", OPTION_STRING, FALSE, N_("description of snapshot")},
    {"print-xml", OPTION_FLAG, FALSE, N_("print XML document rather than create")},
    {"no-metadata", OPTION_FLAG, FALSE, N_("take snapshot but create no metadata")},
    {"disk-only", OPTION_FLAG, FALSE, N_("capture disk state but not vm state")},
    {"reuse-external", OPTION_FLAG, FALSE, N_("reuse any existing external files")},
    {"atomic", OPTION_FLAG, FALSE, N_("require atomic operation")},
    {"diskspec",
     OPTION_LIST,
     FALSE,
     N_("disk attributes: disk[,snapshot=type][,driver=type][,stype=type][,file=name]")},
    OPTION_END,
};
static const Option snapshot_dumpxml_options[] = {
    OPTION_DOMAIN,
    {"snapshotname", OPTION_STRING, TRUE, N_("snapshot name")},
    OPTION_END,
};
static const Option snapshot_delete_options[] = {
    OPTION_DOMAIN,
    {"snapshotname", OPTION_STRING, TRUE, N_("snapshot name")},
    {"metadata", OPTION_FLAG, FALSE, N_("delete only virtblock's record, leaving the images")},
    OPTION_END,
};

const Command snapshot_commands[] = {
    {"snapshot-create-as",
     N_("create a snapshot from a set of args"),
     snapshot_create_as_options,
     run_snapshot_create_as},
    {"snapshot-dumpxml",
     N_("dump XML for a domain snapshot"),
     snapshot_dumpxml_options,
     run_snapshot_dumpxml},
    {"snapshot-delete",
     N_("delete a domain snapshot"),
     snapshot_delete_options,
     run_snapshot_delete},
    {NULL, NULL, NULL, NULL},
};
