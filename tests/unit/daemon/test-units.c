/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Libvirt's units */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "daemon/authorizer.h"
#include "daemon/object-path.h"
#include "daemon/units.h"
#include "virtblock-dbus.h"

static void
unknown_flags_are_named(void **state)
{
    g_autoptr(GError) error = NULL;

    assert_true(units_check_flags("BlockPull", 64, 64, &error));
    assert_true(units_check_flags("BlockPull", 0, 64, &error));
    assert_false(units_check_flags("BlockPull", 64 | 8 | 2, 64, &error));
    assert_string_equal(error->message, "unsupported flags (0xa) in function BlockPull");
}

static void
bandwidths_are_taken_up_to_the_last_that_fits(void **state)
{
    static const struct {
        guint64 given;
        gboolean is_bytes;
        guint64 bps;
    } cases[] = {
        {0, FALSE, 0},
        {1, FALSE, 1 << 20},
        {1, TRUE, 1},
        {8796093022207, FALSE, G_GUINT64_CONSTANT(8796093022207) << 20},
        {G_MAXINT64, TRUE, G_MAXINT64},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        guint64 bps = 77;

        assert_true(units_parse_bandwidth(cases[i].given, cases[i].is_bytes, &bps, NULL));
        assert_true(bps == cases[i].bps);
    }
}

static void
bandwidths_that_do_not_fit_are_refused_in_libvirts_words(void **state)
{
    static const struct {
        guint64 given;
        gboolean is_bytes;
        const char *words;
    } cases[] = {
        {8796093022208, FALSE, "bandwidth must be less than 8796093022207"},
        {G_MAXUINT64, FALSE, "bandwidth must be less than 8796093022207"},
        {(guint64)G_MAXINT64 + 1, TRUE, "bandwidth must be less than 9223372036854775807"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;
        guint64 bps = 77;

        assert_false(units_parse_bandwidth(cases[i].given, cases[i].is_bytes, &bps, &error));
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT));
        assert_non_null(strstr(error->message, cases[i].words));
        assert_true(bps == 77);
    }
}

static void
a_limit_is_never_told_as_none(void **state)
{
    assert_true(units_format_bandwidth(0, FALSE) == 0);
    assert_true(units_format_bandwidth(1, FALSE) == 1);
    assert_true(units_format_bandwidth(1 << 20, FALSE) == 1);
    assert_true(units_format_bandwidth((1 << 20) + 1, FALSE) == 2);
    assert_true(units_format_bandwidth(G_MAXUINT64, FALSE) == (G_MAXUINT64 >> 20) + 1);
    assert_true(units_format_bandwidth(77, TRUE) == 77);
}

static void
progress_keeps_libvirts_promise(void **state)
{
    static const struct {
        JobState state;
        guint64 current, end;
        guint64 cur_told, end_told;
    } cases[] = {
        {JOB_STATE_NEW, 0, 0, 0, 1},
        {JOB_STATE_RUNNING, 0, 0, 0, 1},
        {JOB_STATE_READY, 0, 0, 1, 1},
        {JOB_STATE_RUNNING, 3, 10, 3, 10},
        {JOB_STATE_RUNNING, 10, 10, 9, 10},
        {JOB_STATE_FINISHING, 11, 10, 9, 10},
        {JOB_STATE_READY, 10, 10, 10, 10},
        {JOB_STATE_RUNNING, 1, 1, 0, 1},
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(Job) job = job_new(JOB_TYPE_PULL, "pull-vda-1");
        guint64 cur = 77, end = 77;

        job->state = cases[i].state;
        job->current = cases[i].current;
        job->end = cases[i].end;
        units_format_progress(job, &cur, &end);
        assert_true(cur == cases[i].cur_told);
        assert_true(end == cases[i].end_told);
    }
}

static void
paths_hold_any_name(void **state)
{
    g_autofree char *disk = object_path_of_disk("1a-2b", "vda");
    g_autofree char *snapshot = object_path_of_snapshot("1a-2b", "before /update_\xc3\xbc");
    g_autofree char *job = object_path_of_job("pull-vda-17");

    assert_string_equal(disk, "/org/virtblock1/domains/1a_2b/disks/vda");
    assert_string_equal(snapshot,
                        "/org/virtblock1/domains/1a_2b/snapshots/before_20_2fupdate_5f_c3_bc");
    assert_string_equal(job, "/org/virtblock1/jobs/pull_2dvda_2d17");
    assert_true(g_variant_is_object_path(snapshot));
}

static void
every_method_of_the_contract_has_its_rule(void **state)
{
    GDBusInterfaceInfo *const interfaces[] = {
        virtblock_dbus_manager_interface_info(),
        virtblock_dbus_domain_interface_info(),
        virtblock_dbus_disk_interface_info(),
        virtblock_dbus_block_job_interface_info(),
        virtblock_dbus_snapshot_interface_info(),
    };

    for (guint i = 0; i < G_N_ELEMENTS(interfaces); i++) {
        GDBusMethodInfo **methods = interfaces[i]->methods;

        for (guint k = 0; methods != NULL && methods[k] != NULL; k++)
            assert_true(authorizer_knows(interfaces[i]->name, methods[k]->name));
    }
}

static void
what_the_table_does_not_list_is_denied(void **state)
{
    assert_false(authorizer_knows("org.virtblock1.Domain", "Destroy"));
    assert_false(authorizer_knows("org.virtblock1.Domain", "DefineXML"));
    assert_false(authorizer_knows("org.freedesktop.DBus.Properties", "Set"));
    assert_false(authorizer_knows("", ""));
}

int
main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_flags_are_named),
        cmocka_unit_test(bandwidths_are_taken_up_to_the_last_that_fits),
        cmocka_unit_test(bandwidths_that_do_not_fit_are_refused_in_libvirts_words),
        cmocka_unit_test(a_limit_is_never_told_as_none),
        cmocka_unit_test(progress_keeps_libvirts_promise),
        cmocka_unit_test(paths_hold_any_name),
        cmocka_unit_test(every_method_of_the_contract_has_its_rule),
        cmocka_unit_test(what_the_table_does_not_list_is_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
