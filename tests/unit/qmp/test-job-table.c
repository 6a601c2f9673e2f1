/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job table tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qmp/job-table.h"

static guint
reachable_from(JobStatus from)
{
    guint seen = 1u << from;
    gboolean is_growing = TRUE;

    while (is_growing) {
        is_growing = FALSE;
        for (guint a = 0; a < N_JOB_STATUSES; a++) {
            for (guint b = 0; b < N_JOB_STATUSES; b++) {
                if ((seen & (1u << a)) == 0 || (seen & (1u << b)) != 0 ||
                    !job_table_allows_transition((JobStatus)a, (JobStatus)b))
                    continue;
                seen |= 1u << b;
                is_growing = TRUE;
            }
        }
    }

    return seen;
}

static void
every_status_is_reached_from_the_beginning(void **state)
{
    assert_int_equal(reachable_from(JOB_STATUS_UNDEFINED), (1u << N_JOB_STATUSES) - 1);
}

static void
every_status_can_come_to_its_end(void **state)
{
    for (guint i = 0; i < N_JOB_STATUSES; i++)
        assert_true((reachable_from((JobStatus)i) & (1u << JOB_STATUS_NULL)) != 0);
}

static void
nothing_comes_back_from_the_end(void **state)
{
    assert_int_equal(reachable_from(JOB_STATUS_NULL), 1u << JOB_STATUS_NULL);
    assert_int_equal(reachable_from(JOB_STATUS_CONCLUDED),
                     (1u << JOB_STATUS_CONCLUDED) | (1u << JOB_STATUS_NULL));
}

static void
finalize_and_dismiss_are_each_for_one_status(void **state)
{
    for (guint i = 0; i < N_JOB_STATUSES; i++) {
        assert_int_equal(job_table_allows_verb(JOB_VERB_FINALIZE, (JobStatus)i),
                         i == JOB_STATUS_PENDING);
        assert_int_equal(job_table_allows_verb(JOB_VERB_DISMISS, (JobStatus)i),
                         i == JOB_STATUS_CONCLUDED);
        assert_int_equal(job_table_allows_verb(JOB_VERB_COMPLETE, (JobStatus)i),
                         i == JOB_STATUS_READY);
    }
}

static void
names_are_read_back(void **state)
{
    for (guint i = 0; i < N_JOB_STATUSES; i++) {
        JobStatus status = JOB_STATUS_UNDEFINED;

        assert_true(job_status_parse(job_status_name((JobStatus)i), &status));
        assert_int_equal(status, i);
    }
    assert_false(job_status_parse("asleep", &(JobStatus){JOB_STATUS_NULL}));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_is_reached_from_the_beginning),
        cmocka_unit_test(every_status_can_come_to_its_end),
        cmocka_unit_test(nothing_comes_back_from_the_end),
        cmocka_unit_test(finalize_and_dismiss_are_each_for_one_status),
        cmocka_unit_test(names_are_read_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
