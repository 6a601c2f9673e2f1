/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* vblk */

#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/table.h"

static const Command *const command_tables[] = {
    domain_commands,
    list_commands,
    chain_commands,
    snapshot_commands,
    snapshot_list_commands,
    pull_commands,
    job_commands,
    event_commands,
};

static const Command *
find_command(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(command_tables); i++) {
        for (const Command *command = command_tables[i]; command->name != NULL; command++) {
            if (g_str_equal(command->name, name))
                return command;
        }
    }

    return NULL;
}

static void
print_error(const GError *error)
{
    g_autofree char *escaped = escape_text(error->message);

    fflush(stdout);
    fprintf(stderr, _("error: %s\n"), escaped);
}

static int
print_usage(void)
{
    fputs(_("\nvblk [options]... <command_name> args...\n"
            "\n"
            "  options:\n"
            "    -c | --connect=URI      where virtblockd listens: virtblock:///session,\n"
            "                            virtblock:///system or virtblock+unix:///PATH\n"
            "    -h | --help             this help\n"
            "    -q | --quiet            quiet mode\n"
            "    -v                      short version\n"
            "\n"
            "  commands (help <command> for details):\n"),
          stdout);
    for (guint i = 0; i < G_N_ELEMENTS(command_tables); i++) {
        for (const Command *command = command_tables[i]; command->name != NULL; command++)
            printf("    %-23s %s\n", command->name, _(command->summary));
    }

    return 0;
}

static void
print_option(const Option *option)
{
    const char *value = option->kind == OPTION_NUMBER ? " <number>" : " <string>";
    g_autofree char *name = NULL;

    if (option->is_required || option->kind == OPTION_LIST)
        name = g_strdup_printf("[--%s]%s", option->name, value);
    else
        name = g_strdup_printf("--%s%s", option->name, option->kind == OPTION_FLAG ? "" : value);
    printf("    %-22s %s\n", name, _(option->help));
}

static int
print_command_help(const char *name)
{
    const Command *command = find_command(name);
    g_autofree char *synopsis = NULL;

    if (command == NULL) {
        fprintf(stderr, _("error: command '%s' doesn't exist\n"), name);
        return 1;
    }

    synopsis = options_synopsis(command->options);
    printf(_("  NAME\n    %s - %s\n"), command->name, _(command->summary));
    printf(_("\n  SYNOPSIS\n    %s %s\n"), command->name, synopsis);
    if (command->options[0].name != NULL)
        printf("%s", _("\n  OPTIONS\n"));
    for (const Option *option = command->options; option->name != NULL; option++)
        print_option(option);
    putchar('\n');
    return 0;
}

/* As "vblk blockpull --help"; behind "--" it is a word like any other. */
static gboolean
asks_for_help(char **words)
{
    for (; *words != NULL && !g_str_equal(*words, "--"); words++) {
        if (g_str_equal(*words, "--help"))
            return TRUE;
    }

    return FALSE;
}

static int
run_command(const char *uri, gboolean is_quiet, char **words)
{
    const Command *command = find_command(words[0]);
    g_autoptr(Arguments) arguments = NULL;
    g_autoptr(VblkConnection) connection = NULL;
    g_autoptr(GError) error = NULL;
    Context context = {.is_quiet = is_quiet};
    gboolean is_done;

    if (command == NULL) {
        fprintf(stderr, _("error: unknown command: '%s'\n"), words[0]);
        return 1;
    }

    arguments = arguments_parse(command->name, command->options, words + 1, &error);
    if (arguments == NULL) {
        print_error(error);
        return 1;
    }

    context.connection = connection = vblk_connection_open_sync(uri, NULL, &error);
    if (connection == NULL) {
        print_error(error);
        return 1;
    }

    is_done = command->run(&context, arguments, &error);
    if (error != NULL)
        print_error(error);
    context_say(&context, "\n");
    return is_done ? 0 : 1;
}

/* Options of ours end at the first word that is none: the rest belongs to the command. */
static gboolean
parse_globals(int *argc,
              char ***argv,
              char **ret_uri,
              gboolean *ret_is_quiet,
              gboolean *ret_is_version,
              gboolean *ret_is_help,
              GError **error)
{
    GOptionEntry entries[] = {
        {"connect", 'c', 0, G_OPTION_ARG_STRING, ret_uri, NULL, NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, ret_is_quiet, NULL, NULL},
        {"version", 'v', 0, G_OPTION_ARG_NONE, ret_is_version, NULL, NULL},
        {"help", 'h', 0, G_OPTION_ARG_NONE, ret_is_help, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_set_strict_posix(context, TRUE);
    g_option_context_add_main_entries(context, entries, NULL);
    return g_option_context_parse(context, argc, argv, error);
}

int
main(int argc, char **argv)
{
    g_autofree char *uri = NULL;
    gboolean is_quiet = FALSE;
    gboolean is_version = FALSE;
    gboolean is_help = FALSE;
    g_autoptr(GError) error = NULL;

    setlocale(LC_ALL, "");
    bindtextdomain("virtblock", VIRTBLOCK_LOCALEDIR);
    bind_textdomain_codeset("virtblock", "UTF-8");
    textdomain("virtblock");

    if (!parse_globals(&argc, &argv, &uri, &is_quiet, &is_version, &is_help, &error)) {
        print_error(error);
        return 1;
    }
    if (is_version) {
        puts(VIRTBLOCK_VERSION);
        return 0;
    }
    if (is_help || argc < 2)
        return print_usage() + (is_help ? 0 : 1);
    if (g_str_equal(argv[1], "help"))
        return argc > 2 ? print_command_help(argv[2]) : print_usage();

    if (find_command(argv[1]) != NULL && asks_for_help(argv + 2))
        return print_command_help(argv[1]);

    return run_command(uri, is_quiet, argv + 1);
}
