/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Human monitor */

#include "qemu-shim/monitor/hmp.h"

#include <string.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/monitor/command.h"
#include "qemu-shim/monitor/describe.h"
#include "qemu-shim/monitor/guest-io.h"

#define MAX_WORDS 64

/* Each command is words over a QMP command: a person and a program do the same thing. */
typedef struct {
    const char *name;
    const char *usage; /* after the name */
    const char *help;
    void (*run)(Shim *shim, char **words, GString *out);
} HumanCommand;

static void
run_qmp(Shim *shim, const char *name, GVariant *arguments, GString *out)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(arguments);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) value = command_execute(shim, name, owned, &error);

    if (error != NULL)
        g_string_append_printf(out, "Error: %s\r\n", error->message);
}

/* "200M": MiB without a suffix where @is_mebi. */
static gboolean
parse_size(const char *word, gboolean is_mebi, gint64 *ret)
{
    static const char suffixes[] = "bkmgt";
    char *end;
    guint64 number = g_ascii_strtoull(word, &end, 10);
    const char *suffix = *end != '\0' ? strchr(suffixes, g_ascii_tolower(*end)) : NULL;
    guint shift = is_mebi ? 20 : 0;

    if (end == word || (*end != '\0' && (suffix == NULL || end[1] != '\0')))
        return FALSE;
    if (suffix != NULL)
        shift = (guint)(suffix - suffixes) * 10;
    if (number > (guint64)G_MAXINT64 >> shift)
        return FALSE;

    *ret = (gint64)(number << shift);
    return TRUE;
}

static gboolean
take_flag(char ***words, const char *flag)
{
    if ((*words)[0] == NULL || !g_str_equal((*words)[0], flag))
        return FALSE;
    (*words)++;
    return TRUE;
}

static gboolean
need(char **words, guint count, GString *out)
{
    if (g_strv_length(words) >= count)
        return TRUE;
    g_string_append(out, "Error: parameters are missing: see 'help'\r\n");
    return FALSE;
}

static void
info_block(Shim *shim, GString *out)
{
    for (guint i = 0; i < shim->devices->list->len; i++) {
        BlockDevice *device = g_ptr_array_index(shim->devices->list, i);
        BlockNode *node = device->root;

        g_string_append_printf(out,
                               "%s (%s): %s (%s%s)\r\n",
                               device->id,
                               node->name,
                               node->filename,
                               node->driver->name,
                               node->is_read_only ? ", read-only" : "");
        g_string_append(out, "    Removable device: not locked, tray closed\r\n");
        g_string_append(out, "    Cache mode:       writeback\r\n");
        if (node->backing_filename != NULL)
            g_string_append_printf(out,
                                   "    Backing file:     %s (chain depth: %u)\r\n",
                                   node->backing_filename,
                                   block_node_get_depth(node));
    }
}

static void
info_block_jobs(Shim *shim, GString *out)
{
    g_autoptr(GPtrArray) jobs = job_list_get(shim->jobs);

    if (jobs->len == 0)
        g_string_append(out, "No active jobs\r\n");
    for (guint i = 0; i < jobs->len; i++) {
        Job *job = g_ptr_array_index(jobs, i);
        const char *subject = g_str_equal(job->type->name, "stream") ? "Streaming device"
                                                                     : "Type mirror, device";
        g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&job->lock);

        g_string_append_printf(out,
                               "%s %s: Completed %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT
                               " bytes, speed limit %" G_GUINT64_FORMAT " bytes/s\r\n",
                               subject,
                               job->id,
                               job->offset,
                               job->length,
                               job->limit.speed_bps);
    }
}

static void
run_info(Shim *shim, char **words, GString *out)
{
    const char *what = words[0] != NULL ? words[0] : "";

    if (g_str_equal(what, "block"))
        info_block(shim, out);
    else if (g_str_equal(what, "block-jobs"))
        info_block_jobs(shim, out);
    else if (g_str_equal(what, "status"))
        g_string_append_printf(out, "VM status: %s\r\n", shim->is_running ? "running" : "paused");
    else if (g_str_equal(what, "version"))
        g_string_append_printf(out, "7.2.0%s\r\n", SHIM_PACKAGE);
    else
        g_string_append(out, "info block\r\ninfo block-jobs\r\ninfo status\r\ninfo version\r\n");
}

static void
run_snapshot_blkdev(Shim *shim, char **words, GString *out)
{
    gboolean is_existing = take_flag(&words, "-n");
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    if (!need(words, 2, out))
        return;

    g_variant_dict_insert(&dict, "device", "s", words[0]);
    g_variant_dict_insert(&dict, "snapshot-file", "s", words[1]);
    if (words[2] != NULL)
        g_variant_dict_insert(&dict, "format", "s", words[2]);
    if (is_existing)
        g_variant_dict_insert(&dict, "mode", "s", "existing");
    run_qmp(shim, "blockdev-snapshot-sync", g_variant_dict_end(&dict), out);
}

/* "-a" chose the background in 2011, which is all there is now. */
static void
run_block_stream(Shim *shim, char **words, GString *out)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);
    gint64 speed;

    take_flag(&words, "-a");
    if (!need(words, 1, out))
        return;

    g_variant_dict_insert(&dict, "device", "s", words[0]);
    g_variant_dict_insert(&dict, "on-error", "s", "report");
    if (words[1] != NULL && parse_size(words[1], TRUE, &speed)) {
        g_variant_dict_insert(&dict, "speed", "x", speed);
        words++;
    }
    if (words[1] != NULL)
        g_variant_dict_insert(&dict, "base", "s", words[1]);
    run_qmp(shim, "block-stream", g_variant_dict_end(&dict), out);
}

static void
run_set_speed(Shim *shim, char **words, GString *out)
{
    gint64 speed;

    if (!need(words, 2, out))
        return;
    if (!parse_size(words[1], TRUE, &speed)) {
        g_string_append_printf(out, "Error: '%s' is no speed\r\n", words[1]);
        return;
    }

    run_qmp(shim,
            "block-job-set-speed",
            g_variant_new_parsed("{'device': <%s>, 'speed': <%x>}", words[0], speed),
            out);
}

static void
run_cancel(Shim *shim, char **words, GString *out)
{
    gboolean is_forced = take_flag(&words, "-f");

    if (need(words, 1, out))
        run_qmp(shim,
                "block-job-cancel",
                g_variant_new_parsed("{'device': <%s>, 'force': <%b>}", words[0], is_forced),
                out);
}

static void
run_pause(Shim *shim, char **words, GString *out)
{
    if (need(words, 1, out))
        run_qmp(shim, "block-job-pause", g_variant_new_parsed("{'device': <%s>}", words[0]), out);
}

static void
run_resume(Shim *shim, char **words, GString *out)
{
    if (need(words, 1, out))
        run_qmp(shim, "block-job-resume", g_variant_new_parsed("{'device': <%s>}", words[0]), out);
}

static void
run_stop(Shim *shim, char **words, GString *out)
{
    run_qmp(shim, "stop", g_variant_new("a{sv}", NULL), out);
}

static void
run_cont(Shim *shim, char **words, GString *out)
{
    run_qmp(shim, "cont", g_variant_new("a{sv}", NULL), out);
}

static void
run_quit(Shim *shim, char **words, GString *out)
{
    run_qmp(shim, "quit", g_variant_new("a{sv}", NULL), out);
}

static void
run_qemu_io(Shim *shim, char **words, GString *out)
{
    if (need(words, 2, out))
        guest_io_execute(shim, words[0], words[1], out);
}

static void run_help(Shim *shim, char **words, GString *out);

static const HumanCommand commands[] = {
    {"block-job-cancel", "[-f] device", "stop an active background block operation", run_cancel},
    {"block-job-pause", "device", "pause an active background block operation", run_pause},
    {"block-job-resume", "device", "resume a paused background block operation", run_resume},
    {"block-job-set-speed", "device speed", "set maximum speed", run_set_speed},
    {"block-stream",
     "[-a] device [speed [base]]",
     "copy data from a backing file",
     run_block_stream},
    {"cont", "", "resume emulation", run_cont},
    {"help", "", "show this", run_help},
    {"info", "subcommand", "show various information", run_info},
    {"qemu-io", "device \"command\"", "read or write as a guest would", run_qemu_io},
    {"quit", "", "quit", run_quit},
    {"snapshot-blkdev", "[-n] device file [format]", "take a snapshot", run_snapshot_blkdev},
    {"stop", "", "stop emulation", run_stop},
};

static void
run_help(Shim *shim, char **words, GString *out)
{
    for (guint i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *name = g_strdelimit(g_strdup(commands[i].name), "-", '_');

        g_string_append_printf(out,
                               "%s %s -- %s\r\n",
                               g_str_equal(name, "qemu_io") ? commands[i].name : name,
                               commands[i].usage,
                               commands[i].help);
    }
}

char *
hmp_execute(Shim *shim, const char *line)
{
    g_autoptr(GString) out = g_string_new(NULL);
    g_auto(GStrv) words = NULL;
    g_autoptr(GError) error = NULL;
    g_autofree char *name = NULL;
    int count;

    if (!g_shell_parse_argv(line, &count, &words, &error)) {
        if (!g_error_matches(error, G_SHELL_ERROR, G_SHELL_ERROR_EMPTY_STRING))
            g_string_append_printf(out, "Error: %s\r\n", error->message);
        return g_string_free(g_steal_pointer(&out), FALSE);
    }

    name = g_strdelimit(g_strdup(words[0]), "_", '-');
    for (guint i = 0; i < G_N_ELEMENTS(commands) && count <= MAX_WORDS; i++) {
        if (g_str_equal(commands[i].name, name)) {
            commands[i].run(shim, words + 1, out);
            return g_string_free(g_steal_pointer(&out), FALSE);
        }
    }

    g_string_append_printf(out, "unknown command: '%s'\r\n", words[0]);
    return g_string_free(g_steal_pointer(&out), FALSE);
}

/* A session: the lines of a stream. */
typedef struct {
    Shim *shim; /* borrowed, outlives us */
    GDataInputStream *input;
    GOutputStream *output;
} Session;

static void read_line(Session *session);

static void
session_free(Session *session)
{
    g_object_unref(session->input);
    g_object_unref(session->output);
    g_free(session);
}

static gboolean
say(Session *session, const char *text)
{
    return g_output_stream_write_all(session->output, text, strlen(text), NULL, NULL, NULL) &&
           g_output_stream_flush(session->output, NULL, NULL);
}

static void
on_line(GObject *source, GAsyncResult *result, gpointer user_data)
{
    Session *session = user_data;
    g_autofree char *line = g_data_input_stream_read_line_finish_utf8(
        session->input, result, NULL, NULL);
    g_autofree char *text = NULL;

    if (line == NULL) {
        session_free(session);
        return;
    }

    text = hmp_execute(session->shim, line);
    if (say(session, text) && say(session, "(qemu) "))
        read_line(session);
    else
        session_free(session);
}

static void
read_line(Session *session)
{
    g_data_input_stream_read_line_async(session->input, G_PRIORITY_DEFAULT, NULL, on_line, session);
}

void
hmp_serve(Shim *shim, GInputStream *input, GOutputStream *output)
{
    Session *session = g_new0(Session, 1);

    session->shim = shim;
    session->input = g_data_input_stream_new(input);
    session->output = g_object_ref(output);
    g_data_input_stream_set_newline_type(session->input, G_DATA_STREAM_NEWLINE_TYPE_ANY);
    if (say(session, "QEMU 7.2.0 monitor - type 'help' for more information\r\n(qemu) "))
        read_line(session);
    else
        session_free(session);
}
