/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plan */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "driver/plan.h"
#include "qmp/value.h"

static const PeerCapabilities everything = {TRUE, TRUE, TRUE, TRUE};

/* Of @depth layers, the last raw; indexes 11, 12, ... and relative names all the way. */
static Chain *
chain_of(guint depth)
{
    Chain *chain = chain_new();

    for (guint i = 0; i < depth; i++) {
        g_autofree char *path = g_strdup_printf("/srv/%u", i);
        const char *format = i > 0 && i + 1 == depth ? "raw" : "qcow2";
        Layer *layer = layer_new(LAYER_FILE, path, format, 11 + i);

        if (i + 1 < depth)
            layer->backing_name = g_strdup_printf("%u", i + 1);
        assert_true(chain_append(chain, layer, NULL));
    }

    return chain;
}

static PullRequest
request_to(guint base)
{
    return (PullRequest){.job_id = "pull-vda-1", .target = "vda", .base = base};
}

static Plan *
plan_to(const Chain *chain, guint base)
{
    PullRequest request = request_to(base);
    g_autoptr(GError) error = NULL;
    Plan *plan = plan_pull(&request, chain, &everything, &error);

    if (plan == NULL)
        fail_msg("%s", error->message);

    return plan;
}

static void
assert_step(const Plan *plan, guint number, const char *command, const char *arguments)
{
    const Step *step = g_ptr_array_index(plan->steps, number);
    g_autofree char *json = step->arguments != NULL ? qmp_value_format(step->arguments) : NULL;

    assert_string_equal(step->command, command);
    assert_string_equal(json, arguments);
}

static void
a_pull_to_a_base_is_these_commands(void **state)
{
    g_autoptr(Chain) chain = chain_of(4);
    PullRequest request = request_to(3);
    request.bandwidth_bps = 1048576;
    g_autoptr(Plan) plan = plan_pull(&request, chain, &everything, NULL);

    assert_non_null(plan);
    assert_int_equal(plan->type, JOB_TYPE_PULL);
    assert_string_equal(plan->job_id, "pull-vda-1");
    assert_int_equal(plan->top, 0);
    assert_int_equal(plan->base, 3);
    assert_int_equal(plan->steps->len, 9);
    assert_step(plan,
                0,
                "block-stream",
                "{\"job-id\":\"pull-vda-1\",\"device\":\"virtblock-11-format\","
                "\"base-node\":\"virtblock-14-format\",\"backing-file\":\"/srv/3\","
                "\"speed\":1048576,\"on-error\":\"report\",\"auto-finalize\":false,"
                "\"auto-dismiss\":false}");
    assert_step(plan,
                1,
                "blockdev-reopen",
                "{\"options\":[{\"driver\":\"qcow2\",\"node-name\":\"virtblock-11-format\","
                "\"file\":\"virtblock-11-storage\",\"backing\":\"virtblock-12-format\","
                "\"read-only\":false}]}");
    assert_step(plan, 2, "job-finalize", "{\"id\":\"pull-vda-1\"}");
    assert_step(plan, 4, "job-dismiss", "{\"id\":\"pull-vda-1\"}");
    assert_step(plan, 5, "blockdev-del", "{\"node-name\":\"virtblock-12-format\"}");
    assert_step(plan, 6, "blockdev-del", "{\"node-name\":\"virtblock-12-storage\"}");
    assert_step(plan, 7, "blockdev-del", "{\"node-name\":\"virtblock-13-format\"}");
    assert_step(plan, 8, "blockdev-del", "{\"node-name\":\"virtblock-13-storage\"}");
}

static void
each_step_ends_and_fails_in_its_own_way(void **state)
{
    static const struct {
        StepKind kind;
        guint until;
        const char *undo;
        gboolean may_fail;
    } expected[] = {
        {STEP_JOB, 1u << JOB_STATUS_PENDING, NULL, FALSE},
        {STEP_COMMAND, 0, "job-cancel", FALSE},
        {STEP_JOB, 1u << JOB_STATUS_CONCLUDED, "job-cancel", FALSE},
        {STEP_RECORD, 0, NULL, FALSE},
        {STEP_COMMAND, 0, NULL, TRUE},
        {STEP_COMMAND, 0, NULL, TRUE},
        {STEP_COMMAND, 0, NULL, TRUE},
    };
    g_autoptr(Chain) chain = chain_of(3);
    g_autoptr(Plan) plan = plan_to(chain, 2);

    assert_int_equal(plan->steps->len, G_N_ELEMENTS(expected));
    for (guint i = 0; i < G_N_ELEMENTS(expected); i++) {
        const Step *step = g_ptr_array_index(plan->steps, i);

        assert_int_equal(step->kind, expected[i].kind);
        assert_int_equal(step->until, expected[i].until);
        assert_int_equal(step->may_fail, expected[i].may_fail);
        assert_int_equal(step->command == NULL, step->kind == STEP_RECORD);
        assert_int_equal(step->undo_command != NULL, expected[i].undo != NULL);
        if (expected[i].undo != NULL) {
            g_autofree char *json = qmp_value_format(step->undo_arguments);

            assert_string_equal(step->undo_command, expected[i].undo);
            assert_string_equal(json, "{\"id\":\"pull-vda-1\"}");
        }
    }
}

static void
nothing_is_removed_before_the_outcome_is_recorded(void **state)
{
    for (guint depth = 1; depth <= 8; depth++) {
        g_autoptr(Chain) chain = chain_of(depth);

        for (guint base = 1; base <= depth; base++) {
            gboolean has_base = base < depth;
            g_autoptr(Plan) plan = plan_to(chain, has_base ? base : G_MAXUINT);
            const Layer *active = chain_active(plan->result);

            assert_int_equal(plan->steps->len, 5 + 2 * (base - 1));
            assert_int_equal(((Step *)g_ptr_array_index(plan->steps, 3))->kind, STEP_RECORD);
            assert_int_equal(chain_depth(plan->result), depth - base + 1);
            assert_string_equal(active->path, "/srv/0");
            if (has_base)
                assert_string_equal(active->backing_name, chain_layer(chain, base)->path);
            else
                assert_null(active->backing_name);
            assert_int_equal(chain_depth(chain), depth);
        }
    }
}

static void
a_pull_of_all_names_no_base_and_no_speed(void **state)
{
    g_autoptr(Chain) chain = chain_of(2);
    g_autoptr(Plan) plan = plan_to(chain, G_MAXUINT);

    assert_step(plan,
                0,
                "block-stream",
                "{\"job-id\":\"pull-vda-1\",\"device\":\"virtblock-11-format\","
                "\"on-error\":\"report\",\"auto-finalize\":false,\"auto-dismiss\":false}");
}

/* QEMU 7.2 starts such a job and ends it at once. */
static void
an_image_that_stands_alone_is_pulled_at_once(void **state)
{
    g_autoptr(Chain) chain = chain_of(1);
    g_autoptr(Plan) plan = plan_to(chain, G_MAXUINT);
    g_autoptr(Plan) raw_plan = NULL;

    assert_int_equal(plan->steps->len, 5);
    assert_step(plan,
                1,
                "blockdev-reopen",
                "{\"options\":[{\"driver\":\"qcow2\",\"node-name\":\"virtblock-11-format\","
                "\"file\":\"virtblock-11-storage\",\"backing\":null,\"read-only\":false}]}");

    g_free(chain_active(chain)->format);
    chain_active(chain)->format = g_strdup("raw");
    raw_plan = plan_to(chain, G_MAXUINT);
    assert_step(raw_plan,
                1,
                "blockdev-reopen",
                "{\"options\":[{\"driver\":\"raw\",\"node-name\":\"virtblock-11-format\","
                "\"file\":\"virtblock-11-storage\",\"read-only\":false}]}");
}

static void
relative_names_stay_relative_where_they_can(void **state)
{
    g_autoptr(Chain) chain = chain_of(4);
    PullRequest request = request_to(3);
    request.keeps_relative = TRUE;
    g_free(chain_layer(chain, 1)->backing_name);
    chain_layer(chain, 1)->backing_name = g_strdup("../srv/2");
    g_autoptr(Plan) plan = plan_pull(&request, chain, &everything, NULL);

    assert_non_null(plan);
    assert_string_equal(chain_active(plan->result)->backing_name, "../srv/3");

    g_free(chain_layer(chain, 1)->backing_name);
    chain_layer(chain, 1)->backing_name = g_strdup("/srv/2");
    g_autoptr(GError) error = NULL;

    assert_null(plan_pull(&request, chain, &everything, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID));
    assert_string_equal(error->message, "can't keep relative backing relationship of disk 'vda'");
}

static void
assert_refused(const PullRequest *request,
               const Chain *chain,
               const PeerCapabilities *capabilities,
               VblkError code,
               const char *text)
{
    g_autoptr(GError) error = NULL;

    assert_null(plan_pull(request, chain, capabilities, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, (int)code));
    if (strstr(error->message, text) == NULL)
        fail_msg("'%s' is not in: %s", text, error->message);
    assert_null(strchr(error->message, '\n'));
}

static void
a_peer_that_lacks_anything_is_refused(void **state)
{
    g_autoptr(Chain) chain = chain_of(2);
    PullRequest request = request_to(G_MAXUINT);

    for (guint lacking = 1; lacking < 8; lacking++) {
        PeerCapabilities capabilities = {
            (lacking & 1) == 0,
            (lacking & 2) == 0,
            (lacking & 4) == 0,
        };

        assert_refused(&request, chain, &capabilities, VBLK_ERROR_CONFIG_UNSUPPORTED, "disk 'vda'");
    }
}

static void
a_dropped_layer_shorter_than_the_base_needs_a_peer_that_can(void **state)
{
    g_autoptr(Chain) chain = chain_of(4);
    PeerCapabilities qemu = {TRUE, TRUE, TRUE, FALSE};
    PullRequest request = request_to(3);
    g_autoptr(Plan) plan = NULL;

    for (guint i = 0; i < 4; i++)
        chain_layer(chain, i)->virtual_size = 4096;
    plan = plan_pull(&request, chain, &qemu, NULL);
    assert_non_null(plan);
    g_clear_pointer(&plan, plan_free);

    chain_layer(chain, 2)->virtual_size = 4095;
    assert_refused(&request, chain, &qemu, VBLK_ERROR_OPERATION_UNSUPPORTED, "image '/srv/2'");
    plan = plan_to(chain, 3);
    g_clear_pointer(&plan, plan_free);

    /* The short one stays, or nothing stays below. */
    request.base = 2;
    plan = plan_pull(&request, chain, &qemu, NULL);
    assert_non_null(plan);
    g_clear_pointer(&plan, plan_free);
    request.base = G_MAXUINT;
    plan = plan_pull(&request, chain, &qemu, NULL);
    assert_non_null(plan);
}

static void
what_makes_no_sense_is_refused(void **state)
{
    g_autoptr(Chain) empty = chain_new();
    g_autoptr(Chain) chain = chain_of(3);
    PullRequest all = request_to(G_MAXUINT);
    PullRequest onto_itself = request_to(0);
    PullRequest too_fast = request_to(1);
    PullRequest relative_to_nothing = request_to(G_MAXUINT);
    too_fast.bandwidth_bps = (guint64)G_MAXINT64 + 1;
    relative_to_nothing.keeps_relative = TRUE;

    assert_refused(&all, empty, &everything, VBLK_ERROR_OPERATION_INVALID, "disk 'vda'");
    assert_refused(
        &onto_itself, chain, &everything, VBLK_ERROR_INVALID_ARGUMENT, "'/srv/0' is the active");
    assert_refused(
        &too_fast, chain, &everything, VBLK_ERROR_INVALID_ARGUMENT, "bandwidth must be less than");
    assert_refused(&relative_to_nothing,
                   chain,
                   &everything,
                   VBLK_ERROR_INVALID_ARGUMENT,
                   "VIR_DOMAIN_BLOCK_REBASE_RELATIVE");
}

static void
layers_that_cannot_be_served_are_refused(void **state)
{
    static const LayerKind kinds[] = {LAYER_NETWORK, LAYER_OTHER};
    PullRequest request = request_to(G_MAXUINT);
    g_autoptr(Chain) raw = chain_of(2);

    for (guint position = 0; position < 3; position++) {
        for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
            g_autoptr(Chain) chain = chain_of(3);

            chain_layer(chain, position)->kind = kinds[i];
            assert_refused(&request,
                           chain,
                           &everything,
                           VBLK_ERROR_OPERATION_UNSUPPORTED,
                           chain_layer(chain, position)->path);
        }
    }

    g_free(chain_active(raw)->format);
    chain_active(raw)->format = g_strdup("raw");
    assert_refused(&request, raw, &everything, VBLK_ERROR_CONFIG_UNSUPPORTED, "'raw'");
}

static void
a_name_too_long_for_the_header_is_refused(void **state)
{
    for (guint excess = 0; excess < 2; excess++) {
        g_autofree char *path = g_strnfill(1023 + excess, 'x');
        g_autoptr(Chain) chain = chain_of(1);
        PullRequest request = request_to(1);
        path[0] = '/';
        assert_true(chain_append(chain, layer_new(LAYER_FILE, path, "raw", 12), NULL));

        if (excess == 0) {
            g_autoptr(Plan) plan = plan_to(chain, 1);

            assert_string_equal(chain_active(plan->result)->backing_name, path);
        } else {
            assert_refused(
                &request, chain, &everything, VBLK_ERROR_OPERATION_UNSUPPORTED, "'1024'");
        }
    }
}

static void
a_plan_reads_as_one_line_for_each_step(void **state)
{
    g_autoptr(Chain) chain = chain_of(3);
    g_autoptr(Plan) plan = plan_to(chain, 2);
    g_autofree char *text = plan_describe(plan);

    assert_string_equal(
        text,
        "block-stream job-id=pull-vda-1 device=virtblock-11-format base-node=virtblock-13-format "
        "backing-file=/srv/2 on-error=report auto-finalize=false auto-dismiss=false "
        "until pending\n"
        "blockdev-reopen options=[{\"driver\":\"qcow2\",\"node-name\":\"virtblock-11-format\","
        "\"file\":\"virtblock-11-storage\",\"backing\":\"virtblock-12-format\","
        "\"read-only\":false}]\n"
        "job-finalize id=pull-vda-1 until concluded\n"
        "record the outcome\n"
        "job-dismiss id=pull-vda-1\n"
        "blockdev-del node-name=virtblock-12-format\n"
        "blockdev-del node-name=virtblock-12-storage\n");
}

static void
a_file_name_cannot_forge_a_line(void **state)
{
    g_autoptr(Chain) chain = chain_of(1);
    Layer *base = layer_new(LAYER_FILE, "/srv/a\nblockdev-del node-name=x", "raw", 12);
    assert_true(chain_append(chain, base, NULL));
    g_autoptr(Plan) plan = plan_to(chain, 1);
    g_autofree char *text = plan_describe(plan);

    assert_non_null(strstr(text, "backing-file=\"/srv/a\\nblockdev-del node-name=x\" "));
    assert_null(strstr(text, "\nblockdev-del"));
}

static void
node_names_carry_the_index(void **state)
{
    g_autofree char *format = plan_format_node(3);
    g_autofree char *storage = plan_storage_node(G_MAXUINT);

    assert_string_equal(format, "virtblock-3-format");
    assert_string_equal(storage, "virtblock-4294967295-storage");
    assert_true(strlen(storage) < 32); /* QEMU's limit for node names */
    plan_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pull_to_a_base_is_these_commands),
        cmocka_unit_test(each_step_ends_and_fails_in_its_own_way),
        cmocka_unit_test(nothing_is_removed_before_the_outcome_is_recorded),
        cmocka_unit_test(a_pull_of_all_names_no_base_and_no_speed),
        cmocka_unit_test(an_image_that_stands_alone_is_pulled_at_once),
        cmocka_unit_test(relative_names_stay_relative_where_they_can),
        cmocka_unit_test(a_peer_that_lacks_anything_is_refused),
        cmocka_unit_test(a_dropped_layer_shorter_than_the_base_needs_a_peer_that_can),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(layers_that_cannot_be_served_are_refused),
        cmocka_unit_test(a_name_too_long_for_the_header_is_refused),
        cmocka_unit_test(a_plan_reads_as_one_line_for_each_step),
        cmocka_unit_test(a_file_name_cannot_forge_a_line),
        cmocka_unit_test(node_names_carry_the_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
