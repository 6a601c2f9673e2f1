/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Snapshot documents */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "tests/unit/xml/golden.h"
#include "xml/snapshot-xml.h"

static void
a_request_is_read(void **state)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(SnapshotXml)
        xml = snapshot_xml_parse("<domainsnapshot>\n"
                                 "  <name>sn1</name>\n"
                                 "  <description> before\nthe upgrade </description>\n"
                                 "  <disks>\n"
                                 "    <disk name='vda'>\n"
                                 "      <source file='/srv/vda.sn1'/>\n"
                                 "    </disk>\n"
                                 "    <disk name='vdb' snapshot='external' type='block'>\n"
                                 "      <driver type='qcow2'/>\n"
                                 "      <source dev='/dev/vg/vdb.sn1'/>\n"
                                 "    </disk>\n"
                                 "    <disk name='vdc' snapshot='no'/>\n"
                                 "    <disk name='/srv/vdd.qcow2'/>\n"
                                 "  </disks>\n"
                                 "</domainsnapshot>\n",
                                 &error);
    const SnapshotDisk *disk;

    assert_null(error);
    assert_string_equal(xml->name, "sn1");
    assert_string_equal(xml->description, " before\nthe upgrade ");
    assert_null(xml->state);
    assert_null(xml->parent);
    assert_null(xml->domain);
    assert_false(xml->has_memory);
    assert_int_equal(xml->disks->len, 4);

    disk = g_ptr_array_index(xml->disks, 0);
    assert_string_equal(disk->name, "vda");
    assert_int_equal(disk->kind, SNAPSHOT_DISK_EXTERNAL);
    assert_int_equal(disk->type, DISK_SOURCE_FILE);
    assert_string_equal(disk->path, "/srv/vda.sn1");
    assert_null(disk->format);
    disk = g_ptr_array_index(xml->disks, 1);
    assert_int_equal(disk->type, DISK_SOURCE_BLOCK);
    assert_string_equal(disk->path, "/dev/vg/vdb.sn1");
    assert_string_equal(disk->format, "qcow2");
    disk = g_ptr_array_index(xml->disks, 2);
    assert_int_equal(disk->kind, SNAPSHOT_DISK_NO);
    disk = g_ptr_array_index(xml->disks, 3);
    assert_string_equal(disk->name, "/srv/vdd.qcow2");
    assert_int_equal(disk->kind, SNAPSHOT_DISK_DEFAULT);
}

static void
an_empty_request_leaves_everything_to_us(void **state)
{
    g_autoptr(SnapshotXml)
        xml = snapshot_xml_parse("<domainsnapshot><name/></domainsnapshot>", NULL);

    assert_non_null(xml);
    assert_null(xml->name);
    assert_int_equal(xml->disks->len, 0);
}

static void
memory_is_told_from_none(void **state)
{
    const struct {
        const char *memory;
        gboolean has_memory;
        const char *path;
    } cases[] = {
        {"", FALSE, NULL},
        {"<memory snapshot='no'/>", FALSE, NULL},
        {"<memory snapshot='internal'/>", TRUE, NULL},
        {"<memory snapshot='external' file='/srv/mem'/>", TRUE, "/srv/mem"},
        {"<memory file='/srv/mem'/>", TRUE, "/srv/mem"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("<domainsnapshot>%s</domainsnapshot>",
                                                cases[i].memory);
        g_autoptr(SnapshotXml) xml = snapshot_xml_parse(text, NULL);

        assert_non_null(xml);
        assert_int_equal(xml->has_memory, cases[i].has_memory);
        assert_int_equal(g_strcmp0(xml->memory_path, cases[i].path), 0);
    }
}

static SnapshotXml *
new_metadata(void)
{
    SnapshotXml *xml = snapshot_xml_new();
    g_autofree char *path = g_build_filename(TEST_DATA, "chain-keep-in.xml", NULL);
    g_autofree char *domain = golden_read(path);
    SnapshotDisk *disk = snapshot_disk_new("vda", SNAPSHOT_DISK_EXTERNAL);

    disk->format = g_strdup("qcow2");
    disk->path = g_strdup("/srv/it's <here>.sn4");
    g_ptr_array_add(xml->disks, disk);
    g_ptr_array_add(xml->disks, snapshot_disk_new("vdb", SNAPSHOT_DISK_NO));
    xml->name = g_strdup("sn4");
    xml->description = g_strdup("before\n  the \"upgrade\" & after");
    xml->state = g_strdup("shutoff");
    xml->parent = g_strdup("sn3");
    xml->creation_time = 1700000000;
    xml->domain = domain_xml_parse(domain, NULL);
    assert_non_null(xml->domain);

    return xml;
}

static void
metadata_is_written_as_its_golden_file(void **state)
{
    g_autoptr(SnapshotXml) xml = new_metadata();
    g_autofree char *text = snapshot_xml_format(xml, NULL);
    g_autofree char *path = g_build_filename(TEST_DATA, "metadata-snapshot.xml", NULL);

    assert_non_null(text);
    golden_compare(path, text);
}

static void
metadata_is_read_as_it_was_written(void **state)
{
    g_autoptr(SnapshotXml) xml = new_metadata();
    g_autofree char *text = snapshot_xml_format(xml, NULL);
    g_autoptr(SnapshotXml) again = snapshot_xml_parse_stored(text, NULL);
    g_autofree char *domain = domain_xml_format(xml->domain);
    g_autofree char *domain_again = NULL;
    g_autofree char *text_again = NULL;

    assert_non_null(again);
    assert_string_equal(again->description, xml->description);
    assert_string_equal(again->parent, "sn3");
    assert_int_equal(again->creation_time, 1700000000);
    domain_again = domain_xml_format(again->domain);
    assert_string_equal(domain_again, domain);
    text_again = snapshot_xml_format(again, NULL);
    assert_string_equal(text_again, text);
}

static void
a_refused_document_is_refused_by_its_reason(void **state)
{
    const struct {
        const char *content;
        const char *message;
    } cases[] = {
        {"<name>a/b</name>",
         "line 2: the name of a snapshot cannot contain '/' or control characters"},
        {"<name>.hidden</name>", "line 2: the name of a snapshot cannot start with '.'"},
        {"<parent><name>a&#10;b</name></parent>",
         "line 2: the name of a snapshot cannot contain '/' or control characters"},
        {"<name>a</name><name>b</name>", "line 2: a second element 'name' in 'domainsnapshot'"},
        {"<creationTime>soon</creationTime>", "line 1: 'soon' is no creation time"},
        {"<memory snapshot='external'/>", "line 2: external memory, and no other, needs a 'file'"},
        {"<memory snapshot='no' file='/m'/>",
         "line 2: external memory, and no other, needs a 'file'"},
        {"<memory snapshot='maybe'/>", "line 2: unknown kind of snapshot 'maybe'"},
        {"<disks><disk/></disks>", "line 2: a disk of a snapshot needs a 'name'"},
        {"<disks><disk name='vda'/>\n<disk name='vda'/></disks>",
         "line 3: disk 'vda' is named twice"},
        {"<disks><disk name='vda' snapshot='no'><source file='/a'/></disk></disks>",
         "line 2: disk 'vda' names an overlay, but its snapshot is not external"},
        {"<disks><disk name='vda'><source file='a'/></disk></disks>",
         "line 2: 'a' is no absolute path"},
        {"<disks><disk name='vda' type='network'/></disks>",
         "line 2: an overlay of type 'network' is not supported"},
        {"<disks><disk name='vda'><source file='/a'><encryption/></source></disk></disks>",
         "line 2: element 'encryption' in 'source' is not supported in a snapshot"},
        {"<disks><disk name='vda'><driver type='qcow2' cache='none'/></disk></disks>",
         "line 2: attribute 'cache' of 'driver' is not supported in a snapshot"},
        {"<cookie/>",
         "line 2: element 'cookie' in 'domainsnapshot' is not supported in a snapshot"},
        {"<domain type='qemu'/>", "line 2: a domain needs a name"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("<domainsnapshot>\n%s</domainsnapshot>",
                                                cases[i].content);
        g_autoptr(GError) error = NULL;
        g_autoptr(SnapshotXml) xml = snapshot_xml_parse(text, &error);

        assert_null(xml);
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_XML));
        assert_string_equal(error->message, cases[i].message);
    }
}

static void
a_domain_is_no_snapshot(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_null(snapshot_xml_parse("<domain><name>n</name></domain>", &error));
    assert_string_equal(error->message,
                        "line 1: the document is a 'domain', not a 'domainsnapshot'");
}

static void
what_could_not_be_read_again_is_not_written(void **state)
{
    g_autoptr(SnapshotXml) xml = snapshot_xml_new();
    g_autoptr(GError) error = NULL;

    xml->name = g_strdup("sn1");
    xml->description = g_strdup("bell \007");
    assert_null(snapshot_xml_format(xml, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT));
    g_clear_error(&error);

    g_free(xml->description);
    xml->description = g_strnfill(100000, 'd');
    assert_null(snapshot_xml_format(xml, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_XML));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_read),
        cmocka_unit_test(an_empty_request_leaves_everything_to_us),
        cmocka_unit_test(memory_is_told_from_none),
        cmocka_unit_test(metadata_is_written_as_its_golden_file),
        cmocka_unit_test(metadata_is_read_as_it_was_written),
        cmocka_unit_test(a_refused_document_is_refused_by_its_reason),
        cmocka_unit_test(a_domain_is_no_snapshot),
        cmocka_unit_test(what_could_not_be_read_again_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
