/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Journal tables */

#include "daemon/journal-schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sqlite3.h>

#include "api/vblk-error.h"
#include "daemon/files.h"

#define SCHEMA_VERSION  1
#define BUSY_TIMEOUT_MS 5000
#define MAX_ASIDE       100

/* `counter` holds the highest number of a job's id; SQLite keeps that of an event. */
static const char schema[] =
    "CREATE TABLE job ("
    " number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " id TEXT NOT NULL UNIQUE,"
    " is_ended INTEGER NOT NULL,"
    " domain_uuid TEXT NOT NULL,"
    " domain_name TEXT NOT NULL,"
    " target TEXT NOT NULL,"
    " type TEXT NOT NULL,"
    " state TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " source_path TEXT,"
    " base_path TEXT,"
    " bandwidth_bps INTEGER NOT NULL,"
    " current INTEGER NOT NULL,"
    " end INTEGER NOT NULL,"
    " rate_bps INTEGER NOT NULL,"
    " start_time_us INTEGER NOT NULL,"
    " sample_time_us INTEGER NOT NULL,"
    " end_time_us INTEGER NOT NULL,"
    " message TEXT);"
    "CREATE INDEX job_ended ON job (number) WHERE is_ended;"
    "CREATE TABLE event ("
    " sequence INTEGER PRIMARY KEY AUTOINCREMENT,"
    " time_us INTEGER NOT NULL,"
    " kind TEXT NOT NULL,"
    " domain_name TEXT NOT NULL,"
    " domain_uuid TEXT NOT NULL,"
    " lifecycle INTEGER NOT NULL,"
    " lifecycle_detail INTEGER NOT NULL,"
    " disk TEXT,"
    " job_id TEXT,"
    " job_type TEXT NOT NULL,"
    " outcome INTEGER NOT NULL,"
    " message TEXT);"
    "CREATE TABLE monitor ("
    " job_id TEXT PRIMARY KEY,"
    " socket_path TEXT NOT NULL,"
    " chain TEXT NOT NULL,"
    " keeps_relative INTEGER NOT NULL);"
    "CREATE TABLE current_snapshot (domain_uuid TEXT PRIMARY KEY, name TEXT NOT NULL);"
    "CREATE TABLE file_change ("
    " number INTEGER PRIMARY KEY,"
    " temporary TEXT,"
    " final TEXT NOT NULL);"
    "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL);"
    "INSERT INTO counter VALUES ('job', 0);";

typedef enum {
    OPENED,
    REFUSED,
    DAMAGED,
} OpenResult;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sqlite3, sqlite3_close)

void
journal_schema_set_error(GError **error, struct sqlite3 *database, const char *path)
{
    int result = sqlite3_errcode(database);
    int errno_value = sqlite3_system_errno(database);

    if (result == SQLITE_FULL)
        files_set_error(error, "write", path, ENOSPC);
    else if (result == SQLITE_IOERR && errno_value != 0)
        files_set_error(error, "write", path, errno_value);
    else
        g_set_error(error,
                    VBLK_ERROR,
                    result == SQLITE_READONLY ? VBLK_ERROR_ACCESS_DENIED : VBLK_ERROR_FAILED,
                    "journal '%s': %s",
                    path,
                    sqlite3_errmsg(database));
}

/* The first column of the first row as a number; FALSE where there is none. */
static gboolean
query_number(sqlite3 *database, const char *sql, gint64 *ret_number)
{
    sqlite3_stmt *statement = NULL;
    gboolean is_row;

    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK)
        return FALSE;

    is_row = sqlite3_step(statement) == SQLITE_ROW;
    if (is_row)
        *ret_number = sqlite3_column_int64(statement, 0);
    return sqlite3_finalize(statement) == SQLITE_OK && is_row;
}

/* quick_check gives one row, "ok", where it finds nothing. */
static gboolean
is_sound(sqlite3 *database)
{
    gint64 is_ok = 0;

    return query_number(database, "SELECT quick_check = 'ok' FROM pragma_quick_check(1)", &is_ok) &&
           is_ok == 1;
}

static gboolean
is_damage(int result)
{
    return result == SQLITE_CORRUPT || result == SQLITE_NOTADB;
}

/* Numbers that nobody can have come to by counting: microseconds of today. */
static gboolean
begin_above(sqlite3 *database)
{
    g_autofree char *sql = g_strdup_printf(
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('event', %" G_GINT64_FORMAT ");"
        "UPDATE counter SET value = %" G_GINT64_FORMAT " WHERE name = 'job';",
        g_get_real_time(),
        g_get_real_time());

    return sqlite3_exec(database, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static gboolean
create(sqlite3 *database, gboolean has_forerunner)
{
    g_autofree char *version = g_strdup_printf("PRAGMA user_version = %d", SCHEMA_VERSION);

    return sqlite3_exec(database, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(database, schema, NULL, NULL, NULL) == SQLITE_OK &&
           (!has_forerunner || begin_above(database)) &&
           sqlite3_exec(database, version, NULL, NULL, NULL) == SQLITE_OK &&
           sqlite3_exec(database, "COMMIT", NULL, NULL, NULL) == SQLITE_OK;
}

/* Before SQLite makes it, so that it and its companions are for us alone whatever the umask. */
static gboolean
make_private(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0) {
        files_set_error(error, "open", path, errno);
        return FALSE;
    }

    close(fd);
    return TRUE;
}

/* FULL: a transaction that has ended is on the disk. Nothing in the file is trusted to be ours. */
static gboolean
configure(sqlite3 *database)
{
    sqlite3_busy_timeout(database, BUSY_TIMEOUT_MS);
    sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    return sqlite3_exec(database,
                        "PRAGMA journal_mode = WAL;"
                        "PRAGMA synchronous = FULL;"
                        "PRAGMA trusted_schema = OFF;"
                        "PRAGMA cell_size_check = ON;",
                        NULL,
                        NULL,
                        NULL) == SQLITE_OK;
}

static OpenResult
check_version(sqlite3 *database, const char *path, gboolean has_forerunner, GError **error)
{
    gint64 version = 0;

    if (!query_number(database, "PRAGMA user_version", &version))
        return DAMAGED;

    if (version == 0) {
        if (create(database, has_forerunner))
            return OPENED;
        journal_schema_set_error(error, database, path);
        return REFUSED;
    }

    if (version != SCHEMA_VERSION) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_CONFIG_UNSUPPORTED,
                    "journal '%s' has version %" G_GINT64_FORMAT ", this virtblockd knows %d",
                    path,
                    version,
                    SCHEMA_VERSION);
        return REFUSED;
    }

    return is_sound(database) ? OPENED : DAMAGED;
}

static OpenResult
try_open(const char *path, gboolean has_forerunner, sqlite3 **ret_database, GError **error)
{
    g_autoptr(sqlite3) database = NULL;
    OpenResult result;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (!make_private(path, error))
        return REFUSED;

    if (sqlite3_open_v2(path, &database, flags, NULL) != SQLITE_OK || !configure(database)) {
        if (is_damage(sqlite3_errcode(database)))
            return DAMAGED;
        journal_schema_set_error(error, database, path);
        return REFUSED;
    }

    result = check_version(database, path, has_forerunner, error);
    if (result == OPENED)
        *ret_database = g_steal_pointer(&database);
    return result;
}

/* The log that belongs to it goes along: together they can be repaired by hand. */
static gboolean
set_aside(const char *path, GError **error)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    g_autofree char *aside = NULL;
    guint number = 1;

    do {
        g_free(aside);
        aside = g_strdup_printf("%s.damaged-%u", path, number++);
    } while (g_file_test(aside, G_FILE_TEST_EXISTS) && number <= MAX_ASIDE);

    for (guint i = 0; i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *from = g_strconcat(path, suffixes[i], NULL);
        g_autofree char *to = g_strconcat(aside, suffixes[i], NULL);

        if (g_file_test(to, G_FILE_TEST_EXISTS) || (rename(from, to) < 0 && errno != ENOENT)) {
            files_set_error(error, "set aside damaged", from, errno);
            return FALSE;
        }
    }

    g_warning("journal '%s' is damaged: set aside as '%s', a new one begins", path, aside);
    return TRUE;
}

struct sqlite3 *
journal_schema_open(const char *path, GError **error)
{
    sqlite3 *database = NULL;
    OpenResult result = try_open(path, FALSE, &database, error);

    if (result != DAMAGED)
        return database;

    if (!set_aside(path, error))
        return NULL;

    /* A new file that reads damaged at once: the disk is. */
    if (try_open(path, TRUE, &database, error) == DAMAGED)
        files_set_error(error, "read", path, EIO);
    return database;
}
