/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Human monitor */

#include "qemu-shim/monitor/hmp.h"

#include <string.h>

#include "qemu-shim/monitor/command.h"
#include "qemu-shim/monitor/guest-io.h"
#include "qemu-shim/monitor/hmp-info.h"

static void
run_qmp(Shim *shim, const char *name, GVariant *arguments, GString *out)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = command_execute(shim, name, arguments, &error);

    if (error != NULL)
        g_string_append_printf(out, "Error: %s\n", error->message);
}

static void
run_qemu_io(Shim *shim, GVariant *arguments, GString *out)
{
    const char *device;
    const char *command;

    g_variant_lookup(arguments, "device", "&s", &device);
    g_variant_lookup(arguments, "command", "&s", &command);
    guest_io_execute(shim, device, command, out);
}

static void run_help(Shim *shim, GVariant *arguments, GString *out);

/* "info" is not here: its first word names another table. */
static const HmpCommand commands[] = {
    {.name = "block_job_cancel",
     .arguments = {{.name = "force", .type = HMP_FLAG, .letter = 'f'},
                   {.name = "device", .type = HMP_DEVICE}},
     .usage = "[-f] device",
     .help = "stop an active background block operation (-f: also one that is paused)",
     .qmp = "block-job-cancel"},
    {.name = "block_job_complete",
     .arguments = {{.name = "device", .type = HMP_DEVICE}},
     .usage = "device",
     .help = "complete an active background block operation",
     .qmp = "block-job-complete"},
    {.name = "block_job_pause",
     .arguments = {{.name = "device", .type = HMP_DEVICE}},
     .usage = "device",
     .help = "pause an active background block operation",
     .qmp = "block-job-pause"},
    {.name = "block_job_resume",
     .arguments = {{.name = "device", .type = HMP_DEVICE}},
     .usage = "device",
     .help = "resume a paused background block operation",
     .qmp = "block-job-resume"},
    {.name = "block_job_set_speed",
     .arguments = {{.name = "device", .type = HMP_DEVICE}, {.name = "speed", .type = HMP_SIZE}},
     .usage = "device speed",
     .help = "set maximum speed for a background block operation",
     .qmp = "block-job-set-speed"},
    /* -a asked for the background in 2011, which is all there is now. */
    {.name = "block_stream",
     .arguments = {{.type = HMP_FLAG, .letter = 'a'},
                   {.name = "device", .type = HMP_DEVICE},
                   {.name = "speed", .type = HMP_SIZE, .is_optional = TRUE, .is_skippable = TRUE},
                   {.name = "base", .type = HMP_STRING, .is_optional = TRUE}},
     .usage = "[-a] device [speed] [base]",
     .help = "copy data from a backing file into a block device",
     .qmp = "block-stream"},
    {.name = "cont|c", .help = "resume emulation", .qmp = "cont"},
    {.name = "help|?",
     .arguments = {{.name = "name", .type = HMP_STRING, .is_optional = TRUE}},
     .usage = "[cmd]",
     .help = "show the help",
     .run = run_help},
    {.name = "qemu-io",
     .arguments = {{.name = "device", .type = HMP_DEVICE}, {.name = "command", .type = HMP_STRING}},
     .usage = "device \"command\"",
     .help = "run a qemu-io command on a block device, as its guest would",
     .run = run_qemu_io},
    {.name = "quit|q", .help = "quit the emulator", .qmp = "quit"},
    {.name = "snapshot_blkdev",
     .arguments = {{.name = "mode", .type = HMP_FLAG, .letter = 'n', .flag_value = "existing"},
                   {.name = "device", .type = HMP_DEVICE},
                   {.name = "snapshot-file", .type = HMP_STRING, .is_optional = TRUE},
                   {.name = "format", .type = HMP_STRING, .is_optional = TRUE}},
     .usage = "[-n] device [new-image-file] [format]",
     .help = "initiates a live snapshot of device (-n: new-image-file is there already)",
     .qmp = "blockdev-snapshot-sync"},
    {.name = "stop|s", .help = "stop emulation", .qmp = "stop"},
    {.name = NULL},
};

static void
print_help(const char *prefix, const HmpCommand *command, GString *out)
{
    g_string_append_printf(out,
                           "%s%s %s -- %s\n",
                           prefix,
                           command->name,
                           command->usage != NULL ? command->usage : "",
                           command->help);
}

/* The old commands were written with dashes as well as underscores, and still are. */
static gboolean
is_named(const HmpCommand *command, const char *word)
{
    g_auto(GStrv) names = g_strsplit(command->name, "|", -1);
    g_autofree char *underscored = g_strdelimit(g_strdup(word), "-", '_');

    return g_strv_contains((const char *const *)names, word) ||
           g_strv_contains((const char *const *)names, underscored);
}

static const HmpCommand *
find_command(const HmpCommand *table, const char *word)
{
    for (const HmpCommand *command = table; command->name != NULL; command++) {
        if (is_named(command, word))
            return command;
    }

    return NULL;
}

static void
run_help(Shim *shim, GVariant *arguments, GString *out)
{
    const char *wanted = NULL;
    gboolean is_info;

    g_variant_lookup(arguments, "name", "&s", &wanted);
    is_info = g_strcmp0(wanted, "info") == 0;
    for (const HmpCommand *command = commands; !is_info && command->name != NULL; command++) {
        if (wanted == NULL || is_named(command, wanted))
            print_help("", command, out);
    }
    for (const HmpCommand *command = hmp_info_commands; command->name != NULL; command++) {
        if (wanted == NULL || is_info)
            print_help("info ", command, out);
    }
}

static void
run(Shim *shim, const HmpCommand *command, const char *typed, char **words, GString *out)
{
    GVariant *parsed = hmp_words_parse(command->name, command->arguments, words, out);
    g_autoptr(GVariant) arguments = NULL;

    if (parsed == NULL) {
        g_string_append_printf(out, "Try \"help %s\" for more information\n", typed);
        return;
    }

    arguments = g_variant_ref_sink(parsed);
    if (command->qmp != NULL)
        run_qmp(shim, command->qmp, arguments, out);
    else
        command->run(shim, arguments, out);
}

static void
run_info(Shim *shim, char **words, GString *out)
{
    const HmpCommand *command;
    g_autofree char *typed = NULL;

    if (words[0] == NULL) {
        for (command = hmp_info_commands; command->name != NULL; command++)
            print_help("info ", command, out);
        return;
    }

    typed = g_strconcat("info ", words[0], NULL);
    command = find_command(hmp_info_commands, words[0]);
    if (command == NULL)
        g_string_append_printf(out, "unknown command: '%s'\n", typed);
    else
        run(shim, command, typed, words + 1, out);
}

static void
execute(Shim *shim, char **words, GString *out)
{
    const HmpCommand *command = find_command(commands, words[0]);

    if (g_str_equal(words[0], "info"))
        run_info(shim, words + 1, out);
    else if (command == NULL)
        g_string_append_printf(out, "unknown command: '%s'\n", words[0]);
    else
        run(shim, command, words[0], words + 1, out);
}

char *
hmp_execute(Shim *shim, const char *line)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) error = NULL;

    if (g_shell_parse_argv(line, NULL, &words, &error))
        execute(shim, words, out);
    else if (!g_error_matches(error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
        g_string_append_printf(out, "Error: %s\n", error->message);

    g_string_replace(out, "\n", "\r\n", 0);
    return g_string_free(g_steal_pointer(&out), FALSE);
}
