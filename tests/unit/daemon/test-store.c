/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Durable store */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <glib/gstdio.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "daemon/files.h"
#include "daemon/journal.h"
#include "daemon/store.h"
#include "driver/domain.h"
#include "room.h"

#define UUID_1 "11111111-1111-1111-1111-111111111111"
#define UUID_2 "22222222-2222-2222-2222-222222222222"

typedef struct {
    char *room;
    Store *store;
} Fixture;

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);

    fixture->room = room_new();
    fixture->store = VB_STORE(daemon_store_new(fixture->room));
    *state = fixture;
    return 0;
}

static void
close_store(Fixture *fixture)
{
    daemon_store_close(VB_DAEMON_STORE(fixture->store));
    g_clear_object(&fixture->store);
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    g_test_assert_expected_messages();
    if (fixture->store != NULL)
        close_store(fixture);
    room_free(fixture->room);
    g_free(fixture);
    return 0;
}

/* A daemon that was killed and started again: nothing is told to the old one. */
static void
reopen(Fixture *fixture)
{
    close_store(fixture);
    fixture->store = VB_STORE(daemon_store_new(fixture->room));
}

static void
on_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    *(GAsyncResult **)user_data = g_object_ref(result);
}

static void
wait_for(GAsyncResult **result)
{
    while (*result == NULL)
        g_main_context_iteration(NULL, TRUE);
}

static GPtrArray *
try_commit(Fixture *fixture, StoreBatch *batch, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    store_commit_async(fixture->store, batch, on_done, &result);
    wait_for(&result);
    return store_commit_finish(fixture->store, result, error);
}

static GPtrArray *
commit(Fixture *fixture, StoreBatch *batch)
{
    g_autoptr(GError) error = NULL;
    GPtrArray *events = try_commit(fixture, batch, &error);

    g_assert_no_error(error);
    return events;
}

static StoreContents *
try_load(Fixture *fixture, GError **error)
{
    g_autoptr(GAsyncResult) result = NULL;

    store_load_async(fixture->store, on_done, &result);
    wait_for(&result);
    return store_load_finish(fixture->store, result, error);
}

static StoreContents *
load(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    StoreContents *contents = try_load(fixture, &error);

    g_assert_no_error(error);
    return contents;
}

static GPtrArray *
list_events(Fixture *fixture, guint64 after, guint limit)
{
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;
    GPtrArray *events;

    daemon_store_list_events_async(VB_DAEMON_STORE(fixture->store), after, limit, on_done, &result);
    wait_for(&result);
    events = daemon_store_list_events_finish(VB_DAEMON_STORE(fixture->store), result, &error);
    g_assert_no_error(error);
    return events;
}

static char *
domain_document(const char *uuid, const char *name, const char *title)
{
    return g_markup_printf_escaped("<domain type='kvm'>\n"
                                   "  <name>%s</name>\n"
                                   "  <uuid>%s</uuid>\n"
                                   "  <title>%s</title>\n"
                                   "</domain>\n",
                                   name,
                                   uuid,
                                   title);
}

static void
put_domain(StoreBatch *batch, const char *uuid, const char *name, const char *title)
{
    g_autofree char *xml = domain_document(uuid, name, title);

    store_batch_put_domain(batch, uuid, name, xml);
}

static void
define(Fixture *fixture, const char *uuid, const char *name, const char *title)
{
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) events = NULL;

    put_domain(batch, uuid, name, title);
    events = commit(fixture, batch);
}

static void
put_snapshot(StoreBatch *batch, const char *name, const char *parent, gboolean is_current)
{
    g_autofree char *xml = g_strdup_printf("<domainsnapshot><name>%s</name>"
                                           "<parent><name>%s</name></parent></domainsnapshot>",
                                           name,
                                           parent);
    StoredSnapshot snapshot = {(char *)UUID_1, (char *)name, xml, is_current};

    store_batch_put_snapshot(batch, &snapshot);
}

static void
put_job(StoreBatch *batch, const char *id, JobState state)
{
    g_autoptr(Job) job = job_new(JOB_TYPE_PULL, id);

    job->domain_uuid = g_strdup(UUID_1);
    job->domain_name = g_strdup("web1");
    job->target = g_strdup("vda");
    job->state = state;
    job->status = JOB_STATUS_RUNNING;
    job->bandwidth_bps = G_MAXUINT64;
    job->current = 5;
    job->end = 10;
    job->start_time_us = 77;
    store_batch_put_job(batch, job);
}

static void
append_event(StoreBatch *batch, const char *disk)
{
    g_autoptr(Event) event = event_new(EVENT_BLOCK_JOB_2, "web1", UUID_1, 42);

    event->disk = g_strdup(disk);
    event->job_type = JOB_TYPE_PULL;
    event->outcome = JOB_OUTCOME_FAILED;
    event->message = g_strdup("no luck");
    store_batch_append_event(batch, event);
}

static char *
in_room(Fixture *fixture, const char *file)
{
    return g_build_filename(fixture->room, file, NULL);
}

static gboolean
is_there(Fixture *fixture, const char *file)
{
    g_autofree char *path = in_room(fixture, file);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

static void
assert_only_title(Fixture *fixture, const char *title)
{
    g_autoptr(StoreContents) contents = load(fixture);

    assert_int_equal(contents->domains->len, 1);
    assert_non_null(strstr(((StoredDomain *)contents->domains->pdata[0])->xml, title));
}

static void
an_empty_store_is_loaded_as_empty(void **state)
{
    g_autoptr(StoreContents) contents = load(*state);

    assert_int_equal(contents->domains->len, 0);
    assert_int_equal(contents->snapshots->len, 0);
    assert_int_equal(contents->jobs->len, 0);
    assert_int_equal(contents->monitors->len, 0);
    assert_int_equal(contents->last_job_number, 0);
}

static void
domains_come_back_as_they_were_given(void **state)
{
    g_autofree char *xml = domain_document(UUID_1, "web1", "first & best");
    g_autoptr(StoreContents) contents = NULL;
    StoredDomain *domain;

    define(*state, UUID_1, "web1", "first & best");
    reopen(*state);
    contents = load(*state);
    assert_int_equal(contents->domains->len, 1);
    domain = contents->domains->pdata[0];
    assert_string_equal(domain->uuid, UUID_1);
    assert_string_equal(domain->name, "web1");
    assert_string_equal(domain->xml, xml);
    assert_true(is_there(*state, "domains/web1.xml"));
}

static void
snapshots_come_back_parents_first(void **state)
{
    static const char *const names[] = {"z-root", "m-child", "a-grandchild"};
    g_autoptr(StoreContents) contents = NULL;
    g_autoptr(GPtrArray) events = NULL;
    StoreBatch *batch = store_batch_new();

    put_domain(batch, UUID_1, "web1", "t");
    put_snapshot(batch, "a-grandchild", "m-child", TRUE);
    put_snapshot(batch, "m-child", "z-root", FALSE);
    put_snapshot(batch, "z-root", "", FALSE);
    events = commit(*state, batch);
    reopen(*state);
    contents = load(*state);
    assert_int_equal(contents->snapshots->len, 3);
    for (guint i = 0; i < 3; i++) {
        StoredSnapshot *snapshot = contents->snapshots->pdata[i];

        assert_string_equal(snapshot->name, names[i]);
        assert_string_equal(snapshot->domain_uuid, UUID_1);
        assert_int_equal(snapshot->is_current, i == 2);
    }
}

static void
monitors_and_live_jobs_come_back(void **state)
{
    StoredMonitor monitor = {
        (char *)"pull-vda-17", (char *)"/run/m.sock", (char *)"a chain", .keeps_relative = TRUE};
    g_autoptr(StoreContents) contents = NULL;
    g_autoptr(GPtrArray) events = NULL;
    StoreBatch *batch = store_batch_new();
    Job *job;

    store_batch_put_monitor(batch, &monitor);
    put_job(batch, "pull-vda-16", JOB_STATE_COMPLETED);
    put_job(batch, "pull-vda-17", JOB_STATE_PAUSED);
    events = commit(*state, batch);
    reopen(*state);
    contents = load(*state);
    assert_int_equal(contents->monitors->len, 1);
    assert_string_equal(((StoredMonitor *)contents->monitors->pdata[0])->job_id, "pull-vda-17");
    assert_string_equal(((StoredMonitor *)contents->monitors->pdata[0])->chain, "a chain");
    assert_true(((StoredMonitor *)contents->monitors->pdata[0])->keeps_relative);
    assert_int_equal(contents->jobs->len, 1);
    job = contents->jobs->pdata[0];
    assert_string_equal(job->id, "pull-vda-17");
    assert_int_equal(job->state, JOB_STATE_PAUSED);
    assert_int_equal(job->status, JOB_STATUS_RUNNING);
    assert_true(job->bandwidth_bps == G_MAXUINT64);
    assert_int_equal(job->start_time_us, 77);
    assert_null(job->base_path);
    assert_int_equal(contents->last_job_number, 17);
}

static void
a_removed_monitor_is_gone(void **state)
{
    StoredMonitor monitor = {(char *)"pull-vda-17", (char *)"/run/m.sock", (char *)"a chain"};
    g_autoptr(StoreContents) contents = NULL;
    g_autoptr(GPtrArray) events = NULL;
    g_autoptr(GPtrArray) more = NULL;
    StoreBatch *batch = store_batch_new();

    store_batch_put_monitor(batch, &monitor);
    events = commit(*state, batch);
    batch = store_batch_new();
    store_batch_delete_monitor(batch, "pull-vda-17");
    more = commit(*state, batch);
    reopen(*state);
    contents = load(*state);
    assert_int_equal(contents->monitors->len, 0);
}

static void
ended_jobs_are_listed_newest_first(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GPtrArray) events = NULL;
    g_autoptr(GPtrArray) jobs = NULL;
    StoreBatch *batch = store_batch_new();

    put_job(batch, "pull-vda-1", JOB_STATE_RUNNING);
    put_job(batch, "pull-vda-2", JOB_STATE_FAILED);
    put_job(batch, "pull-vda-3", JOB_STATE_RUNNING);
    put_job(batch, "pull-vda-1", JOB_STATE_CANCELLED);
    put_job(batch, "pull-vda-4", JOB_STATE_COMPLETED);
    events = commit(fixture, batch);
    store_list_ended_jobs_async(fixture->store, 2, on_done, &result);
    wait_for(&result);
    jobs = store_list_ended_jobs_finish(fixture->store, result, NULL);
    assert_int_equal(jobs->len, 2);
    assert_string_equal(((Job *)jobs->pdata[0])->id, "pull-vda-4");
    assert_string_equal(((Job *)jobs->pdata[1])->id, "pull-vda-2");
}

static void
events_are_numbered_without_gaps_for_ever(void **state)
{
    for (guint i = 1; i <= 6; i += 2) {
        StoreBatch *batch = store_batch_new();
        g_autoptr(GPtrArray) events = NULL;

        append_event(batch, "vda");
        append_event(batch, "vdb");
        events = commit(*state, batch);
        assert_int_equal(events->len, 2);
        assert_int_equal(((Event *)events->pdata[0])->sequence, i);
        assert_int_equal(((Event *)events->pdata[1])->sequence, i + 1);
        reopen(*state);
    }
}

static void
events_after_a_number_are_listed_in_order(void **state)
{
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) committed = NULL;
    g_autoptr(GPtrArray) events = NULL;
    g_autoptr(GPtrArray) none = NULL;
    Event *event;

    for (guint i = 0; i < 5; i++)
        append_event(batch, "vda");
    committed = commit(*state, batch);
    events = list_events(*state, 2, 2);
    assert_int_equal(events->len, 2);
    event = events->pdata[0];
    assert_int_equal(event->sequence, 3);
    assert_int_equal(event->time_us, 42);
    assert_int_equal(event->kind, EVENT_BLOCK_JOB_2);
    assert_string_equal(event->disk, "vda");
    assert_int_equal(event->outcome, JOB_OUTCOME_FAILED);
    assert_string_equal(event->message, "no luck");
    assert_null(event->job_id);
    assert_int_equal(((Event *)events->pdata[1])->sequence, 4);
    none = list_events(*state, G_MAXUINT64, 1000);
    assert_int_equal(none->len, 0);
}

static void
the_last_number_is_known_after_loading(void **state)
{
    Fixture *fixture = *state;
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) events = NULL;
    g_autoptr(StoreContents) contents = NULL;

    append_event(batch, "vda");
    append_event(batch, "vda");
    events = commit(fixture, batch);
    reopen(fixture);
    contents = load(fixture);
    assert_int_equal(daemon_store_get_last_sequence(VB_DAEMON_STORE(fixture->store)), 2);
}

static void
what_was_never_recorded_is_thrown_away(void **state)
{
    g_autofree char *leftover = in_room(*state, "domains/.new-abcdef");

    define(*state, UUID_1, "web1", "old");
    assert_true(g_file_set_contents(leftover, "half a docu", -1, NULL));
    reopen(*state);
    assert_only_title(*state, "old");
    assert_false(is_there(*state, "domains/.new-abcdef"));
}

/* Killed after the transaction, before the rename. */
static void
what_was_recorded_is_finished_after_a_crash(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *path = in_room(fixture, "journal.db");
    g_autofree char *xml = domain_document(UUID_1, "web1", "new");
    g_autoptr(Journal) journal = NULL;
    g_autoptr(StoreBatch) batch = store_batch_new();
    g_autoptr(GPtrArray) changes = g_ptr_array_new_with_free_func((GDestroyNotify)file_change_free);

    define(fixture, UUID_1, "web1", "old");
    define(fixture, UUID_2, "web2", "to be removed");
    reopen(fixture);
    journal = journal_open(path, NULL);
    g_ptr_array_add(changes, file_change_stage(fixture->room, "domains/web1.xml", xml, NULL));
    g_ptr_array_add(changes, file_change_new(NULL, "domains/web2.xml"));
    assert_true(journal_commit(journal, batch, changes, NULL));
    g_clear_pointer(&journal, journal_free);
    assert_only_title(fixture, "new");

    reopen(fixture);
    define(fixture, UUID_2, "web2", "again");
    reopen(fixture);
    assert_true(is_there(fixture, "domains/web2.xml"));
}

static void
a_removed_domain_takes_its_snapshots_along(void **state)
{
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) events = NULL;
    g_autoptr(GPtrArray) more = NULL;
    g_autoptr(StoreContents) contents = NULL;

    put_domain(batch, UUID_1, "web1", "t");
    put_snapshot(batch, "s1", "", TRUE);
    events = commit(*state, batch);
    define(*state, UUID_2, "web2", "stays");
    assert_true(is_there(*state, "snapshots/web1/s1.xml"));

    batch = store_batch_new();
    store_batch_delete_domain(batch, UUID_1);
    more = commit(*state, batch);
    assert_false(is_there(*state, "snapshots/web1"));
    assert_false(is_there(*state, "domains/web1.xml"));
    reopen(*state);
    contents = load(*state);
    assert_int_equal(contents->domains->len, 1);
    assert_int_equal(contents->snapshots->len, 0);
}

static void
a_removed_snapshot_is_gone(void **state)
{
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) events = NULL;
    g_autoptr(GPtrArray) more = NULL;
    g_autoptr(StoreContents) contents = NULL;

    put_domain(batch, UUID_1, "web1", "t");
    put_snapshot(batch, "s1", "", FALSE);
    put_snapshot(batch, "s2", "s1", TRUE);
    events = commit(*state, batch);
    batch = store_batch_new();
    store_batch_delete_snapshot(batch, UUID_1, "s2");
    put_snapshot(batch, "s1", "", TRUE);
    more = commit(*state, batch);
    reopen(*state);
    contents = load(*state);
    assert_int_equal(contents->snapshots->len, 1);
    assert_true(((StoredSnapshot *)contents->snapshots->pdata[0])->is_current);
}

static void
odd_names_stay_in_their_folder(void **state)
{
    static const char *const names[] = {"..%2f", ".hidden", "two words", "\xc3\xbc"};
    g_autoptr(StoreContents) contents = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *uuid = g_strdup_printf("00000000-0000-0000-0000-00000000000%u", i);

        define(*state, uuid, names[i], "t");
    }
    reopen(*state);
    contents = load(*state);
    assert_int_equal(contents->domains->len, G_N_ELEMENTS(names));
    assert_true(is_there(*state, "domains/%2E.%252f.xml"));
}

static void
a_damaged_document_is_named_and_the_rest_loads(void **state)
{
    g_autofree char *path = in_room(*state, "domains/broken.xml");
    StoreBatch *batch = store_batch_new();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    define(*state, UUID_1, "web1", "sound");
    assert_true(g_file_set_contents(path, "<domain><name>broken", -1, NULL));
    reopen(*state);
    g_test_expect_message("virtblockd", G_LOG_LEVEL_WARNING, "*domains/broken.xml*");
    assert_only_title(*state, "sound");

    put_domain(batch, UUID_2, "broken", "t");
    assert_null(try_commit(*state, batch, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_DOMAIN_EXISTS));
    assert_non_null(strstr(error->message, path));
    assert_true(g_file_get_contents(path, &text, NULL, NULL));
    assert_string_equal(text, "<domain><name>broken");
}

static void
a_document_under_another_name_is_reported(void **state)
{
    g_autofree char *from = in_room(*state, "domains/web1.xml");
    g_autofree char *to = in_room(*state, "domains/web2.xml");
    g_autofree char *text = NULL;

    define(*state, UUID_1, "web1", "sound");
    assert_true(g_file_get_contents(from, &text, NULL, NULL));
    assert_true(g_file_set_contents(to, text, -1, NULL));
    reopen(*state);
    g_test_expect_message("virtblockd", G_LOG_LEVEL_WARNING, "*domains/web2.xml*'web1'*");
    assert_only_title(*state, "sound");
}

static void
a_damaged_journal_is_set_aside(void **state)
{
    static const char rubbish[] = "this is no database, this is no database, this is no database";
    g_autofree char *path = in_room(*state, "journal.db");
    g_autofree char *aside = in_room(*state, "journal.db.damaged-1");
    g_autofree char *text = NULL;
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) before = NULL;
    g_autoptr(GPtrArray) after = NULL;
    g_autoptr(StoreContents) contents = NULL;

    append_event(batch, "vda");
    put_domain(batch, UUID_1, "web1", "sound");
    before = commit(*state, batch);
    reopen(*state);
    assert_true(g_file_set_contents(path, rubbish, sizeof(rubbish), NULL));
    g_test_expect_message("virtblockd", G_LOG_LEVEL_WARNING, "*damaged*journal.db.damaged-1*");
    assert_only_title(*state, "sound");
    assert_true(g_file_get_contents(aside, &text, NULL, NULL));
    assert_string_equal(text, rubbish);

    batch = store_batch_new();
    append_event(batch, "vda");
    append_event(batch, "vda");
    after = commit(*state, batch);
    assert_true(((Event *)after->pdata[0])->sequence > ((Event *)before->pdata[0])->sequence);
    assert_true(((Event *)after->pdata[1])->sequence == ((Event *)after->pdata[0])->sequence + 1);
    contents = load(*state);
    assert_true(contents->last_job_number > 1000000);
}

/* A page in the middle, with a sound header. */
static void
a_journal_damaged_within_is_set_aside(void **state)
{
    g_autofree char *path = in_room(*state, "journal.db");
    g_autofree char *text = NULL;
    gsize size = 0;
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) events = NULL;

    put_domain(batch, UUID_1, "web1", "sound");
    for (guint i = 0; i < 500; i++)
        append_event(batch, "vda");
    events = commit(*state, batch);
    reopen(*state);
    assert_true(g_file_get_contents(path, &text, &size, NULL));
    assert_true(size > 40000);
    memset(text + size / 2, 0xa5, 8192);
    assert_true(g_file_set_contents(path, text, (gssize)size, NULL));
    g_test_expect_message("virtblockd", G_LOG_LEVEL_WARNING, "*damaged*");
    assert_only_title(*state, "sound");
}

static void
a_journal_of_a_later_version_is_refused_and_kept(void **state)
{
    g_autofree char *path = in_room(*state, "journal.db");
    g_autofree char *text = NULL;
    gsize size = 0;
    g_autoptr(GError) error = NULL;

    define(*state, UUID_1, "web1", "sound");
    reopen(*state);
    assert_true(g_file_get_contents(path, &text, &size, NULL));
    text[63] = 99; /* user_version, big endian, at 60 */
    assert_true(g_file_set_contents(path, text, (gssize)size, NULL));
    assert_null(try_load(*state, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_CONFIG_UNSUPPORTED));
    assert_true(is_there(*state, "journal.db"));
    assert_false(is_there(*state, "journal.db.damaged-1"));
}

static void
a_refused_batch_changes_nothing(void **state)
{
    StoreBatch *batch = store_batch_new();
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = NULL;
    g_auto(GStrv) names = NULL;
    g_autofree char *domains = in_room(*state, "domains");

    define(*state, UUID_1, "web1", "old");
    append_event(batch, "vda");
    put_domain(batch, UUID_1, "web1", "new");
    put_domain(batch, UUID_1, "renamed", "new");
    assert_null(try_commit(*state, batch, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_OPERATION_INVALID));
    names = room_list(domains);
    assert_int_equal(g_strv_length(names), 1);
    events = list_events(*state, 0, 10);
    assert_int_equal(events->len, 0);
    reopen(*state);
    assert_only_title(*state, "old");
}

static void
a_document_too_large_to_be_loaded_is_refused(void **state)
{
    g_autofree char *large = g_strnfill(XML_MAX_STORED_SIZE, 'x');
    StoreBatch *batch = store_batch_new();
    g_autoptr(GError) error = NULL;

    put_domain(batch, UUID_1, "web1", large);
    assert_null(try_commit(*state, batch, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_LIMIT));
}

static void
everything_is_for_us_alone(void **state)
{
    static const char *const files[] = {
        "journal.db", "journal.db-wal", "domains/web1.xml", "snapshots/web1/s1.xml"};
    static const char *const folders[] = {"domains", "snapshots", "snapshots/web1"};
    StoreBatch *batch = store_batch_new();
    g_autoptr(GPtrArray) events = NULL;
    mode_t mask = umask(0);

    put_domain(batch, UUID_1, "web1", "t");
    put_snapshot(batch, "s1", "", TRUE);
    events = commit(*state, batch);
    umask(mask);
    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *path = in_room(*state, files[i]);

        assert_int_equal(room_mode(path), 0600);
    }
    for (guint i = 0; i < G_N_ELEMENTS(folders); i++) {
        g_autofree char *path = in_room(*state, folders[i]);

        assert_int_equal(room_mode(path), 0700);
    }
}

/* Fills the disk with documents; the one that does not fit must not harm those that did. */
static void
a_full_disk_is_an_error_that_names_the_file(void **state)
{
    Fixture *fixture = *state;
    g_autofree char *small = in_room(fixture, "small");
    g_autofree char *filling = g_strnfill(60 * 1000, 'x');
    g_autoptr(StoreContents) contents = NULL;
    g_autoptr(GError) error = NULL;
    guint kept = 0;

    assert_int_equal(g_mkdir(small, 0700), 0);
    if (mount("none", small, "tmpfs", 0, "size=1m,mode=0700") < 0)
        skip();

    close_store(fixture);
    fixture->store = VB_STORE(daemon_store_new(small));
    while (error == NULL && kept < 100) {
        StoreBatch *batch = store_batch_new();
        g_autofree char *uuid = g_strdup_printf("00000000-0000-0000-0000-%012u", kept);
        g_autofree char *name = g_strdup_printf("web%u", kept);
        g_autoptr(GPtrArray) events = NULL;

        append_event(batch, "vda");
        put_domain(batch, uuid, name, filling);
        events = try_commit(fixture, batch, &error);
        kept += events != NULL ? 1 : 0;
    }
    close_store(fixture);
    fixture->store = VB_STORE(daemon_store_new(small));
    contents = try_load(fixture, NULL);
    close_store(fixture);
    assert_int_equal(umount2(small, MNT_DETACH), 0);

    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_NO_SPACE));
    assert_non_null(strstr(error->message, small));
    assert_non_null(contents);
    assert_in_range(kept, 5, 20);
    assert_int_equal(contents->domains->len, kept);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(an_empty_store_is_loaded_as_empty),
        TEST(domains_come_back_as_they_were_given),
        TEST(snapshots_come_back_parents_first),
        TEST(monitors_and_live_jobs_come_back),
        TEST(a_removed_monitor_is_gone),
        TEST(ended_jobs_are_listed_newest_first),
        TEST(events_are_numbered_without_gaps_for_ever),
        TEST(events_after_a_number_are_listed_in_order),
        TEST(the_last_number_is_known_after_loading),
        TEST(what_was_never_recorded_is_thrown_away),
        TEST(what_was_recorded_is_finished_after_a_crash),
        TEST(a_removed_domain_takes_its_snapshots_along),
        TEST(a_removed_snapshot_is_gone),
        TEST(odd_names_stay_in_their_folder),
        TEST(a_damaged_document_is_named_and_the_rest_loads),
        TEST(a_document_under_another_name_is_reported),
        TEST(a_damaged_journal_is_set_aside),
        TEST(a_journal_damaged_within_is_set_aside),
        TEST(a_journal_of_a_later_version_is_refused_and_kept),
        TEST(a_refused_batch_changes_nothing),
        TEST(a_document_too_large_to_be_loaded_is_refused),
        TEST(everything_is_for_us_alone),
        TEST(a_full_disk_is_an_error_that_names_the_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
