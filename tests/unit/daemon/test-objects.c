/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Exported objects */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "daemon/exporter.h"
#include "daemon/gate.h"
#include "daemon/job-object.h"
#include "daemon/manager-object.h"
#include "daemon/object-path.h"
#include "daemon/registry.h"
#include "daemon/store.h"
#include "room.h"
#include "wire.h"

#define UUID        "11111111-2222-3333-4444-555555555555"
#define DOMAIN_PATH "/org/virtblock1/domains/11111111_2222_3333_4444_555555555555"
#define MANAGER     "org.virtblock1.Manager"
#define PROPERTIES  "org.freedesktop.DBus.Properties"
#define OBJECTS     "org.freedesktop.DBus.ObjectManager"

/* A real driver over a real store, with a shim that does not exist: nothing here needs images. */
typedef struct {
    char *room;
    DaemonStore *store;
    Driver *driver;
    Exporter *exporter;
    Registry *registry;
    Wire *wires[2];
} Fixture;

static const char domain_xml[] = "<domain type='kvm'><name>web1</name><uuid>" UUID "</uuid>"
                                 "<memory unit='KiB'>4096</memory><vcpu>3</vcpu>"
                                 "<os><type>hvm</type></os><devices>"
                                 "<disk type='file' device='disk'><driver type='qcow2'/>"
                                 "<source file='/nowhere/a.qcow2'/><target dev='vda'/></disk>"
                                 "</devices></domain>";

static void
on_started(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GError) error = NULL;

    driver_start_finish(VB_DRIVER(source), result, &error);
    g_assert_no_error(error);
    *(gboolean *)user_data = TRUE;
}

static int
set_up(void **state)
{
    Fixture *fixture = g_new0(Fixture, 1);
    gboolean is_started = FALSE;
    DriverConfig config = {NULL, "/nowhere/qemu-shim", 1000};

    fixture->room = room_new();
    config.runtime_dir = fixture->room;
    fixture->store = daemon_store_new(fixture->room);
    fixture->driver = driver_new(VB_STORE(fixture->store), &config);
    fixture->exporter = exporter_new();
    fixture->registry = registry_new(fixture->driver, fixture->exporter);
    exporter_add(fixture->exporter,
                 OBJECT_PATH_ROOT,
                 G_DBUS_INTERFACE_SKELETON(manager_object_new(fixture->driver, fixture->store)));
    driver_start_async(fixture->driver, on_started, &is_started);
    wire_wait(&is_started);
    for (guint i = 0; i < G_N_ELEMENTS(fixture->wires); i++) {
        fixture->wires[i] = wire_new();
        assert_true(exporter_add_connection(fixture->exporter, fixture->wires[i]->server, NULL));
        wire_start(fixture->wires[i]);
    }
    *state = fixture;
    return 0;
}

static int
tear_down(void **state)
{
    Fixture *fixture = *state;

    for (guint i = 0; i < G_N_ELEMENTS(fixture->wires); i++) {
        exporter_remove_connection(fixture->exporter, fixture->wires[i]->server);
        wire_free(fixture->wires[i]);
    }
    registry_free(fixture->registry);
    g_object_unref(fixture->exporter);
    g_object_unref(fixture->driver);
    daemon_store_close(fixture->store);
    g_object_unref(fixture->store);
    room_free(fixture->room);
    g_free(fixture);
    return 0;
}

static GVariant *
call(Fixture *fixture,
     guint wire,
     const char *path,
     const char *interface,
     const char *method,
     GVariant *parameters)
{
    g_autoptr(GError) error = NULL;
    GVariant *reply = wire_call(
        fixture->wires[wire]->client, path, interface, method, parameters, &error);

    g_assert_no_error(error);
    return reply;
}

static void
assert_refused(Fixture *fixture,
               const char *path,
               const char *interface,
               const char *method,
               GVariant *parameters,
               VblkError code,
               const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant)
        reply = wire_call(fixture->wires[0]->client, path, interface, method, parameters, &error);

    assert_null(reply);
    assert_true(g_error_matches(error, VBLK_ERROR, (int)code));
    assert_non_null(strstr(error->message, words));
}

static void
define(Fixture *fixture)
{
    g_autoptr(GVariant) reply = call(
        fixture, 0, OBJECT_PATH_ROOT, MANAGER, "DefineXML", g_variant_new("(su)", domain_xml, 0));
    const char *path;

    g_variant_get(reply, "(&o)", &path);
    assert_string_equal(path, DOMAIN_PATH);
}

/* As many as there are objects below the root. */
static gsize
count_objects(Fixture *fixture, guint wire)
{
    g_autoptr(GVariant)
        reply = call(fixture, wire, OBJECT_PATH_ROOT, OBJECTS, "GetManagedObjects", NULL);
    g_autoptr(GVariant) objects = g_variant_get_child_value(reply, 0);

    return g_variant_n_children(objects);
}

static GVariant *
get(Fixture *fixture, guint wire, const char *path, const char *interface, const char *property)
{
    g_autoptr(GVariant) reply = call(
        fixture, wire, path, PROPERTIES, "Get", g_variant_new("(ss)", interface, property));
    GVariant *value;

    g_variant_get(reply, "(v)", &value);
    return value;
}

static void
a_definition_is_seen_by_every_client(void **state)
{
    assert_int_equal(count_objects(*state, 0), 0);
    define(*state);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(GVariant) name = get(*state, i, DOMAIN_PATH, "org.virtblock1.Domain", "Name");
        g_autoptr(GVariant) vcpus = get(*state, i, DOMAIN_PATH, "org.virtblock1.Domain", "VCPUs");
        g_autoptr(GVariant)
            source = get(*state, i, DOMAIN_PATH "/disks/vda", "org.virtblock1.Disk", "Source");

        assert_int_equal(count_objects(*state, i), 2);
        assert_string_equal(g_variant_get_string(name, NULL), "web1");
        assert_int_equal(g_variant_get_uint32(vcpus), 3);
        assert_string_equal(g_variant_get_string(source, NULL), "/nowhere/a.qcow2");
    }
}

static void
a_client_that_comes_later_sees_everything_at_once(void **state)
{
    Fixture *fixture = *state;

    define(fixture);
    exporter_remove_connection(fixture->exporter, fixture->wires[1]->server);
    wire_free(fixture->wires[1]);
    fixture->wires[1] = wire_new();
    assert_true(exporter_add_connection(fixture->exporter, fixture->wires[1]->server, NULL));
    wire_start(fixture->wires[1]);
    assert_int_equal(count_objects(fixture, 1), 2);
}

typedef struct {
    GPtrArray *lines; /* what was told, in order */
    gboolean is_done;
} Record;

static void
on_signal(GDBusConnection *connection,
          const char *sender,
          const char *path,
          const char *interface,
          const char *signal,
          GVariant *parameters,
          gpointer user_data)
{
    Record *record = user_data;
    g_autofree char *text = g_variant_print(parameters, FALSE);

    g_ptr_array_add(record->lines, g_strdup_printf("%s %s", signal, text));
    if (g_str_equal(signal, "Event") && strstr(text, "'event': <1>") != NULL)
        record->is_done = TRUE;
}

static void
the_other_client_hears_all_in_order(void **state)
{
    static const char *const expected[] = {
        "InterfacesAdded ('" DOMAIN_PATH "'",
        "InterfacesAdded ('" DOMAIN_PATH "/disks/vda'",
        "Event (1,",
        "InterfacesRemoved ('" DOMAIN_PATH "/disks/vda'",
        "InterfacesRemoved ('" DOMAIN_PATH "'",
        "Event (2,",
    };
    Fixture *fixture = *state;
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    Record record = {lines, FALSE};
    guint id = g_dbus_connection_signal_subscribe(fixture->wires[1]->client,
                                                  NULL,
                                                  NULL,
                                                  NULL,
                                                  OBJECT_PATH_ROOT,
                                                  NULL,
                                                  G_DBUS_SIGNAL_FLAGS_NONE,
                                                  on_signal,
                                                  &record,
                                                  NULL);
    g_autoptr(GVariant) reply = NULL;
    guint n = 0;

    define(fixture);
    reply = call(
        fixture, 0, DOMAIN_PATH, "org.virtblock1.Domain", "Undefine", g_variant_new("(u)", 0));
    wire_wait(&record.is_done);
    g_dbus_connection_signal_unsubscribe(fixture->wires[1]->client, id);

    for (guint i = 0; i < lines->len; i++) {
        if (g_str_has_prefix(lines->pdata[i], "PropertiesChanged"))
            continue;
        assert_in_range(n, 0, G_N_ELEMENTS(expected) - 1);
        assert_true(g_str_has_prefix(lines->pdata[i], expected[n]));
        n++;
    }
    assert_int_equal(n, G_N_ELEMENTS(expected));
    assert_int_equal(count_objects(fixture, 1), 0);
}

static void
events_are_listed_as_they_were_told(void **state)
{
    g_autoptr(GVariant) reply = NULL;
    g_autoptr(GVariant) events = NULL;
    g_autoptr(GVariant) details = NULL;
    g_autoptr(GVariant) last = NULL;
    guint64 sequence;
    const char *name;
    const char *kind;
    int lifecycle = -1;

    define(*state);
    reply = call(*state, 1, OBJECT_PATH_ROOT, MANAGER, "ListEvents", g_variant_new("(tu)", 0, 10));
    events = g_variant_get_child_value(reply, 0);
    assert_int_equal(g_variant_n_children(events), 1);
    g_variant_get_child(
        events, 0, "(tt&ss&s@a{sv})", &sequence, NULL, &name, NULL, &kind, &details);
    assert_int_equal(sequence, 1);
    assert_string_equal(name, "web1");
    assert_string_equal(kind, "lifecycle");
    assert_true(g_variant_lookup(details, "event", "i", &lifecycle));
    assert_int_equal(lifecycle, LIFECYCLE_DEFINED);
    last = get(*state, 0, OBJECT_PATH_ROOT, MANAGER, "LastEvent");
    assert_int_equal(g_variant_get_uint64(last), 1);
}

static void
bad_arguments_are_refused_with_words(void **state)
{
    const char *domain = "org.virtblock1.Domain";
    GVariantDict options = G_VARIANT_DICT_INIT(NULL);

    define(*state);
    g_variant_dict_insert(&options, "size", "t", (guint64)1);
    assert_refused(*state,
                   OBJECT_PATH_ROOT,
                   MANAGER,
                   "DefineImage",
                   g_variant_new("(ss@a{sv})", "a", "/b", g_variant_dict_end(&options)),
                   VBLK_ERROR_INVALID_ARGUMENT,
                   "'size'");
    assert_refused(*state,
                   OBJECT_PATH_ROOT,
                   MANAGER,
                   "ListEvents",
                   g_variant_new("(tu)", 0, 1001),
                   VBLK_ERROR_INVALID_ARGUMENT,
                   "'1001'");
    assert_refused(*state,
                   OBJECT_PATH_ROOT,
                   MANAGER,
                   "LookupDomain",
                   g_variant_new("(s)", "nope"),
                   VBLK_ERROR_NO_DOMAIN,
                   "'nope'");
    assert_refused(*state,
                   OBJECT_PATH_ROOT,
                   MANAGER,
                   "DefineXML",
                   g_variant_new("(su)", "<domain", 0),
                   VBLK_ERROR_XML,
                   "line 1");
    assert_refused(*state,
                   DOMAIN_PATH,
                   domain,
                   "BlockPull",
                   g_variant_new("(stu)", "vda", (guint64)8796093022208, 0),
                   VBLK_ERROR_INVALID_ARGUMENT,
                   "8796093022207");
    assert_refused(*state,
                   DOMAIN_PATH,
                   domain,
                   "BlockRebase",
                   g_variant_new("(sstu)", "vda", "", (guint64)0, 8),
                   VBLK_ERROR_INVALID_ARGUMENT,
                   "0x8");
    assert_refused(*state,
                   DOMAIN_PATH,
                   domain,
                   "BlockInfo",
                   g_variant_new("(su)", "vdz", 0),
                   VBLK_ERROR_INVALID_ARGUMENT,
                   "'vdz'");
    assert_refused(*state,
                   DOMAIN_PATH,
                   domain,
                   "SnapshotCreateXML",
                   g_variant_new("(su)", "<domainsnapshot/>", 0),
                   VBLK_ERROR_OPERATION_UNSUPPORTED,
                   "'16'");
    assert_refused(*state,
                   DOMAIN_PATH,
                   domain,
                   "LookupSnapshot",
                   g_variant_new("(s)", "s1"),
                   VBLK_ERROR_NO_SNAPSHOT,
                   "'s1'");
}

static void
on_counted(GObject *source, GAsyncResult *result, gpointer user_data)
{
    guint *counts = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant)
        reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &error);

    counts[reply != NULL ? 0 : 1]++;
    if (reply == NULL)
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_LIMIT));
}

static void
a_flood_of_calls_is_answered_and_leaves_no_count(void **state)
{
    Fixture *fixture = *state;
    guint counts[2] = {0, 0};

    for (guint i = 0; i < 2000; i++)
        g_dbus_connection_call(fixture->wires[0]->client,
                               NULL,
                               OBJECT_PATH_ROOT,
                               MANAGER,
                               "ListEvents",
                               g_variant_new("(tu)", (guint64)0, 1),
                               NULL,
                               G_DBUS_CALL_FLAGS_NONE,
                               -1,
                               NULL,
                               on_counted,
                               counts);
    while (counts[0] + counts[1] < 2000)
        g_main_context_iteration(NULL, TRUE);
    assert_true(counts[0] > 0);
    while (gate_count_calls() > 0)
        g_main_context_iteration(NULL, TRUE);
}

static void
on_changed(GDBusConnection *connection,
           const char *sender,
           const char *path,
           const char *interface,
           const char *signal,
           GVariant *parameters,
           gpointer user_data)
{
    (*(guint *)user_data)++;
}

/* A thousand steps in no time, then another state. */
static void
progress_is_told_now_and_then_and_states_at_once(void **state)
{
    Fixture *fixture = *state;
    g_autoptr(Job) job = job_new(JOB_TYPE_PULL, "pull-vda-1");
    g_autoptr(GVariant) value = NULL;
    JobObject *object;
    guint n_changes = 0;
    guint id;

    job->domain_uuid = g_strdup(UUID);
    job->domain_name = g_strdup("web1");
    job->target = g_strdup("vda");
    job->state = JOB_STATE_RUNNING;
    job->end = 1000;
    object = job_object_new(fixture->driver, NULL, job);
    exporter_add(fixture->exporter, "/org/virtblock1/jobs/x", G_DBUS_INTERFACE_SKELETON(object));
    id = g_dbus_connection_signal_subscribe(fixture->wires[0]->client,
                                            NULL,
                                            PROPERTIES,
                                            "PropertiesChanged",
                                            "/org/virtblock1/jobs/x",
                                            NULL,
                                            G_DBUS_SIGNAL_FLAGS_NONE,
                                            on_changed,
                                            &n_changes,
                                            NULL);
    for (guint i = 1; i <= 1000; i++) {
        job->current = i;
        job_object_update(object, job);
        g_main_context_iteration(NULL, FALSE);
    }
    job->state = JOB_STATE_PAUSED;
    job_object_update(object, job);
    value = get(fixture, 0, "/org/virtblock1/jobs/x", "org.virtblock1.BlockJob", "Current");
    assert_int_equal(g_variant_get_uint64(value), 1000);
    assert_in_range(n_changes, 0, 10);
    g_dbus_connection_signal_unsubscribe(fixture->wires[0]->client, id);
    exporter_remove(fixture->exporter, "/org/virtblock1/jobs/x");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(a_definition_is_seen_by_every_client),
        TEST(a_client_that_comes_later_sees_everything_at_once),
        TEST(the_other_client_hears_all_in_order),
        TEST(events_are_listed_as_they_were_told),
        TEST(bad_arguments_are_refused_with_words),
        TEST(a_flood_of_calls_is_answered_and_leaves_no_count),
        TEST(progress_is_told_now_and_then_and_states_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
