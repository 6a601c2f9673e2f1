/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Event */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "driver/event.h"

static void
kinds_are_read_back(void **state)
{
    EventKind kind = N_EVENT_KINDS;

    for (guint i = 0; i < N_EVENT_KINDS; i++) {
        assert_true(event_kind_parse(event_kind_name((EventKind)i), &kind));
        assert_int_equal(kind, i);
    }
    assert_string_equal(event_kind_name(EVENT_BLOCK_JOB), "block-job");
    assert_string_equal(event_kind_name(EVENT_BLOCK_JOB_2), "block-job-2");
    assert_false(event_kind_parse("block", &kind));
    assert_false(event_kind_parse(NULL, &kind));
}

static void
a_copy_holds_every_field(void **state)
{
    g_autoptr(Event) event = event_new(EVENT_BLOCK_JOB_2, "web1", "uuid", 7);
    event->sequence = 8;
    event->lifecycle = LIFECYCLE_UNDEFINED;
    event->lifecycle_detail = 9;
    event->disk = g_strdup("vda");
    event->job_id = g_strdup("pull-vda-1");
    event->job_type = JOB_TYPE_PULL;
    event->outcome = JOB_OUTCOME_FAILED;
    event->message = g_strdup("no space");

    g_autoptr(Event) copy = event_copy(event);

    assert_int_equal(copy->sequence, 8);
    assert_int_equal(copy->time_us, 7);
    assert_int_equal(copy->kind, EVENT_BLOCK_JOB_2);
    assert_string_equal(copy->domain_name, "web1");
    assert_string_equal(copy->domain_uuid, "uuid");
    assert_int_equal(copy->lifecycle, LIFECYCLE_UNDEFINED);
    assert_int_equal(copy->lifecycle_detail, 9);
    assert_string_equal(copy->disk, "vda");
    assert_string_equal(copy->job_id, "pull-vda-1");
    assert_int_equal(copy->job_type, JOB_TYPE_PULL);
    assert_int_equal(copy->outcome, JOB_OUTCOME_FAILED);
    assert_string_equal(copy->message, "no space");
    assert_ptr_not_equal(copy->message, event->message);
    event_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_read_back),
        cmocka_unit_test(a_copy_holds_every_field),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
