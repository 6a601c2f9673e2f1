/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Debug filter tests */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/blkdebug-driver.h"
#include "qemu-shim/block/blkdebug-rules.h"
#include "tests/unit/block/images.h"

static gboolean
parse(BlkdebugRules *rules, const char *text, GError **error)
{
    blkdebug_rules_init(rules);
    return blkdebug_rules_parse(rules, text, "rules", error);
}

static void
test_a_file_of_rules_is_read(void **state)
{
    g_auto(BlkdebugRules) rules = {0};
    g_autoptr(GError) error = NULL;
    const BlkdebugRule *rule;

    if (!parse(&rules,
               "# a comment\n\n[inject-error]\nevent = \"l2_load\"\nerrno = \"28\"\n"
               "sector = \"7\"\nonce = \"on\"\nimmediately=\"off\"\niotype = \"write\"\n"
               "  [set-state \"x\"]  \n\tevent = \"cluster_alloc\"\nstate = \"2\"\n"
               "new_state = \"3\"\n",
               &error))
        fail_msg("%s", error->message);
    assert_int_equal(rules.rules->len, 2);
    rule = rules.rules->pdata[0];
    assert_true(rule->is_error);
    assert_int_equal(rule->event, BLOCK_EVENT_L2_LOAD);
    assert_int_equal(rule->number, ENOSPC);
    assert_int_equal(rule->sector, 7);
    assert_int_equal(rule->requests, 1u << BLKDEBUG_WRITE);
    assert_true(rule->is_once);
    assert_int_equal(rule->state, 0);
    rule = rules.rules->pdata[1];
    assert_false(rule->is_error);
    assert_int_equal(rule->event, BLOCK_EVENT_CLUSTER_ALLOC);
    assert_int_equal(rule->state, 2);
    assert_int_equal(rule->next_state, 3);
}

static void
test_what_is_no_rule_is_refused(void **state)
{
    static const struct {
        const char *text, *message;
    } table[] = {
        {"[inject-errorx]\n", "There is no option group 'inject-errorx'"},
        {"[inject-error\n", "line 1 of 'rules' is neither"},
        {"[inject-error x]\n", "line 1 of 'rules' is neither"},
        {"\nword\n", "line 2 of 'rules' is neither"},
        {"[set-state]\nevent = l2_load\n", "line 2 of 'rules' is neither"},
        {"[set-state]\nevent = \"l2_load\" x\n", "line 2 of 'rules' is neither"},
        {"event = \"l2_load\"\n", "no group defined"},
        {"[set-state \"a\"]\nevent = \"l2_load\"\n[set-state \"a\"]\n",
         "Duplicate ID 'a' for set-state"},
        {"[inject-error]\nevnt = \"l2_load\"\n", "Invalid parameter 'evnt'"},
        {"[inject-error]\nnew_state = \"2\"\n", "Invalid parameter 'new_state'"},
        {"[set-state]\nonce = \"on\"\n", "Invalid parameter 'once'"},
        {"[inject-error]\nevent = \"l2_lod\"\n", "invalid parameter value: l2_lod"},
        {"[inject-error]\niotype = \"x\"\n", "invalid parameter value: x"},
        {"[inject-error]\nerrno = \"5\"\n", "Missing event name for rule"},
        {"[inject-error]\n[set-state]\nevent = \"none\"", "Missing event name for rule"},
        {"[inject-error]\nerrno = \"x\"\n", "Parameter 'errno' expects a number"},
        {"[inject-error]\nonce = \"x\"\n", "Parameter 'once' expects 'on' or 'off'"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_auto(BlkdebugRules) rules = {0};
        g_autoptr(GError) error = NULL;

        assert_false(parse(&rules, table[i].text, &error));
        images_assert_error(error, VBLK_ERROR_INVALID_ARGUMENT, table[i].message);
    }
}

static void
test_an_error_is_armed_by_its_event_in_its_state(void **state)
{
    g_auto(BlkdebugRules) rules = {0};

    assert_true(parse(&rules,
                      "[inject-error]\nevent = \"l2_load\"\nstate = \"2\"\n"
                      "[set-state]\nevent = \"l2_load\"\nstate = \"1\"\nnew_state = \"2\"\n",
                      NULL));
    blkdebug_rules_raise(&rules, BLOCK_EVENT_L2_LOAD);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 1), 0);
    blkdebug_rules_raise(&rules, BLOCK_EVENT_L2_UPDATE);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 1), 0);
    blkdebug_rules_raise(&rules, BLOCK_EVENT_L2_LOAD);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 1), -EIO);
    /* It stays armed. */
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_WRITE, 0, 1), -EIO);
}

static void
test_an_error_that_is_meant_once_acts_once(void **state)
{
    g_auto(BlkdebugRules) rules = {0};

    assert_true(
        parse(&rules, "[inject-error]\nevent = \"read_aio\"\nonce = \"on\"\nerrno = \"28\"", NULL));
    blkdebug_rules_raise(&rules, BLOCK_EVENT_READ_AIO);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 1), -ENOSPC);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 1), 0);
    blkdebug_rules_raise(&rules, BLOCK_EVENT_READ_AIO);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 1), 0);
}

static void
test_an_error_of_a_sector_leaves_others_alone(void **state)
{
    g_auto(BlkdebugRules) rules = {0};

    assert_true(parse(&rules, "[inject-error]\nevent = \"none\"\nsector = \"8\"", NULL));
    blkdebug_rules_raise(&rules, BLOCK_EVENT_NONE);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 4096), 0);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 4097, 4096), 0);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_FLUSH, 0, 0), 0);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 4097), -EIO);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 4096, 1), -EIO);
}

static void
test_the_newest_event_takes_the_place_of_what_was_armed(void **state)
{
    g_auto(BlkdebugRules) rules = {0};

    assert_true(parse(&rules,
                      "[inject-error]\nevent = \"l2_load\"\nerrno = \"5\"\niotype = \"read\"\n"
                      "[inject-error]\nevent = \"l1_update\"\nerrno = \"28\"\n",
                      NULL));
    blkdebug_rules_raise(&rules, BLOCK_EVENT_L2_LOAD);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_WRITE, 0, 1), 0);
    blkdebug_rules_raise(&rules, BLOCK_EVENT_L1_UPDATE);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_READ, 0, 1), -ENOSPC);
    assert_int_equal(blkdebug_rules_check(&rules, BLKDEBUG_STATUS, 0, 1), 0);
}

static BlockNode *
open_image(BlockGraph *graph, const char *rules)
{
    g_autofree char *path = images_path("image");
    g_autoptr(GVariant)
        options = images_parse("{'driver': <'qcow2'>, 'node-name': <'q'>, 'file': <{'driver': "
                               "<'blkdebug'>, 'node-name': <'b'>, 'image': <{'driver': <'file'>, "
                               "'filename': <'%s'>}>%s}>}",
                               path,
                               rules);
    g_autoptr(GError) error = NULL;
    BlockNode *node = block_graph_add(graph, options, &error);

    if (node == NULL)
        fail_msg("%s", error->message);
    return node;
}

static void
fill_image(void)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;

    images_create("image", NULL, NULL);
    node = open_image(graph, "");
    assert_int_equal(block_node_write(node, 8192, "hello", 5), 0);
    assert_int_equal(block_node_flush(node), 0);
}

static void
test_an_image_raises_what_it_does(void **state)
{
    static const struct {
        const char *event;
        gboolean is_write, is_flush;
    } table[] = {
        {"read_aio", FALSE, FALSE},
        {"l2_load", FALSE, FALSE},
        {"refblock_load", TRUE, FALSE},
        {"cow_read", TRUE, FALSE},
        {"write_aio", TRUE, FALSE},
        {"pwritev", TRUE, FALSE},
        {"l2_update", TRUE, TRUE},
        {"refblock_update", TRUE, TRUE},
        {"flush_to_disk", TRUE, TRUE},
        {"flush_to_os", TRUE, TRUE},
    };

    fill_image();
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        g_autoptr(BlockGraph) graph = block_graph_new();
        g_autofree char *rules = g_strdup_printf(
            ", 'inject-error': <[<{'event': <'%s'>, 'errno': <int64 28>, 'once': <true>}>]>",
            table[i].event);
        g_autoptr(BlockNode) node = open_image(graph, rules);
        char buffer[5];
        int status;

        if (table[i].is_write)
            status = block_node_write(node, 12288 + 4096 * i, "world", 5);
        else
            status = block_node_read(node, 8192, buffer, 5);
        if (table[i].is_flush) {
            assert_int_equal(status, 0);
            status = block_node_flush(node);
        }
        if (status != -ENOSPC)
            fail_msg("'%s' did not act: %d", table[i].event, status);
    }
}

static gpointer
write_cluster(gpointer user_data)
{
    static const char bytes[4096] = {1};

    return GINT_TO_POINTER(block_node_write(user_data, 16384, bytes, sizeof(bytes)));
}

static void
test_a_request_is_held_until_it_is_resumed(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    char buffer[1] = {9};
    GThread *thread;

    fill_image();
    node = open_image(graph, "");
    assert_int_equal(blkdebug_break(node, "write_aix", "A"), -ENOENT);
    assert_int_equal(blkdebug_break(block_node_get_file(block_graph_find(graph, "b")), "none", "A"),
                     -ENOTSUP);
    assert_int_equal(blkdebug_break(node, "write_aio", "A"), 0);
    assert_false(blkdebug_is_suspended(node, "A"));

    thread = g_thread_new("writer", write_cluster, node);
    assert_int_equal(blkdebug_wait_suspended(node, "A"), 0);
    assert_true(blkdebug_is_suspended(node, "A"));
    /* Others go on meanwhile, and see nothing of it. */
    assert_int_equal(block_node_read(node, 16384, buffer, 1), 0);
    assert_int_equal(buffer[0], 0);
    assert_int_equal(block_node_write(node, 20480, "x", 1), 0);

    assert_int_equal(blkdebug_resume(node, "B"), -ENOENT);
    assert_int_equal(blkdebug_resume(node, "A"), 0);
    assert_ptr_equal(g_thread_join(thread), NULL);
    assert_int_equal(block_node_read(node, 16384, buffer, 1), 0);
    assert_int_equal(buffer[0], 1);
    assert_int_equal(blkdebug_resume(node, "A"), -ENOENT);
}

static void
test_a_breakpoint_that_is_removed_holds_nobody(void **state)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    GThread *thread;

    fill_image();
    node = open_image(graph, "");
    assert_int_equal(blkdebug_break(node, "read_aio", "A"), 0);
    assert_int_equal(blkdebug_break(node, "write_aio", "A"), 0);
    thread = g_thread_new("writer", write_cluster, node);
    assert_int_equal(blkdebug_wait_suspended(node, "A"), 0);
    assert_int_equal(blkdebug_remove_break(node, "A"), 0);
    assert_ptr_equal(g_thread_join(thread), NULL);
    assert_int_equal(block_node_read(node, 8192, &(char){0}, 1), 0);
    assert_int_equal(blkdebug_remove_break(node, "A"), -ENOENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_of_rules_is_read),
        cmocka_unit_test(test_what_is_no_rule_is_refused),
        cmocka_unit_test(test_an_error_is_armed_by_its_event_in_its_state),
        cmocka_unit_test(test_an_error_that_is_meant_once_acts_once),
        cmocka_unit_test(test_an_error_of_a_sector_leaves_others_alone),
        cmocka_unit_test(test_the_newest_event_takes_the_place_of_what_was_armed),
        cmocka_unit_test_setup_teardown(
            test_an_image_raises_what_it_does, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_request_is_held_until_it_is_resumed, images_set_up, images_tear_down),
        cmocka_unit_test_setup_teardown(
            test_a_breakpoint_that_is_removed_holds_nobody, images_set_up, images_tear_down),
    };

    return cmocka_run_group_tests_name("block blkdebug", tests, NULL, NULL);
}
