/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Event command */

#include <signal.h>
#include <stdio.h>

#include <glib-unix.h>

#include "tools/command.h"
#include "tools/i18n.h"
#include "tools/json.h"
#include "tools/progress.h"
#include "tools/table.h"

#define EVENTS_AT_ONCE 1000

static const char *const kinds[] = {"lifecycle", "block-job", "block-job-2", NULL};

typedef struct {
    Context *context;
    const Arguments *arguments;
    VblkDomain *domain; /* NULL: any */
    GMainLoop *loop;
    guint count;
    gboolean is_lost;
    gboolean is_timed_out;
} Watch;

static const char *
lifecycle_text(VblkEvent *event)
{
    static const char *const defined[] = {N_("Defined Added"), N_("Defined Updated")};
    int detail = vblk_event_get_lifecycle_detail(event);

    if (vblk_event_get_lifecycle(event) == 0 && detail >= 0 && detail < 2)
        return _(defined[detail]);
    if (vblk_event_get_lifecycle(event) == 1)
        return _("Undefined Removed");
    return _("unknown");
}

static const char *
status_text(VblkBlockJobStatus status)
{
    switch (status) {
    case VBLK_BLOCK_JOB_COMPLETED:
        return _("completed");
    case VBLK_BLOCK_JOB_FAILED:
        return _("failed");
    case VBLK_BLOCK_JOB_CANCELLED:
        return _("canceled");
    case VBLK_BLOCK_JOB_READY:
        return _("ready");
    }

    return _("unknown");
}

static char *
describe(VblkEvent *event)
{
    const char *message = vblk_event_get_message(event);
    const char *disk = vblk_event_get_disk(event);

    if (disk == NULL)
        return g_strdup(lifecycle_text(event));

    return g_strdup_printf(_("%s for %s %s%s%s"),
                           job_type_label(vblk_event_get_job_type(event)),
                           disk,
                           status_text(vblk_event_get_job_status(event)),
                           message != NULL ? ": " : "",
                           message != NULL ? message : "");
}

static void
print_for_people(Watch *watch, VblkEvent *event)
{
    g_autofree char *text = describe(event);
    g_autofree char *line = NULL;
    g_autofree char *escaped = NULL;

    line = g_strdup_printf(_("event '%s' for domain '%s': %s"),
                           vblk_event_get_kind(event),
                           vblk_event_get_domain_name(event),
                           text);
    escaped = escape_text(line);

    if (arguments_has(watch->arguments, "timestamp")) {
        gint64 time_us = vblk_event_get_time(event);
        g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(time_us / G_USEC_PER_SEC);
        g_autofree char *seconds = g_date_time_format(time, "%Y-%m-%d %H:%M:%S");

        printf("%s.%03d+0000: ", seconds, (int)(time_us / 1000 % 1000));
    }
    puts(escaped);
    fflush(stdout);
}

static void
print_for_programs(VblkEvent *event)
{
    g_auto(GVariantBuilder) dict = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    const char *message = vblk_event_get_message(event);

    g_variant_builder_add_parsed(
        &dict, "{'sequence', <%x>}", (gint64)vblk_event_get_sequence(event));
    g_variant_builder_add_parsed(&dict, "{'time', <%x>}", vblk_event_get_time(event));
    g_variant_builder_add_parsed(&dict, "{'event', <%s>}", vblk_event_get_kind(event));
    g_variant_builder_add_parsed(&dict, "{'domain', <%s>}", vblk_event_get_domain_name(event));
    g_variant_builder_add_parsed(&dict, "{'uuid', <%s>}", vblk_event_get_domain_uuid(event));
    if (vblk_event_get_disk(event) != NULL) {
        g_variant_builder_add_parsed(&dict, "{'disk', <%s>}", vblk_event_get_disk(event));
        g_variant_builder_add_parsed(&dict, "{'job', <%s>}", vblk_event_get_job_id(event));
        g_variant_builder_add_parsed(
            &dict, "{'type', <%x>}", (gint64)vblk_event_get_job_type(event));
        g_variant_builder_add_parsed(
            &dict, "{'status', <%x>}", (gint64)vblk_event_get_job_status(event));
    } else {
        g_variant_builder_add_parsed(
            &dict, "{'lifecycle', <%x>}", (gint64)vblk_event_get_lifecycle(event));
        g_variant_builder_add_parsed(
            &dict, "{'detail', <%x>}", (gint64)vblk_event_get_lifecycle_detail(event));
    }
    if (message != NULL)
        g_variant_builder_add_parsed(&dict, "{'message', <%s>}", message);

    json_print(g_variant_builder_end(&dict), FALSE);
}

static gboolean
is_wanted(Watch *watch, VblkEvent *event)
{
    const char *kind = arguments_get(watch->arguments, "event");
    const char *uuid = watch->domain != NULL ? vblk_domain_get_uuid(watch->domain) : NULL;

    return (kind == NULL || g_strcmp0(kind, vblk_event_get_kind(event)) == 0) &&
           (uuid == NULL || g_strcmp0(uuid, vblk_event_get_domain_uuid(event)) == 0);
}

/* TRUE where this was the event that was waited for. */
static gboolean
take_event(Watch *watch, VblkEvent *event)
{
    if (!is_wanted(watch, event))
        return FALSE;

    watch->count++;
    if (arguments_has(watch->arguments, "json"))
        print_for_programs(event);
    else
        print_for_people(watch, event);

    return !arguments_has(watch->arguments, "loop");
}

static void
on_event(VblkConnection *connection, VblkEvent *event, gpointer user_data)
{
    Watch *watch = user_data;

    if (take_event(watch, event))
        g_main_loop_quit(watch->loop);
}

static void
on_closed(VblkConnection *connection, GError *reason, gpointer user_data)
{
    Watch *watch = user_data;

    watch->is_lost = TRUE;
    g_main_loop_quit(watch->loop);
}

static gboolean
on_interrupt(gpointer user_data)
{
    Watch *watch = user_data;

    g_main_loop_quit(watch->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_timeout(gpointer user_data)
{
    Watch *watch = user_data;

    watch->is_timed_out = TRUE;
    g_main_loop_quit(watch->loop);
    return G_SOURCE_CONTINUE;
}

static gboolean
check_options(const Arguments *arguments, GError **error)
{
    const char *kind = arguments_get(arguments, "event");

    if (kind == NULL && !arguments_has(arguments, "all") && !arguments_has(arguments, "list")) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    _("one of --list, --all, or --event <type> is required"));
        return FALSE;
    }
    if (kind != NULL && !g_strv_contains(kinds, kind)) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, _("unknown event type %s"), kind);
        return FALSE;
    }

    return TRUE;
}

/* What the journal has of the time before us. */
static gboolean
replay(Watch *watch, gboolean *ret_is_done, GError **error)
{
    guint64 after = arguments_get_number(watch->arguments, "since");
    gboolean is_done = FALSE;
    guint n_events;

    do {
        g_autoptr(GPtrArray) events = vblk_connection_list_events_sync(
            watch->context->connection, after, EVENTS_AT_ONCE, NULL, error);

        if (events == NULL)
            return FALSE;
        n_events = events->len;
        for (guint i = 0; i < n_events && !is_done; i++) {
            VblkEvent *event = g_ptr_array_index(events, i);

            after = vblk_event_get_sequence(event);
            is_done = take_event(watch, event);
        }
    } while (n_events == EVENTS_AT_ONCE && !is_done);

    *ret_is_done = is_done;
    return TRUE;
}

static void
run_loop(Watch *watch)
{
    VblkConnection *connection = watch->context->connection;
    guint64 timeout_s = arguments_get_number(watch->arguments, "timeout");
    gulong closed = g_signal_connect(connection, "closed", G_CALLBACK(on_closed), watch);
    gulong event = g_signal_connect(connection, "event", G_CALLBACK(on_event), watch);
    guint interrupt = g_unix_signal_add(SIGINT, on_interrupt, watch);
    guint timeout = 0;

    if (timeout_s > 0)
        timeout = g_timeout_add_seconds((guint)MIN(timeout_s, G_MAXUINT), on_timeout, watch);

    g_main_loop_run(watch->loop);

    if (timeout != 0)
        g_source_remove(timeout);
    g_source_remove(interrupt);
    g_signal_handler_disconnect(connection, event);
    g_signal_handler_disconnect(connection, closed);
}

static gboolean
run_event(Context *context, const Arguments *arguments, GError **error)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    g_autoptr(VblkDomain) domain = NULL;
    Watch watch = {.context = context, .arguments = arguments, .loop = loop};
    gboolean is_done = FALSE;

    if (!check_options(arguments, error))
        return FALSE;
    if (arguments_has(arguments, "list")) {
        for (guint i = 0; kinds[i] != NULL; i++)
            puts(kinds[i]);
        return TRUE;
    }
    if (arguments_has(arguments, "domain")) {
        watch.domain = domain = context_find_domain(context, arguments, error);
        if (domain == NULL)
            return FALSE;
    }

    if (arguments_has(arguments, "since") && !replay(&watch, &is_done, error))
        return FALSE;
    if (!is_done)
        run_loop(&watch);

    if (watch.is_lost) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_CONNECTION,
                    _("lost the connection to virtblockd; --since shows what was missed"));
        return FALSE;
    }
    if (!arguments_has(arguments, "json")) {
        if (watch.is_timed_out)
            context_say(context, "%s", _("event loop timed out\n"));
        else if (arguments_has(arguments, "loop"))
            context_say(context, "%s", _("event loop interrupted\n"));
        context_say(context, _("events received: %u\n"), watch.count);
    }

    return watch.count > 0;
}

static const Option event_options[] = {
    {"domain", OPTION_STRING, FALSE, N_("filter by domain name or uuid")},
    {"event", OPTION_STRING, FALSE, N_("which event type to wait for")},
    {"all", OPTION_FLAG, FALSE, N_("wait for all events instead of just one type")},
    {"loop", OPTION_FLAG, FALSE, N_("loop until timeout or interrupt, rather than one-shot")},
    {"timeout", OPTION_NUMBER, FALSE, N_("timeout seconds")},
    {"list", OPTION_FLAG, FALSE, N_("list valid event types")},
    {"timestamp", OPTION_FLAG, FALSE, N_("show timestamp for each printed event")},
    {"since", OPTION_NUMBER, FALSE, N_("first those of the journal after this number; 0: all")},
    {"json", OPTION_FLAG, FALSE, N_("for programs: one object on each line")},
    OPTION_END,
};

const Command event_commands[] = {
    {"event", N_("domain events"), event_options, run_event},
    {NULL, NULL, NULL, NULL},
};
