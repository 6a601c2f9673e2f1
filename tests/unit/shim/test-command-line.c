/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Command line tests */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "qemu-shim/cmdline.h"

/* @text is split at spaces. */
static CommandLine *
parse(const char *text, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    char *none[] = {NULL};

    return command_line_parse(text[0] != '\0' ? words : none, error);
}

static CommandLine *
parse_well(const char *text)
{
    g_autoptr(GError) error = NULL;
    CommandLine *line = parse(text, &error);

    assert_null(error);
    assert_non_null(line);
    return line;
}

static void
assert_refused(const char *text, const char *wanted)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(CommandLine) line = parse(text, &error);

    assert_null(line);
    assert_non_null(error);
    assert_string_equal(error->message, wanted);
}

static void
assert_options(const CommandLine *line, guint index, const char *key, const char *wanted)
{
    Drive *drive = g_ptr_array_index(line->drives, index);
    const char *value = NULL;

    g_variant_lookup(drive->options, key, "&s", &value);
    assert_non_null(value);
    assert_string_equal(value, wanted);
}

static void
test_options_of_a_machine_are_accepted_and_have_no_effect(void **state)
{
    g_autoptr(CommandLine) line = parse_well(
        "-machine none -accel tcg -display none -nodefaults -nographic -no-user-config -vga none "
        "-m 64 -smp 1 --S -name guest=web1,debug-threads=on");

    assert_true(line->is_stopped);
    assert_string_equal(line->name, "web1");
    assert_int_equal(line->drives->len, 0);
    assert_int_equal(line->monitors->len, 0);
}

static void
test_a_drive_is_a_device_on_a_node(void **state)
{
    g_autoptr(CommandLine) line = parse_well(
        "-drive file=/a,,b.qcow2,if=virtio,id=d0,format=qcow2,node-name=n,readonly=on "
        "-drive c.raw,format=raw");
    Drive *first = g_ptr_array_index(line->drives, 0);

    assert_string_equal(first->id, "d0");
    assert_options(line, 0, "driver", "qcow2");
    assert_options(line, 0, "file.filename", "/a,b.qcow2");
    assert_options(line, 0, "node-name", "n");
    assert_options(line, 0, "read-only", "on");
    assert_options(line, 1, "file.filename", "c.raw");
}

static void
test_the_format_of_a_drive_is_never_guessed(void **state)
{
    assert_refused("-drive file=a.qcow2,id=d0",
                   "-drive file=a.qcow2,id=d0: give format=raw or format=qcow2: it is never "
                   "guessed from the image");
}

static void
test_a_blockdev_is_json_or_key_values(void **state)
{
    g_autoptr(CommandLine) line = parse_well(
        "-blockdev {\"driver\":\"raw\",\"node-name\":\"a\",\"file\":{\"driver\":\"file\"}} "
        "-blockdev qcow2,node-name=b,file.driver=file,file.filename=x,backing=a");
    Drive *second = g_ptr_array_index(line->drives, 1);

    assert_options(line, 0, "node-name", "a");
    assert_options(line, 1, "driver", "qcow2");
    assert_options(line, 1, "backing", "a");
    assert_null(second->id);
}

static void
test_monitors_are_sockets_or_stdio(void **state)
{
    g_autoptr(CommandLine) line = parse_well(
        "-qmp unix:/q,server=on,wait=off -qmp tcp:localhost:4444,server,nowait -qmp tcp:[::1]:1 "
        "-monitor stdio -monitor none");
    Monitor *unix_server = g_ptr_array_index(line->monitors, 0);
    Monitor *tcp_server = g_ptr_array_index(line->monitors, 1);
    Monitor *tcp_client = g_ptr_array_index(line->monitors, 2);
    Monitor *human = g_ptr_array_index(line->monitors, 3);

    assert_int_equal(line->monitors->len, 4);
    assert_string_equal(unix_server->endpoint->unix_path, "/q");
    assert_true(unix_server->endpoint->is_server);
    assert_int_equal(unix_server->mode, MONITOR_QMP);
    assert_string_equal(tcp_server->endpoint->host, "localhost");
    assert_int_equal(tcp_server->endpoint->port, 4444);
    assert_true(tcp_server->endpoint->is_server);
    assert_string_equal(tcp_client->endpoint->host, "[::1]");
    assert_false(tcp_client->endpoint->is_server);
    assert_true(human->endpoint->is_stdio);
    assert_int_equal(human->mode, MONITOR_HMP);
}

static void
test_a_monitor_finds_its_chardev(void **state)
{
    g_autoptr(CommandLine) line = parse_well(
        "-chardev socket,id=c,path=/s,server=on,wait=off -mon chardev=c,mode=control "
        "-chardev socket,id=h,host=127.0.0.1,port=5 -mon h");
    Monitor *control = g_ptr_array_index(line->monitors, 0);
    Monitor *human = g_ptr_array_index(line->monitors, 1);

    assert_int_equal(control->mode, MONITOR_QMP);
    assert_string_equal(control->endpoint->unix_path, "/s");
    assert_int_equal(human->mode, MONITOR_HMP);
    assert_int_equal(human->endpoint->port, 5);
    assert_refused("-mon chardev=x", "chardev \"x\" not found");
    assert_refused("-chardev pty,id=x", "'pty' is not a valid char driver name");
    assert_refused("-chardev socket,id=x", "chardev: socket: give either path or host");
    assert_refused("-chardev socket,path=/s", "chardev: no id specified");
}

static void
test_what_is_not_understood_is_named(void **state)
{
    assert_refused("-enable-kvm", "-enable-kvm: invalid option");
    assert_refused("-drive", "-drive: requires an argument");
    assert_refused("-S disk.img",
                   "'disk.img' is no option: images are given by -drive or -blockdev");
    assert_refused("-qmp unix:/s,serve=on", "Invalid parameter 'serve=on' in 'unix:/s,serve=on'");
    assert_refused("-qmp pty", "'pty' is no monitor device: use unix:, tcp: or stdio");
    assert_refused("-qmp tcp:h:x", "'x' is no port");
    assert_refused("-qmp tcp:h:65536", "'65536' is no port");
    assert_refused("-mon", "-mon: requires an argument");
}

static void
test_an_empty_line_asks_for_nothing(void **state)
{
    g_autoptr(CommandLine) line = parse_well("");

    assert_false(line->is_daemon || line->is_help || line->is_stopped || line->is_version);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_of_a_machine_are_accepted_and_have_no_effect),
        cmocka_unit_test(test_a_drive_is_a_device_on_a_node),
        cmocka_unit_test(test_the_format_of_a_drive_is_never_guessed),
        cmocka_unit_test(test_a_blockdev_is_json_or_key_values),
        cmocka_unit_test(test_monitors_are_sockets_or_stdio),
        cmocka_unit_test(test_a_monitor_finds_its_chardev),
        cmocka_unit_test(test_what_is_not_understood_is_named),
        cmocka_unit_test(test_an_empty_line_asks_for_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
