/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain model */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "tests/unit/xml/golden.h"
#include "xml/domain-xml.h"

#define ONE_DISK                                 \
    "<domain type='qemu'>\n"                     \
    "  <name>one</name>\n"                       \
    "  <devices>\n"                              \
    "    <disk type='file' device='disk'>\n"     \
    "      <driver name='qemu' type='qcow2'/>\n" \
    "      <source file='/srv/top'/>\n"          \
    "      <target dev='vda' bus='virtio'/>\n"   \
    "    </disk>\n"                              \
    "  </devices>\n"                             \
    "</domain>\n"

static DomainXml *
read_golden(const char *name)
{
    g_autofree char *path = g_build_filename(TEST_DATA, name, NULL);
    g_autofree char *text = golden_read(path);
    g_autoptr(GError) error = NULL;
    DomainXml *xml = domain_xml_parse(text, &error);

    if (xml == NULL)
        fail_msg("%s: %s", name, error->message);

    return xml;
}

static GPtrArray *
new_layers(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)disk_source_free);
}

static void
assert_source(const DiskSource *source,
              DiskSourceType type,
              const char *path,
              const char *format,
              guint index)
{
    assert_non_null(source);
    assert_int_equal(source->type, type);
    assert_int_equal(g_strcmp0(source->path, path), 0);
    assert_int_equal(g_strcmp0(source->format, format), 0);
    assert_int_equal(source->index, index);
}

static void
the_head_of_a_document_is_read(void **state)
{
    g_autoptr(DomainXml) xml = read_golden("chain-keep-in.xml");

    assert_string_equal(domain_xml_get_name(xml), "web-01");
    assert_string_equal(domain_xml_get_uuid(xml), "0d1c2b3a-4f5e-4678-89ab-cdef01234567");
    assert_int_equal(domain_xml_get_memory_kib(xml), 4194304);
    assert_int_equal(domain_xml_get_vcpus(xml), 2);
    assert_string_equal(domain_xml_get_os_type(xml), "hvm");
}

static void
what_is_not_given_has_its_default(void **state)
{
    g_autoptr(DomainXml) xml = domain_xml_parse("<domain><name>n</name></domain>", NULL);
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(xml);

    assert_null(domain_xml_get_uuid(xml));
    assert_int_equal(domain_xml_get_memory_kib(xml), 0);
    assert_int_equal(domain_xml_get_vcpus(xml), 1);
    assert_string_equal(domain_xml_get_os_type(xml), "hvm");
    assert_int_equal(disks->len, 0);
}

static void
memory_is_counted_in_the_units_of_libvirt(void **state)
{
    const struct {
        const char *memory;
        guint64 kib;
    } cases[] = {
        {"<memory>512</memory>", 512},
        {"<memory unit='k'>512</memory>", 512},
        {"<memory unit='KB'>1024</memory>", 1000},
        {"<memory unit='bytes'>1025</memory>", 2},
        {"<memory unit='MiB'> 2 </memory>", 2048},
        {"<memory unit='M'>2</memory>", 2048},
        {"<memory unit='MB'>1</memory>", 977},
        {"<memory unit='GiB'>3</memory>", 3145728},
        {"<memory unit='EiB'>15</memory>", 16888498602639360},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = g_strdup_printf("<domain><name>n</name>%s</domain>",
                                                cases[i].memory);
        g_autoptr(DomainXml) xml = domain_xml_parse(text, NULL);

        assert_non_null(xml);
        assert_int_equal(domain_xml_get_memory_kib(xml), cases[i].kib);
    }
}

static void
a_chain_is_read_from_the_top(void **state)
{
    g_autoptr(DomainXml) xml = read_golden("chain-keep-in.xml");
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(xml);
    const DiskXml *disk = g_ptr_array_index(disks, 0);
    const DiskXml *other = g_ptr_array_index(disks, 1);
    const char *folder = "/var/lib/libvirt/images/web-01";
    g_autofree char *top = g_strconcat(folder, ".sn3", NULL);
    g_autofree char *third = g_strconcat(folder, ".sn1", NULL);

    assert_int_equal(disks->len, 2);
    assert_string_equal(disk->target, "vda");
    assert_string_equal(disk->bus, "virtio");
    assert_string_equal(disk->device, "disk");
    assert_string_equal(disk->alias, "virtio-disk0");
    assert_false(disk->is_read_only || disk->is_shareable || disk->is_transient);
    assert_int_equal(disk->layers->len, 4);
    assert_source(g_ptr_array_index(disk->layers, 0), DISK_SOURCE_FILE, top, "qcow2", 4);
    assert_source(g_ptr_array_index(disk->layers, 2), DISK_SOURCE_FILE, third, "qcow2", 2);
    assert_source(
        g_ptr_array_index(disk->layers, 3), DISK_SOURCE_BLOCK, "/dev/vg0/web-01-base", "raw", 1);
    assert_true(disk->is_chain_complete);
    assert_null(disk->mirror);

    assert_true(other->is_shareable);
    assert_int_equal(other->layers->len, 1);
    assert_false(other->is_chain_complete);
}

static void
every_kind_of_source_is_listed(void **state)
{
    const struct {
        const char *target;
        DiskSourceType type;
        const char *path;
        const char *format;
    } expected[] = {
        {"sda", DISK_SOURCE_NONE, NULL, "raw"},
        {"fda", DISK_SOURCE_FILE, "/srv/floppy.img", NULL},
        {"vda", DISK_SOURCE_NETWORK, "rbd:pool/image", "raw"},
        {"vdb", DISK_SOURCE_NETWORK, "nbd:export", "qcow2"},
        {"sdb", DISK_SOURCE_NETWORK, "iscsi:iqn.2013-07.com.example:iscsi-nopool/1", "raw"},
        {"vdc", DISK_SOURCE_BLOCK, "/dev/disk/by-id/scsi-1", "raw"},
        {"vdd", DISK_SOURCE_OTHER, "default/vol-1", NULL},
        {"fdb", DISK_SOURCE_OTHER, "/srv/floppy.d", NULL},
        {"vde", DISK_SOURCE_OTHER, "1", "raw"},
        {"vdf", DISK_SOURCE_OTHER, "/run/vhost.sock", "raw"},
        {"vdg", DISK_SOURCE_OTHER, "/srv/part.img", "raw"},
        {"vdh", DISK_SOURCE_OTHER, "/srv/secret.qcow2", "qcow2"},
    };
    g_autoptr(DomainXml) xml = read_golden("sources-in.xml");
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(xml);

    assert_int_equal(disks->len, G_N_ELEMENTS(expected));
    for (guint i = 0; i < disks->len; i++) {
        const DiskXml *disk = g_ptr_array_index(disks, i);

        assert_string_equal(disk->target, expected[i].target);
        assert_int_equal(disk->layers->len, 1);
        assert_source(g_ptr_array_index(disk->layers, 0),
                      expected[i].type,
                      expected[i].path,
                      expected[i].format,
                      0);
        assert_int_equal(disk->is_read_only, i == 0);
    }
}

static void
a_mirror_is_read(void **state)
{
    g_autoptr(DomainXml) xml = read_golden("mirror-in.xml");
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(xml);
    const DiskXml *disk = g_ptr_array_index(disks, 0);

    assert_source(disk->mirror, DISK_SOURCE_FILE, "/srv/b.qcow2", "qcow2", 3);
    assert_string_equal(disk->mirror_job, "copy");
    assert_string_equal(disk->mirror_ready, "yes");
}

static void
a_uuid_is_normalised_in_the_document_too(void **state)
{
    g_autoptr(DomainXml)
        xml = domain_xml_parse("<domain><name>n</name><uuid> 5A3F6B0E7C1D4E2A9B8F0C1D2E3F4A5B "
                               "</uuid></domain>",
                               NULL);
    g_autofree char *text = domain_xml_format(xml);

    assert_string_equal(domain_xml_get_uuid(xml), "5a3f6b0e-7c1d-4e2a-9b8f-0c1d2e3f4a5b");
    assert_non_null(strstr(text, "<uuid>5a3f6b0e-7c1d-4e2a-9b8f-0c1d2e3f4a5b</uuid>"));
}

static void
a_uuid_is_set_behind_the_name(void **state)
{
    g_autoptr(DomainXml) xml = domain_xml_parse(ONE_DISK, NULL);
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    domain_xml_set_uuid(xml, "5A3F6B0E-7C1D-4E2A-9B8F-0C1D2E3F4A5B");
    first = domain_xml_format(xml);
    assert_non_null(strstr(first,
                           "  <name>one</name>\n"
                           "  <uuid>5a3f6b0e-7c1d-4e2a-9b8f-0c1d2e3f4a5b</uuid>\n"
                           "  <devices>\n"));
    domain_xml_set_uuid(xml, "00000000-7c1d-4e2a-9b8f-0c1d2e3f4a5b");
    second = domain_xml_format(xml);
    assert_null(strstr(second, "5a3f6b0e"));
    assert_string_equal(domain_xml_get_uuid(xml), "00000000-7c1d-4e2a-9b8f-0c1d2e3f4a5b");
}

static void
a_copy_is_independent(void **state)
{
    g_autoptr(DomainXml) xml = domain_xml_parse(ONE_DISK, NULL);
    g_autoptr(DomainXml) copy = domain_xml_copy(xml);
    g_autoptr(GPtrArray) layers = new_layers();
    g_autofree char *text = NULL;

    g_ptr_array_add(layers, disk_source_new(DISK_SOURCE_FILE, "/srv/new", "raw", 0));
    assert_true(domain_xml_set_disk_layers(copy, "vda", layers, TRUE, NULL));
    text = domain_xml_format(xml);
    assert_string_equal(text, ONE_DISK);
}

static void
an_image_becomes_a_domain_of_one_disk(void **state)
{
    g_autoptr(DomainXml)
        xml = domain_xml_new_for_image("a & 'b'", "/srv/<a>&'b\".qcow2", "qcow2", NULL);
    g_autoptr(GPtrArray) disks = NULL;
    const DiskXml *disk;

    assert_non_null(xml);
    assert_string_equal(domain_xml_get_name(xml), "a & 'b'");
    disks = domain_xml_get_disks(xml);
    assert_int_equal(disks->len, 1);
    disk = g_ptr_array_index(disks, 0);
    assert_string_equal(disk->target, "vda");
    assert_source(
        g_ptr_array_index(disk->layers, 0), DISK_SOURCE_FILE, "/srv/<a>&'b\".qcow2", "qcow2", 0);
}

static void
an_image_whose_name_xml_cannot_hold_is_refused(void **state)
{
    const struct {
        const char *name;
        const char *path;
        int code;
    } cases[] = {
        {"n", "/srv/a\001b", VBLK_ERROR_INVALID_ARGUMENT},
        {"n", "/srv/a\377b", VBLK_ERROR_INVALID_ARGUMENT},
        {"n\033[0m", "/srv/a", VBLK_ERROR_INVALID_ARGUMENT},
        {"a/b", "/srv/a", VBLK_ERROR_XML},
        {"", "/srv/a", VBLK_ERROR_XML},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        assert_null(domain_xml_new_for_image(cases[i].name, cases[i].path, "raw", &error));
        assert_true(g_error_matches(error, VBLK_ERROR, cases[i].code));
    }
}

/* Each refusal of a change, and that it leaves the document as it was. */
static void
a_change_that_cannot_be_written_changes_nothing(void **state)
{
    const struct {
        const char *target;
        DiskSource top;
        DiskSource base;
        const char *message;
    } cases[] = {
        {"vdx",
         {DISK_SOURCE_FILE, (char *)"/a", (char *)"raw", 0},
         {DISK_SOURCE_FILE, (char *)"/b", (char *)"raw", 0},
         "domain 'one' has no disk 'vdx'"},
        {"vda",
         {DISK_SOURCE_FILE, (char *)"/a\001", (char *)"raw", 0},
         {DISK_SOURCE_FILE, (char *)"/b", (char *)"raw", 0},
         "layer '/a\\001' of disk 'vda' has a path that XML cannot hold"},
        {"vda",
         {DISK_SOURCE_FILE, (char *)"/a", (char *)"raw\002", 0},
         {DISK_SOURCE_FILE, (char *)"/b", (char *)"raw", 0},
         "layer '/a' of disk 'vda' has a format that XML cannot hold"},
        {"vda",
         {DISK_SOURCE_FILE, (char *)"/srv/top", (char *)"qcow2", 0},
         {DISK_SOURCE_FILE, (char *)"/b", NULL, 0},
         "layer '/b' of disk 'vda' has no format"},
        {"vda",
         {DISK_SOURCE_FILE, (char *)"/srv/top", (char *)"qcow2", 0},
         {DISK_SOURCE_NETWORK, (char *)"nbd:x", (char *)"raw", 0},
         "layer 'nbd:x' of disk 'vda' is neither a file nor a block device"},
        {"vda",
         {DISK_SOURCE_FILE, (char *)"/srv/top", (char *)"qcow2", 0},
         {DISK_SOURCE_NONE, NULL, NULL, 0},
         "layer '' of disk 'vda' has no source"},
        {"vda",
         {DISK_SOURCE_FILE, NULL, (char *)"raw", 0},
         {DISK_SOURCE_FILE, (char *)"/b", (char *)"raw", 0},
         "layer '' of disk 'vda' has a path that XML cannot hold"},
    };
    g_autoptr(DomainXml) xml = domain_xml_parse(ONE_DISK, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) layers = new_layers();
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        g_ptr_array_add(layers, disk_source_copy(&cases[i].top));
        g_ptr_array_add(layers, disk_source_copy(&cases[i].base));
        assert_false(domain_xml_set_disk_layers(xml, cases[i].target, layers, TRUE, &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT));
        assert_string_equal(error->message, cases[i].message);
        text = domain_xml_format(xml);
        assert_string_equal(text, ONE_DISK);
    }
}

static GPtrArray *
new_long_chain(guint n_layers, gsize path_length)
{
    GPtrArray *layers = new_layers();
    g_autofree char *filler = g_strnfill(path_length, 'x');

    for (guint i = 0; i < n_layers; i++) {
        g_autofree char *path = g_strdup_printf("/%s%u", filler, i);

        g_ptr_array_add(layers, disk_source_new(DISK_SOURCE_FILE, path, "qcow2", i + 1));
    }

    return layers;
}

static void
a_chain_of_200_layers_can_be_stored(void **state)
{
    g_autoptr(DomainXml) xml = domain_xml_parse(ONE_DISK, NULL);
    g_autoptr(GPtrArray) layers = new_long_chain(200, 200);
    g_autoptr(DomainXml) again = NULL;
    g_autoptr(GPtrArray) disks = NULL;
    g_autofree char *text = NULL;

    assert_true(domain_xml_set_disk_layers(xml, "vda", layers, TRUE, NULL));
    text = domain_xml_format(xml);
    assert_true(strlen(text) > XML_MAX_SIZE);
    again = domain_xml_parse_stored(text, NULL);
    assert_non_null(again);
    disks = domain_xml_get_disks(again);
    assert_int_equal(((DiskXml *)g_ptr_array_index(disks, 0))->layers->len, 200);
}

static void
a_chain_that_could_not_be_read_again_is_refused(void **state)
{
    const struct {
        guint n_layers;
        gsize path_length;
    } cases[] = {{XML_MAX_DEPTH, 10}, {200, XML_MAX_STORED_SIZE / 200}};
    g_autoptr(DomainXml) xml = domain_xml_parse(ONE_DISK, NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GPtrArray) layers = new_long_chain(cases[i].n_layers, cases[i].path_length);
        g_autoptr(GError) error = NULL;
        g_autofree char *text = NULL;

        assert_false(domain_xml_set_disk_layers(xml, "vda", layers, TRUE, &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_LIMIT));
        text = domain_xml_format(xml);
        assert_string_equal(text, ONE_DISK);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_of_a_document_is_read),
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(memory_is_counted_in_the_units_of_libvirt),
        cmocka_unit_test(a_chain_is_read_from_the_top),
        cmocka_unit_test(every_kind_of_source_is_listed),
        cmocka_unit_test(a_mirror_is_read),
        cmocka_unit_test(a_uuid_is_normalised_in_the_document_too),
        cmocka_unit_test(a_uuid_is_set_behind_the_name),
        cmocka_unit_test(a_copy_is_independent),
        cmocka_unit_test(an_image_becomes_a_domain_of_one_disk),
        cmocka_unit_test(an_image_whose_name_xml_cannot_hold_is_refused),
        cmocka_unit_test(a_change_that_cannot_be_written_changes_nothing),
        cmocka_unit_test(a_chain_of_200_layers_can_be_stored),
        cmocka_unit_test(a_chain_that_could_not_be_read_again_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
