/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Store */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "driver/store.h"

/* A store that numbers events, or fails, and remembers what it saw. */
#define FAKE_TYPE_STORE (fake_store_get_type())
G_DECLARE_FINAL_TYPE(FakeStore, fake_store, FAKE, STORE, GObject)

struct _FakeStore {
    GObject parent_instance;

    gboolean is_failing;
    guint n_changes;
    guint limit;
};

static void
answer(FakeStore *self, gpointer value, GAsyncReadyCallback callback, gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(self, NULL, callback, user_data);

    if (self->is_failing)
        g_task_return_new_error(task, VBLK_ERROR, VBLK_ERROR_NO_SPACE, "disk is full");
    else
        g_task_return_pointer(task, value, NULL);
}

static gpointer
fake_finish(Store *store, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void
fake_commit_async(Store *store, StoreBatch *batch, GAsyncReadyCallback callback, gpointer user_data)
{
    FakeStore *self = FAKE_STORE(store);

    for (guint i = 0; i < batch->changes->len; i++) {
        StoreChange *change = g_ptr_array_index(batch->changes, i);
        if (change->kind == STORE_APPEND_EVENT)
            change->event->sequence = 100 + i;
    }
    self->n_changes += batch->changes->len;
    answer(self, self, callback, user_data);
}

static gboolean
fake_commit_finish(Store *store, GAsyncResult *result, GError **error)
{
    return fake_finish(store, result, error) != NULL;
}

static void
fake_load_async(Store *store, GAsyncReadyCallback callback, gpointer user_data)
{
    StoreContents *contents = g_new0(StoreContents, 1);

    contents->jobs = g_ptr_array_new_with_free_func((GDestroyNotify)job_free);
    g_ptr_array_add(contents->jobs, job_new(JOB_TYPE_PULL, "pull-vda-9"));
    contents->last_job_number = 9;
    answer(FAKE_STORE(store), contents, callback, user_data);
}

static StoreContents *
fake_load_finish(Store *store, GAsyncResult *result, GError **error)
{
    return fake_finish(store, result, error);
}

static void
fake_list_ended_jobs_async(Store *store,
                           guint limit,
                           GAsyncReadyCallback callback,
                           gpointer user_data)
{
    FakeStore *self = FAKE_STORE(store);

    self->limit = limit;
    answer(self, g_ptr_array_new_with_free_func((GDestroyNotify)job_free), callback, user_data);
}

static GPtrArray *
fake_list_ended_jobs_finish(Store *store, GAsyncResult *result, GError **error)
{
    return fake_finish(store, result, error);
}

static void
fake_store_iface_init(StoreInterface *iface)
{
    iface->commit_async = fake_commit_async;
    iface->commit_finish = fake_commit_finish;
    iface->load_async = fake_load_async;
    iface->load_finish = fake_load_finish;
    iface->list_ended_jobs_async = fake_list_ended_jobs_async;
    iface->list_ended_jobs_finish = fake_list_ended_jobs_finish;
}

G_DEFINE_FINAL_TYPE_WITH_CODE(FakeStore,
                              fake_store,
                              G_TYPE_OBJECT,
                              G_IMPLEMENT_INTERFACE(STORE_TYPE, fake_store_iface_init))

static void
fake_store_class_init(FakeStoreClass *klass)
{
    (void)klass;
}

static void
fake_store_init(FakeStore *self)
{
    (void)self;
}

static void
keep_result(GObject *source, GAsyncResult *result, gpointer user_data)
{
    GAsyncResult **kept = user_data;

    *kept = g_object_ref(result);
}

static GAsyncResult *
wait_for(GAsyncResult **result)
{
    while (!*result)
        g_main_context_iteration(NULL, TRUE);

    return *result;
}

static StoreBatch *
batch_of_everything(void)
{
    StoredSnapshot snapshot = {(char *)"uuid", (char *)"sn1", (char *)"<snapshot/>", TRUE};
    StoredMonitor monitor = {(char *)"pull-vda-1", (char *)"/run/x", (char *)"chain"};
    g_autoptr(Job) job = job_new(JOB_TYPE_PULL, "pull-vda-1");
    g_autoptr(Event) first = event_new(EVENT_LIFECYCLE, "web1", "uuid", 1);
    g_autoptr(Event) second = event_new(EVENT_BLOCK_JOB, "web1", "uuid", 2);
    StoreBatch *batch = store_batch_new();

    store_batch_put_domain(batch, "uuid", "web1", "<domain/>");
    store_batch_put_snapshot(batch, &snapshot);
    store_batch_put_monitor(batch, &monitor);
    store_batch_put_job(batch, job);
    store_batch_append_event(batch, first);
    store_batch_delete_snapshot(batch, "uuid", "sn1");
    store_batch_delete_monitor(batch, "pull-vda-1");
    store_batch_append_event(batch, second);
    store_batch_delete_domain(batch, "uuid");

    return batch;
}

static void
a_batch_keeps_its_changes_in_order_and_by_value(void **state)
{
    static const StoreChangeKind kinds[] = {
        STORE_PUT_DOMAIN,
        STORE_PUT_SNAPSHOT,
        STORE_PUT_MONITOR,
        STORE_PUT_JOB,
        STORE_APPEND_EVENT,
        STORE_DELETE_SNAPSHOT,
        STORE_DELETE_MONITOR,
        STORE_APPEND_EVENT,
        STORE_DELETE_DOMAIN,
    };
    g_autoptr(StoreBatch) batch = batch_of_everything();
    StoreChange *const *changes = (StoreChange *const *)batch->changes->pdata;

    assert_int_equal(batch->changes->len, G_N_ELEMENTS(kinds));
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        assert_int_equal(changes[i]->kind, kinds[i]);
    assert_string_equal(changes[0]->domain->uuid, "uuid");
    assert_string_equal(changes[0]->domain->name, "web1");
    assert_string_equal(changes[0]->domain->xml, "<domain/>");
    assert_string_equal(changes[1]->snapshot->domain_uuid, "uuid");
    assert_string_equal(changes[1]->snapshot->name, "sn1");
    assert_string_equal(changes[1]->snapshot->xml, "<snapshot/>");
    assert_true(changes[1]->snapshot->is_current);
    assert_string_equal(changes[2]->monitor->job_id, "pull-vda-1");
    assert_string_equal(changes[2]->monitor->socket_path, "/run/x");
    assert_string_equal(changes[2]->monitor->chain, "chain");
    assert_string_equal(changes[3]->job->id, "pull-vda-1");
    assert_int_equal(changes[4]->event->time_us, 1);
    assert_string_equal(changes[5]->uuid, "uuid");
    assert_string_equal(changes[5]->name, "sn1");
    assert_string_equal(changes[6]->job_id, "pull-vda-1");
    assert_string_equal(changes[8]->uuid, "uuid");
}

static void
a_commit_returns_the_events_numbered(void **state)
{
    g_autoptr(FakeStore) fake = g_object_new(FAKE_TYPE_STORE, NULL);
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;

    store_commit_async(VB_STORE(fake), batch_of_everything(), keep_result, &result);
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(fake), wait_for(&result), &error);

    assert_null(error);
    assert_int_equal(fake->n_changes, 9);
    assert_int_equal(events->len, 2);
    assert_int_equal(((Event *)g_ptr_array_index(events, 0))->sequence, 104);
    assert_int_equal(((Event *)g_ptr_array_index(events, 1))->sequence, 107);
    assert_int_equal(((Event *)g_ptr_array_index(events, 1))->kind, EVENT_BLOCK_JOB);
}

static void
a_failed_commit_returns_why(void **state)
{
    g_autoptr(FakeStore) fake = g_object_new(FAKE_TYPE_STORE, NULL);
    g_autoptr(GAsyncResult) result = NULL;
    g_autoptr(GError) error = NULL;

    fake->is_failing = TRUE;
    store_commit_async(VB_STORE(fake), batch_of_everything(), keep_result, &result);

    assert_null(store_commit_finish(VB_STORE(fake), wait_for(&result), &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_NO_SPACE));
}

static void
loading_and_listing_reach_the_store(void **state)
{
    g_autoptr(FakeStore) fake = g_object_new(FAKE_TYPE_STORE, NULL);
    g_autoptr(GAsyncResult) loaded = NULL;
    g_autoptr(GAsyncResult) listed = NULL;

    store_load_async(VB_STORE(fake), keep_result, &loaded);
    g_autoptr(StoreContents) contents = store_load_finish(VB_STORE(fake), wait_for(&loaded), NULL);
    store_list_ended_jobs_async(VB_STORE(fake), 12, keep_result, &listed);
    g_autoptr(GPtrArray)
        jobs = store_list_ended_jobs_finish(VB_STORE(fake), wait_for(&listed), NULL);

    assert_int_equal(contents->last_job_number, 9);
    assert_int_equal(contents->jobs->len, 1);
    assert_int_equal(jobs->len, 0);
    assert_int_equal(fake->limit, 12);
}

static void
nothing_may_be_freed(void **state)
{
    store_batch_free(NULL);
    stored_domain_free(NULL);
    stored_snapshot_free(NULL);
    stored_monitor_free(NULL);
    store_contents_free(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_keeps_its_changes_in_order_and_by_value),
        cmocka_unit_test(a_commit_returns_the_events_numbered),
        cmocka_unit_test(a_failed_commit_returns_why),
        cmocka_unit_test(loading_and_listing_reach_the_store),
        cmocka_unit_test(nothing_may_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
