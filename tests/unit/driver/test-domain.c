/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "driver/domain-private.h"

#define UUID "5f3c2f0a-7c6e-4a51-9d5c-1f2e3d4c5b6a"

#define HEAD                    \
    "<domain type='kvm'>\n"     \
    "  <name>web1</name>\n"     \
    "  <uuid>" UUID "</uuid>\n" \
    "  <devices>\n"
#define TAIL "  </devices>\n</domain>\n"

#define LAYER(index, path, below)                               \
    "<backingStore type='file'" index "><format type='qcow2'/>" \
    "<source file='" path "'/>" below "</backingStore>"

/* vda names its whole chain, vdb no chain at all; both stand on /srv/base. */
#define VDA                                                              \
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>" \
    "<source file='/srv/top'/>" LAYER(                                   \
        "",                                                              \
        "/srv/mid",                                                      \
        LAYER("", "/srv/base", "<backingStore/>")) "<target dev='vda' bus='virtio'/></disk>\n"
#define VDB                                                              \
    "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>" \
    "<source file='/srv/mid'/><target dev='vdb' bus='virtio'/>"          \
    "<shareable/></disk>\n"
#define CDROM "<disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>\n"

static Domain *
domain_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    DomainXml *xml = domain_xml_parse(text, &error);
    Domain *domain;

    if (xml == NULL)
        fail_msg("%s", error->message);
    domain = domain_new(xml, &error);
    if (domain == NULL)
        fail_msg("%s", error->message);

    return domain;
}

static Disk *
disk_at(const Domain *domain, guint position)
{
    return g_ptr_array_index(domain_get_disks(domain), position);
}

static guint
index_at(const Domain *domain, guint disk, guint layer)
{
    return chain_layer(disk_at(domain, disk)->chain, layer)->index;
}

static void
a_domain_is_what_its_definition_says(void **state)
{
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);

    assert_string_equal(domain_get_name(domain), "web1");
    assert_string_equal(domain_get_uuid(domain), UUID);
    assert_int_equal(domain_get_state(domain), DOMAIN_SHUT_OFF);
    assert_false(domain_is_removed(domain));
    assert_false(domain_has_job(domain));
    assert_string_equal(domain_xml_get_name(domain_get_definition(domain)), "web1");
    assert_int_equal(domain_get_disks(domain)->len, 3);
    assert_int_equal(domain_get_snapshots(domain)->len, 0);
    assert_null(domain_get_current_snapshot(domain));

    assert_string_equal(disk_at(domain, 0)->target, "vda");
    assert_string_equal(disk_at(domain, 0)->type, "file");
    assert_true(disk_at(domain, 0)->is_chain_in_xml);
    assert_true(disk_at(domain, 0)->is_chain_known);
    assert_int_equal(chain_depth(disk_at(domain, 0)->chain), 3);
    assert_false(disk_at(domain, 1)->is_chain_in_xml);
    assert_false(disk_at(domain, 1)->is_chain_known);
    assert_true(disk_at(domain, 1)->is_shareable);
    assert_string_equal(disk_at(domain, 2)->device, "cdrom");
    assert_true(disk_at(domain, 2)->is_read_only);
    assert_int_equal(chain_depth(disk_at(domain, 2)->chain), 0);
}

static void
layers_are_numbered_as_at_the_start_of_a_machine(void **state)
{
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);

    for (guint i = 0; i < 3; i++)
        assert_int_equal(index_at(domain, 0, i), i + 1);
    assert_int_equal(index_at(domain, 1, 0), 4);
    assert_int_equal(domain_next_index(domain), 5);
}

static void
given_indexes_stay_where_they_can(void **state)
{
    g_autoptr(Domain) domain = domain_of(
        HEAD "<disk type='file'><driver type='qcow2'/><source file='/a' index='7'/>" //
        LAYER(" index='7'",
              "/b",
              LAYER(" index='2147483647'", "/c", LAYER(" index='2'", "/d", ""))) //
        "<target dev='vda'/></disk>" TAIL);

    assert_int_equal(index_at(domain, 0, 0), 7);
    assert_int_equal(index_at(domain, 0, 1), 2147483648);
    assert_int_equal(index_at(domain, 0, 2), 2147483647);
    assert_int_equal(index_at(domain, 0, 3), 2);
    assert_int_equal(domain_next_index(domain), 2147483649);
}

static void
a_loop_in_a_definition_is_refused(void **state)
{
    DomainXml *xml = domain_xml_parse(
        HEAD "<disk type='file'><driver type='qcow2'/><source file='/a'/>" //
        LAYER("", "/b", LAYER("", "/a", "")) "<target dev='vda'/></disk>" TAIL,
        NULL);
    g_autoptr(GError) error = NULL;

    assert_non_null(xml);
    assert_null(domain_new(xml, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_IMAGE_INVALID));
    assert_non_null(strstr(error->message, "'/a'"));
}

static void
other_sources_are_listed(void **state)
{
    g_autoptr(Domain) domain = domain_of(
        HEAD "<disk type='network'><source protocol='nbd' name='x'>"
             "<host name='one'/></source>"
             "<backingStore type='network'><format type='raw'/>"
             "<source protocol='nbd' name='x'><host name='two'/></source>"
             "</backingStore><target dev='vda'/></disk>"
             "<disk type='block'><source dev='/dev/sdz'/><target dev='vdb'/></disk>"
             "<disk type='volume'><source pool='p' volume='v'/>"
             "<target dev='vdc'/></disk>" TAIL);

    assert_string_equal(disk_at(domain, 0)->type, "network");
    assert_int_equal(chain_depth(disk_at(domain, 0)->chain), 2);
    assert_int_equal(chain_active(disk_at(domain, 0)->chain)->kind, LAYER_NETWORK);
    assert_string_equal(disk_at(domain, 1)->type, "block");
    assert_int_equal(chain_active(disk_at(domain, 1)->chain)->kind, LAYER_BLOCK);
    assert_string_equal(chain_active(disk_at(domain, 1)->chain)->format, "raw");
    assert_int_equal(chain_active(disk_at(domain, 2)->chain)->kind, LAYER_OTHER);
}

static void
every_name_of_a_disk_is_found(void **state)
{
    static const struct {
        const char *name;
        const char *target;
        guint position;
    } cases[] = {
        {"vda", "vda", 0},
        {"vdb", "vdb", 0},
        {"sda", "sda", 0},
        {"vda[1]", "vda", 0},
        {"vda[3]", "vda", 2},
        {"vdb[4]", "vdb", 0},
        {"/srv/top", "vda", 0},
        {"/srv/mid", "vdb", 0}, /* active there, though vda stands on it */
        {"/srv/base", "vda", 2},
        {"/srv/./base", "vda", 2},
    };
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint position = G_MAXUINT;
        g_autoptr(GError) error = NULL;
        const Disk *disk = domain_find_disk(domain, cases[i].name, &position, &error);

        if (disk == NULL)
            fail_msg("%s: %s", cases[i].name, error->message);
        assert_string_equal(disk->target, cases[i].target);
        assert_int_equal(position, cases[i].position);
    }
    assert_ptr_equal(domain_get_disk_by_target(domain, "vdb"), disk_at(domain, 1));
    assert_null(domain_get_disk_by_target(domain, "/srv/top"));
}

static void
what_is_no_disk_is_refused(void **state)
{
    static const struct {
        const char *name;
        const char *text;
    } cases[] = {
        {"vdz", "disk 'vdz' not found in domain 'web1'"},
        {"", "disk '' not found in domain 'web1'"},
        {"top", "disk 'top' not found in domain 'web1'"},
        {"/srv", "disk '/srv' not found in domain 'web1'"},
        {"vdz[1]", "disk 'vdz[1]' not found in domain 'web1'"},
        {"vda[4]", "could not find backing store index '4' in chain for 'vda'"},
        {"sda[1]", "could not find backing store index '1' in chain for 'sda'"},
    };
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint position = 77;
        g_autoptr(GError) error = NULL;

        assert_null(domain_find_disk(domain, cases[i].name, &position, &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT));
        assert_true(g_str_has_prefix(error->message, cases[i].text));
        assert_int_equal(position, 77);
    }
}

static void
the_stored_document_stays_as_it_came(void **state)
{
    g_autoptr(DomainXml) xml = domain_xml_parse(HEAD VDA VDB CDROM TAIL, NULL);
    g_autofree char *before = domain_xml_format(xml);
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);
    g_autofree char *stored = domain_format_xml(domain, TRUE);

    assert_string_equal(stored, before);
}

/* The layers that @xml has for a disk, as "PATH#INDEX PATH#INDEX", "." where it is complete. */
static char *
layers_of(const char *text, guint position)
{
    g_autoptr(DomainXml) xml = domain_xml_parse(text, NULL);
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(xml);
    const DiskXml *disk = g_ptr_array_index(disks, position);
    GString *list = g_string_new(NULL);

    for (guint i = 0; i < disk->layers->len; i++) {
        const DiskSource *source = g_ptr_array_index(disk->layers, i);

        g_string_append_printf(list, "%s#%u ", source->path, source->index);
    }
    if (disk->is_chain_complete)
        g_string_append_c(list, '.');

    return g_string_free(list, FALSE);
}

static void
the_live_document_has_known_chains_and_indexes(void **state)
{
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);
    g_autofree char *text = domain_format_xml(domain, FALSE);
    g_autofree char *known = layers_of(text, 0);
    g_autofree char *unknown = layers_of(text, 1);

    assert_string_equal(known, "/srv/top#1 /srv/mid#2 /srv/base#3 .");
    assert_string_equal(unknown, "/srv/mid#0 ");

    assert_true(chain_append(
        disk_at(domain, 1)->chain, layer_new(LAYER_FILE, "/srv/base", "qcow2", 5), NULL));
    disk_at(domain, 1)->is_chain_known = TRUE;
    g_autofree char *later = domain_format_xml(domain, FALSE);
    g_autofree char *found = layers_of(later, 1);

    assert_string_equal(found, "/srv/mid#4 /srv/base#5 .");
}

static void
a_definition_keeps_its_own_way_with_chains(void **state)
{
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);

    for (guint i = 0; i < 2; i++) {
        const Disk *disk = disk_at(domain, i);
        g_autoptr(Chain)
            grown = chain_with_active(disk->chain, layer_new(LAYER_FILE, "/srv/new", "qcow2", 9));
        g_autoptr(DomainXml) xml = domain_definition_with_chain(domain, disk, grown, NULL);
        g_autofree char *text = domain_xml_format(xml);
        g_autofree char *layers = layers_of(text, i);

        assert_string_equal(
            layers, i == 0 ? "/srv/new#0 /srv/top#0 /srv/mid#0 /srv/base#0 ." : "/srv/new#0 ");
    }
}

static void
a_redefinition_is_taken_whole(void **state)
{
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB CDROM TAIL);
    g_autoptr(Domain) newer = domain_of(HEAD VDB TAIL);

    domain_take_definition(domain, newer);

    assert_int_equal(domain_get_disks(domain)->len, 1);
    assert_string_equal(disk_at(domain, 0)->target, "vdb");
    assert_string_equal(domain_get_name(domain), "web1");
}

static void
a_busy_disk_is_a_job(void **state)
{
    g_autoptr(Domain) domain = domain_of(HEAD VDA VDB TAIL);

    disk_at(domain, 1)->is_busy = TRUE;
    assert_true(domain_has_job(domain));
    disk_at(domain, 1)->is_busy = FALSE;
    assert_false(domain_has_job(domain));
    disk_at(domain, 0)->job = job_new(JOB_TYPE_PULL, "pull-vda-1");
    assert_true(domain_has_job(domain));
}

static void
snapshots_are_found_by_name(void **state)
{
    g_autoptr(Domain) domain = domain_of(HEAD TAIL);

    g_ptr_array_add(domain->snapshots, snapshot_new("one", "<domainsnapshot/>"));
    g_ptr_array_add(domain->snapshots, snapshot_new("two", NULL));

    assert_string_equal(domain_find_snapshot(domain, "one")->xml, "<domainsnapshot/>");
    assert_ptr_equal(domain_find_snapshot(domain, "two"), domain->snapshots->pdata[1]);
    assert_null(domain_find_snapshot(domain, "three"));
    snapshot_free(NULL);
    disk_free(NULL);
}

static void
a_reference_keeps_a_removed_domain(void **state)
{
    Domain *domain = domain_of(HEAD VDA TAIL);
    g_autoptr(Domain) held = domain_ref(domain);

    domain->is_removed = TRUE;
    domain_unref(domain);

    assert_true(domain_is_removed(held));
    assert_string_equal(domain_get_name(held), "web1");
    domain_unref(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_domain_is_what_its_definition_says),
        cmocka_unit_test(layers_are_numbered_as_at_the_start_of_a_machine),
        cmocka_unit_test(given_indexes_stay_where_they_can),
        cmocka_unit_test(a_loop_in_a_definition_is_refused),
        cmocka_unit_test(other_sources_are_listed),
        cmocka_unit_test(every_name_of_a_disk_is_found),
        cmocka_unit_test(what_is_no_disk_is_refused),
        cmocka_unit_test(the_stored_document_stays_as_it_came),
        cmocka_unit_test(the_live_document_has_known_chains_and_indexes),
        cmocka_unit_test(a_definition_keeps_its_own_way_with_chains),
        cmocka_unit_test(a_redefinition_is_taken_whole),
        cmocka_unit_test(a_busy_disk_is_a_job),
        cmocka_unit_test(snapshots_are_found_by_name),
        cmocka_unit_test(a_reference_keeps_a_removed_domain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
