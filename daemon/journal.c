/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Journal */

#include "daemon/journal.h"

#include <sqlite3.h>

#include "api/vblk-error.h"
#include "daemon/files.h"
#include "daemon/journal-schema.h"

#define AS_TEXT(number)    #number
#define AS_LITERAL(number) AS_TEXT(number)

typedef enum {
    BEGIN,
    COMMIT,
    ROLLBACK,
    PUT_JOB,
    RAISE_JOB_COUNTER,
    PRUNE_JOBS,
    LIVE_JOBS,
    ENDED_JOBS,
    JOB_COUNTER,
    APPEND_EVENT,
    PRUNE_EVENTS,
    LIST_EVENTS,
    LAST_SEQUENCE,
    PUT_MONITOR,
    DELETE_MONITOR,
    MONITORS,
    PUT_CURRENT,
    CLEAR_CURRENT,
    DELETE_CURRENT,
    CURRENT,
    PUT_FILE_CHANGE,
    CLEAR_FILE_CHANGES,
    FILE_CHANGES,
    N_STATEMENTS,
} StatementKind;

#define JOB_COLUMNS                                                                                \
    "id, is_ended, domain_uuid, domain_name, target, type, state, status, source_path, base_path," \
    " bandwidth_bps, current, end, rate_bps, start_time_us, sample_time_us, end_time_us, message"
#define EVENT_COLUMNS                                                                      \
    "time_us, kind, domain_name, domain_uuid, lifecycle, lifecycle_detail, disk, job_id, " \
    "job_type, outcome, message"

/* A job's identity is what it was stored with first; only what changes is updated. */
static const char *const statements[N_STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PUT_JOB] =
        "INSERT INTO job (" JOB_COLUMNS ") VALUES"
        " (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)"
        " ON CONFLICT (id) DO UPDATE SET is_ended = ?2, state = ?7, status = ?8, source_path = ?9,"
        " base_path = ?10, bandwidth_bps = ?11, current = ?12, end = ?13, rate_bps = ?14,"
        " start_time_us = ?15, sample_time_us = ?16, end_time_us = ?17, message = ?18",
    [RAISE_JOB_COUNTER] = "UPDATE counter SET value = ?1 WHERE name = 'job' AND value < ?1",
    [PRUNE_JOBS] = "DELETE FROM job WHERE number IN (SELECT number FROM job WHERE is_ended"
                   " ORDER BY number DESC LIMIT -1 OFFSET " AS_LITERAL(JOURNAL_MAX_ENDED_JOBS) ")",
    [LIVE_JOBS] = "SELECT " JOB_COLUMNS " FROM job WHERE NOT is_ended ORDER BY number",
    [ENDED_JOBS] = "SELECT " JOB_COLUMNS " FROM job WHERE is_ended"
                   " ORDER BY end_time_us DESC, number DESC LIMIT ?1",
    [JOB_COUNTER] = "SELECT value FROM counter WHERE name = 'job'",
    [APPEND_EVENT] = "INSERT INTO event (" EVENT_COLUMNS
                     ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    [PRUNE_EVENTS] = "DELETE FROM event WHERE sequence <="
                     " (SELECT max(sequence) FROM event) - " AS_LITERAL(JOURNAL_MAX_EVENTS),
    [LIST_EVENTS] = "SELECT sequence, " EVENT_COLUMNS
                    " FROM event WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    [LAST_SEQUENCE] = "SELECT seq FROM sqlite_sequence WHERE name = 'event'",
    [PUT_MONITOR] = "INSERT OR REPLACE INTO monitor (job_id, socket_path, chain, keeps_relative)"
                    " VALUES (?1, ?2, ?3, ?4)",
    [DELETE_MONITOR] = "DELETE FROM monitor WHERE job_id = ?1",
    [MONITORS] = "SELECT job_id, socket_path, chain, keeps_relative FROM monitor ORDER BY rowid",
    [PUT_CURRENT] = "INSERT OR REPLACE INTO current_snapshot (domain_uuid, name) VALUES (?1, ?2)",
    [CLEAR_CURRENT] = "DELETE FROM current_snapshot WHERE domain_uuid = ?1 AND name = ?2",
    [DELETE_CURRENT] = "DELETE FROM current_snapshot WHERE domain_uuid = ?1",
    [CURRENT] = "SELECT domain_uuid, name FROM current_snapshot",
    [PUT_FILE_CHANGE] = "INSERT INTO file_change (temporary, final) VALUES (?1, ?2)",
    [CLEAR_FILE_CHANGES] = "DELETE FROM file_change",
    [FILE_CHANGES] = "SELECT temporary, final FROM file_change ORDER BY number",
};

struct Journal {
    char *path;
    sqlite3 *database;
    sqlite3_stmt *prepared[N_STATEMENTS];
};

void
journal_free(Journal *journal)
{
    if (journal == NULL)
        return;

    for (guint i = 0; i < N_STATEMENTS; i++)
        sqlite3_finalize(journal->prepared[i]);
    sqlite3_close(journal->database);
    g_free(journal->path);
    g_free(journal);
}

static gboolean
prepare_statements(Journal *journal)
{
    for (guint i = 0; i < N_STATEMENTS; i++) {
        if (sqlite3_prepare_v3(journal->database,
                               statements[i],
                               -1,
                               SQLITE_PREPARE_PERSISTENT,
                               &journal->prepared[i],
                               NULL) != SQLITE_OK)
            return FALSE;
    }

    return TRUE;
}

Journal *
journal_open(const char *path, GError **error)
{
    sqlite3 *database = journal_schema_open(path, error);
    Journal *journal;

    if (database == NULL)
        return NULL;

    journal = g_new0(Journal, 1);
    journal->path = g_strdup(path);
    journal->database = database;
    if (prepare_statements(journal))
        return journal;

    journal_schema_set_error(error, database, path);
    journal_free(journal);
    return NULL;
}

/* Ready to be bound: what was bound before is gone. */
static sqlite3_stmt *
prepare(Journal *journal, StatementKind kind)
{
    sqlite3_stmt *statement = journal->prepared[kind];

    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return statement;
}

static void
bind_text(sqlite3_stmt *statement, int index, const char *text)
{
    sqlite3_bind_text(statement, index, text, -1, SQLITE_TRANSIENT);
}

/* Numbers above G_MAXINT64 go in and out with the same bits. */
static void
bind_number(sqlite3_stmt *statement, int index, guint64 number)
{
    sqlite3_bind_int64(statement, index, (sqlite3_int64)number);
}

static char *
column_text(sqlite3_stmt *statement, int index)
{
    return g_strdup((const char *)sqlite3_column_text(statement, index));
}

static const char *
peek_text(sqlite3_stmt *statement, int index)
{
    const char *text = (const char *)sqlite3_column_text(statement, index);

    return text != NULL ? text : "";
}

static guint64
column_number(sqlite3_stmt *statement, int index)
{
    return (guint64)sqlite3_column_int64(statement, index);
}

/* Runs a statement that gives no rows, to its end. */
static gboolean
run(Journal *journal, StatementKind kind, GError **error)
{
    sqlite3_stmt *statement = journal->prepared[kind];
    gboolean is_done = sqlite3_step(statement) == SQLITE_DONE;

    if (!is_done)
        journal_schema_set_error(error, journal->database, journal->path);
    sqlite3_reset(statement);
    return is_done;
}

/* TRUE for a row; FALSE at the end, and with *ret_is_failed set on failure. */
static gboolean
next_row(Journal *journal, StatementKind kind, gboolean *ret_is_failed, GError **error)
{
    int result = sqlite3_step(journal->prepared[kind]);

    if (result == SQLITE_ROW)
        return TRUE;

    if (result != SQLITE_DONE) {
        *ret_is_failed = TRUE;
        journal_schema_set_error(error, journal->database, journal->path);
    }
    sqlite3_reset(journal->prepared[kind]);
    return FALSE;
}

/* The number at the end of "pull-vda-17"; 0 where there is none. */
static guint64
number_of_job(const char *id)
{
    const char *dash = strrchr(id, '-');
    guint64 number = 0;

    if (dash == NULL || !g_ascii_string_to_unsigned(dash + 1, 10, 0, G_MAXINT64, &number, NULL))
        return 0;

    return number;
}

static gboolean
put_job(Journal *journal, const Job *job, GError **error)
{
    sqlite3_stmt *statement = prepare(journal, PUT_JOB);

    bind_text(statement, 1, job->id);
    bind_number(statement, 2, job_is_ended(job) ? 1 : 0);
    bind_text(statement, 3, job->domain_uuid);
    bind_text(statement, 4, job->domain_name);
    bind_text(statement, 5, job->target);
    bind_text(statement, 6, job_type_name(job->type));
    bind_text(statement, 7, job_state_name(job->state));
    bind_text(statement, 8, job_status_name(job->status));
    bind_text(statement, 9, job->source_path);
    bind_text(statement, 10, job->base_path);
    bind_number(statement, 11, job->bandwidth_bps);
    bind_number(statement, 12, job->current);
    bind_number(statement, 13, job->end);
    bind_number(statement, 14, job->rate_bps);
    bind_number(statement, 15, (guint64)job->start_time_us);
    bind_number(statement, 16, (guint64)job->sample_time_us);
    bind_number(statement, 17, (guint64)job->end_time_us);
    bind_text(statement, 18, job->message);
    if (!run(journal, PUT_JOB, error))
        return FALSE;

    bind_number(prepare(journal, RAISE_JOB_COUNTER), 1, number_of_job(job->id));
    return run(journal, RAISE_JOB_COUNTER, error) &&
           (!job_is_ended(job) || run(journal, PRUNE_JOBS, error));
}

static gboolean
append_event(Journal *journal, Event *event, GError **error)
{
    sqlite3_stmt *statement = prepare(journal, APPEND_EVENT);

    bind_number(statement, 1, (guint64)event->time_us);
    bind_text(statement, 2, event_kind_name(event->kind));
    bind_text(statement, 3, event->domain_name);
    bind_text(statement, 4, event->domain_uuid);
    sqlite3_bind_int(statement, 5, event->lifecycle);
    sqlite3_bind_int(statement, 6, event->lifecycle_detail);
    bind_text(statement, 7, event->disk);
    bind_text(statement, 8, event->job_id);
    bind_text(statement, 9, job_type_name(event->job_type));
    sqlite3_bind_int(statement, 10, (int)event->outcome);
    bind_text(statement, 11, event->message);
    if (!run(journal, APPEND_EVENT, error))
        return FALSE;

    event->sequence = (guint64)sqlite3_last_insert_rowid(journal->database);
    return run(journal, PRUNE_EVENTS, error);
}

static gboolean
put_monitor(Journal *journal, const StoredMonitor *monitor, GError **error)
{
    sqlite3_stmt *statement = prepare(journal, PUT_MONITOR);

    bind_text(statement, 1, monitor->job_id);
    bind_text(statement, 2, monitor->socket_path);
    bind_text(statement, 3, monitor->chain);
    bind_number(statement, 4, monitor->keeps_relative ? 1 : 0);
    return run(journal, PUT_MONITOR, error);
}

static gboolean
run_with_texts(Journal *journal,
               StatementKind kind,
               const char *first,
               const char *second,
               GError **error)
{
    sqlite3_stmt *statement = prepare(journal, kind);

    bind_text(statement, 1, first);
    if (second != NULL)
        bind_text(statement, 2, second);
    return run(journal, kind, error);
}

static gboolean
put(Journal *journal, const StoreChange *change, GError **error)
{
    switch (change->kind) {
    case STORE_PUT_DOMAIN:
        return TRUE;
    case STORE_DELETE_DOMAIN:
        return run_with_texts(journal, DELETE_CURRENT, change->uuid, NULL, error);
    case STORE_PUT_SNAPSHOT:
        return run_with_texts(journal,
                              change->snapshot->is_current ? PUT_CURRENT : CLEAR_CURRENT,
                              change->snapshot->domain_uuid,
                              change->snapshot->name,
                              error);
    case STORE_DELETE_SNAPSHOT:
        return run_with_texts(journal, CLEAR_CURRENT, change->uuid, change->name, error);
    case STORE_PUT_MONITOR:
        return put_monitor(journal, change->monitor, error);
    case STORE_DELETE_MONITOR:
        return run_with_texts(journal, DELETE_MONITOR, change->job_id, NULL, error);
    case STORE_PUT_JOB:
        return put_job(journal, change->job, error);
    case STORE_APPEND_EVENT:
        return append_event(journal, change->event, error);
    }

    g_assert_not_reached();
}

static gboolean
put_all(Journal *journal, const StoreBatch *batch, const GPtrArray *file_changes, GError **error)
{
    if (!run(journal, CLEAR_FILE_CHANGES, error))
        return FALSE;

    for (guint i = 0; i < file_changes->len; i++) {
        const FileChange *change = file_changes->pdata[i];
        sqlite3_stmt *statement = prepare(journal, PUT_FILE_CHANGE);

        bind_text(statement, 1, change->temporary);
        bind_text(statement, 2, change->final);
        if (!run(journal, PUT_FILE_CHANGE, error))
            return FALSE;
    }

    for (guint i = 0; i < batch->changes->len; i++) {
        if (!put(journal, batch->changes->pdata[i], error))
            return FALSE;
    }

    return TRUE;
}

gboolean
journal_commit(Journal *journal,
               const StoreBatch *batch,
               const GPtrArray *file_changes,
               GError **error)
{
    g_autoptr(GError) reason = NULL;

    if (!run(journal, BEGIN, error))
        return FALSE;

    if (put_all(journal, batch, file_changes, error) && run(journal, COMMIT, error))
        return TRUE;

    /* SQLite has rolled back by itself after some errors. */
    if (sqlite3_get_autocommit(journal->database) == 0 && !run(journal, ROLLBACK, &reason))
        g_warning("%s, ignoring", reason->message);
    return FALSE;
}

GPtrArray *
journal_get_file_changes(Journal *journal, GError **error)
{
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func((GDestroyNotify)file_change_free);
    sqlite3_stmt *statement = prepare(journal, FILE_CHANGES);
    gboolean is_failed = FALSE;

    while (next_row(journal, FILE_CHANGES, &is_failed, error)) {
        const char *temporary = (const char *)sqlite3_column_text(statement, 0);

        g_ptr_array_add(changes, file_change_new(temporary, peek_text(statement, 1)));
    }

    return is_failed ? NULL : g_steal_pointer(&changes);
}

/* NULL for words of a later version; its state is what was stored, so no transition takes place. */
static Job *
read_job(sqlite3_stmt *statement)
{
    g_autoptr(Job) job = NULL;
    JobType type = JOB_TYPE_UNKNOWN;
    JobState state = JOB_STATE_NEW;
    JobStatus status = JOB_STATUS_UNDEFINED;

    if (!job_type_parse(peek_text(statement, 5), &type) ||
        !job_state_parse(peek_text(statement, 6), &state) ||
        !job_status_parse(peek_text(statement, 7), &status)) {
        g_warning("job '%s' in the journal is of a kind not known, ignoring",
                  peek_text(statement, 0));
        return NULL;
    }

    job = job_new(type, peek_text(statement, 0));
    job->domain_uuid = column_text(statement, 2);
    job->domain_name = column_text(statement, 3);
    job->target = column_text(statement, 4);
    job->state = state;
    job->status = status;
    job->source_path = column_text(statement, 8);
    job->base_path = column_text(statement, 9);
    job->bandwidth_bps = column_number(statement, 10);
    job->current = column_number(statement, 11);
    job->end = column_number(statement, 12);
    job->rate_bps = column_number(statement, 13);
    job->start_time_us = (gint64)column_number(statement, 14);
    job->sample_time_us = (gint64)column_number(statement, 15);
    job->sample_current = job->current;
    job->end_time_us = (gint64)column_number(statement, 16);
    job->message = column_text(statement, 17);
    return g_steal_pointer(&job);
}

static GPtrArray *
read_jobs(Journal *journal, StatementKind kind, GError **error)
{
    g_autoptr(GPtrArray) jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    gboolean is_failed = FALSE;

    while (next_row(journal, kind, &is_failed, error)) {
        Job *job = read_job(journal->prepared[kind]);

        if (job != NULL)
            g_ptr_array_add(jobs, job);
    }

    return is_failed ? NULL : g_steal_pointer(&jobs);
}

static gboolean
load_monitors(Journal *journal, StoreContents *contents, GError **error)
{
    sqlite3_stmt *statement = prepare(journal, MONITORS);
    gboolean is_failed = FALSE;

    while (next_row(journal, MONITORS, &is_failed, error)) {
        StoredMonitor *monitor = g_new0(StoredMonitor, 1);

        monitor->job_id = column_text(statement, 0);
        monitor->socket_path = column_text(statement, 1);
        monitor->chain = column_text(statement, 2);
        monitor->keeps_relative = sqlite3_column_int(statement, 3) != 0;
        g_ptr_array_add(contents->monitors, monitor);
    }

    return !is_failed;
}

static gboolean
load_current_snapshots(Journal *journal, StoreContents *contents, GError **error)
{
    sqlite3_stmt *statement = prepare(journal, CURRENT);
    gboolean is_failed = FALSE;

    while (next_row(journal, CURRENT, &is_failed, error)) {
        for (guint i = 0; i < contents->snapshots->len; i++) {
            StoredSnapshot *snapshot = contents->snapshots->pdata[i];

            if (g_str_equal(snapshot->domain_uuid, peek_text(statement, 0)) &&
                g_str_equal(snapshot->name, peek_text(statement, 1)))
                snapshot->is_current = TRUE;
        }
    }

    return !is_failed;
}

static gboolean
read_number(Journal *journal, StatementKind kind, guint64 *ret_number, GError **error)
{
    sqlite3_stmt *statement = prepare(journal, kind);
    gboolean is_failed = FALSE;

    while (next_row(journal, kind, &is_failed, error))
        *ret_number = column_number(statement, 0);

    return !is_failed;
}

gboolean
journal_load(Journal *journal, StoreContents *contents, GError **error)
{
    g_autoptr(GPtrArray) jobs = NULL;

    prepare(journal, LIVE_JOBS);
    jobs = read_jobs(journal, LIVE_JOBS, error);
    if (jobs == NULL)
        return FALSE;

    g_ptr_array_extend_and_steal(contents->jobs, g_steal_pointer(&jobs));
    return load_monitors(journal, contents, error) &&
           load_current_snapshots(journal, contents, error) &&
           read_number(journal, JOB_COUNTER, &contents->last_job_number, error);
}

guint64
journal_get_last_sequence(Journal *journal)
{
    g_autoptr(GError) error = NULL;
    guint64 sequence = 0;

    if (!read_number(journal, LAST_SEQUENCE, &sequence, &error))
        g_warning("%s, ignoring", error->message);

    return sequence;
}

static Event *
read_event(sqlite3_stmt *statement)
{
    EventKind kind = EVENT_LIFECYCLE;
    Event *event;

    if (!event_kind_parse(peek_text(statement, 2), &kind))
        return NULL;

    event = event_new(
        kind, peek_text(statement, 3), peek_text(statement, 4), sqlite3_column_int64(statement, 1));
    event->sequence = column_number(statement, 0);
    event->lifecycle = sqlite3_column_int(statement, 5);
    event->lifecycle_detail = sqlite3_column_int(statement, 6);
    event->disk = column_text(statement, 7);
    event->job_id = column_text(statement, 8);
    if (!job_type_parse(peek_text(statement, 9), &event->job_type))
        event->job_type = JOB_TYPE_UNKNOWN;
    event->outcome = (JobOutcome)sqlite3_column_int(statement, 10);
    event->message = column_text(statement, 11);
    return event;
}

GPtrArray *
journal_list_events(Journal *journal, guint64 after, guint limit, GError **error)
{
    g_autoptr(GPtrArray) events = g_ptr_array_new_with_free_func((GDestroyNotify)event_free);
    sqlite3_stmt *statement = prepare(journal, LIST_EVENTS);
    gboolean is_failed = FALSE;

    bind_number(statement, 1, MIN(after, G_MAXINT64));
    bind_number(statement, 2, limit);
    while (next_row(journal, LIST_EVENTS, &is_failed, error)) {
        Event *event = read_event(statement);

        if (event != NULL)
            g_ptr_array_add(events, event);
    }

    return is_failed ? NULL : g_steal_pointer(&events);
}

GPtrArray *
journal_list_ended_jobs(Journal *journal, guint limit, GError **error)
{
    bind_number(prepare(journal, ENDED_JOBS), 1, limit);
    return read_jobs(journal, ENDED_JOBS, error);
}
