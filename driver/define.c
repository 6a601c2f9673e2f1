/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Definitions */

#include <string.h>

#include "api/vblk-error.h"
#include "driver/driver-private.h"
#include "driver/look.h"
#include "driver/turn.h"

typedef struct {
    Driver *driver; /* borrowed: the task's source */
    Domain *domain; /* what will be; owned */
    Domain *old;    /* redefined; owned, NULL: none */
    guint position; /* of the disk whose chain is read */
} Define;

static void read_next_chain(GTask *task);

static void
define_free(Define *define)
{
    g_ptr_array_remove(define->driver->coming, define->domain);
    if (define->old != NULL)
        define->old->is_changing = FALSE;
    domain_unref(define->domain);
    domain_unref(define->old);
    driver_end_call(define->driver);
    g_free(define);
}

static gboolean refuse(GError **error, VblkError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean
refuse(GError **error, VblkError code, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(VBLK_ERROR, (int)code, format, list));
    va_end(list);
    return FALSE;
}

/* As libvirt: same name and UUID redefines; one without the other is a clash. */
static gboolean
find_old(Driver *driver, DomainXml *xml, Domain **ret_old, GError **error)
{
    const char *name = domain_xml_get_name(xml);
    const char *uuid = domain_xml_get_uuid(xml);
    Domain *same_name = NULL;
    Domain *same_uuid = uuid != NULL ? g_hash_table_lookup(driver->domains, uuid) : NULL;
    GHashTableIter iter;
    gpointer domain;

    g_hash_table_iter_init(&iter, driver->domains);
    while (g_hash_table_iter_next(&iter, NULL, &domain)) {
        if (g_str_equal(((Domain *)domain)->name, name))
            same_name = domain;
    }

    if (same_uuid != NULL && same_uuid != same_name)
        return refuse(error,
                      VBLK_ERROR_DOMAIN_EXISTS,
                      "domain '%s' is already defined with uuid %s",
                      same_uuid->name,
                      uuid);
    if (same_name != NULL && uuid != NULL && same_uuid == NULL)
        return refuse(error,
                      VBLK_ERROR_DOMAIN_EXISTS,
                      "domain '%s' already exists with uuid %s",
                      name,
                      same_name->uuid);
    if (same_name != NULL && !domain_check_free(same_name, error))
        return FALSE;
    if (same_name != NULL && domain_has_job(same_name))
        return refuse(error,
                      VBLK_ERROR_OPERATION_INVALID,
                      "domain '%s' has active block job: it can be redefined when that has ended",
                      name);

    *ret_old = same_name;
    return TRUE;
}

/* Of two calls that define the same domain the later one would not know of the first. */
static gboolean
check_coming(Driver *driver, const Domain *domain, GError **error)
{
    for (guint i = 0; i < driver->coming->len; i++) {
        const Domain *other = g_ptr_array_index(driver->coming, i);

        if (g_str_equal(other->name, domain->name) || g_str_equal(other->uuid, domain->uuid))
            return refuse(error,
                          VBLK_ERROR_OPERATION_INVALID,
                          "domain '%s' is being defined by another call: try again",
                          other->name);
    }

    return TRUE;
}

static void
ensure_uuid(DomainXml *xml, const Domain *old)
{
    g_autofree char *uuid = g_uuid_string_random();

    if (domain_xml_get_uuid(xml) == NULL)
        domain_xml_set_uuid(xml, old != NULL ? old->uuid : uuid);
}

static void
install(Define *define)
{
    if (define->old == NULL) {
        g_hash_table_insert(
            define->driver->domains, g_strdup(define->domain->uuid), domain_ref(define->domain));
        driver_tell_domain(define->driver, "domain-added", define->domain);
        return;
    }

    domain_take_definition(define->old, define->domain);
    driver_tell_domain(define->driver, "domain-changed", define->old);
}

static void
on_stored(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Define *define = g_task_get_task_data(task);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (events == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    install(define);
    driver_tell_events(define->driver, events);
    g_task_return_pointer(task,
                          domain_ref(define->old != NULL ? define->old : define->domain),
                          (GDestroyNotify)domain_unref);
}

static void
store(GTask *task)
{
    Define *define = g_task_get_task_data(task);
    StoreBatch *batch = store_batch_new();
    g_autofree char *xml = domain_xml_format(define->domain->definition);
    g_autoptr(Event) event = event_new(
        EVENT_LIFECYCLE, define->domain->name, define->domain->uuid, g_get_real_time());

    event->lifecycle = LIFECYCLE_DEFINED;
    event->lifecycle_detail = define->old != NULL ? LIFECYCLE_DEFINED_UPDATED
                                                  : LIFECYCLE_DEFINED_ADDED;
    store_batch_put_domain(batch, define->domain->uuid, define->domain->name, xml);
    store_batch_append_event(batch, event);
    store_commit_async(define->driver->store, batch, on_stored, g_object_ref(task));
}

/* A definition may name images that are not there yet; what a call needs of them it will ask. */
static void
on_looked(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Define *define = g_task_get_task_data(task);
    Disk *disk = g_ptr_array_index(define->domain->disks, define->position);
    g_autoptr(GError) error = NULL;
    g_autoptr(Look) look = look_finish(result, &error);

    if (look != NULL) {
        chain_free(disk->chain);
        disk->chain = g_steal_pointer(&look->chain);
        disk->is_chain_known = TRUE;
    } else {
        g_debug("the chain of '%s' is not known yet: %s", disk->target, error->message);
    }

    define->position++;
    read_next_chain(task);
}

static void
read_next_chain(GTask *task)
{
    Define *define = g_task_get_task_data(task);

    for (; define->position < define->domain->disks->len; define->position++) {
        const Disk *disk = g_ptr_array_index(define->domain->disks, define->position);
        const Layer *active = chain_active(disk->chain);

        if (active == NULL || disk->is_chain_known ||
            (active->kind != LAYER_FILE && active->kind != LAYER_BLOCK))
            continue;
        look_async(define->driver, define->domain, disk, on_looked, g_object_ref(task));
        return;
    }

    store(task);
}

static void
define(Driver *driver, DomainXml *definition, GTask *task)
{
    g_autoptr(DomainXml) xml = definition;
    g_autoptr(Domain) domain = NULL;
    g_autoptr(GError) error = NULL;
    Define *define = g_new0(Define, 1);
    Domain *old = NULL;

    driver_begin_call(driver);
    define->driver = driver;
    g_task_set_task_data(task, define, (GDestroyNotify)define_free);
    if (!find_old(driver, xml, &old, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    ensure_uuid(xml, old);
    domain = domain_new(g_steal_pointer(&xml), &error);
    if (domain == NULL || !check_coming(driver, domain, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    if (old != NULL) {
        define->old = domain_ref(old);
        old->is_changing = TRUE;
    }
    define->domain = g_steal_pointer(&domain);
    g_ptr_array_add(driver->coming, define->domain);
    read_next_chain(task);
}

void
driver_define_async(Driver *driver,
                    const char *xml,
                    GCancellable *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_autoptr(GError) error = NULL;
    DomainXml *definition = domain_xml_parse(xml, &error);

    g_task_set_source_tag(task, driver_define_finish);
    if (definition == NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        define(driver, definition, task);
}

static const char *
format_by_ending(const char *path)
{
    if (g_str_has_suffix(path, ".raw") || g_str_has_suffix(path, ".img"))
        return "raw";
    return g_str_has_suffix(path, ".qcow2") ? "qcow2" : NULL;
}

void
driver_define_image_async(Driver *driver,
                          const char *name,
                          const char *path,
                          const char *format,
                          GCancellable *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_autoptr(GError) error = NULL;
    DomainXml *definition = NULL;

    g_task_set_source_tag(task, driver_define_finish);
    if (format == NULL)
        format = format_by_ending(path);
    if (format == NULL)
        refuse(
            &error,
            VBLK_ERROR_INVALID_ARGUMENT,
            "the format of '%s' cannot be told by its name and is never guessed from its content: "
            "give it as raw or qcow2",
            path);
    else if (!g_path_is_absolute(path) || !g_file_test(path, G_FILE_TEST_EXISTS))
        refuse(&error, VBLK_ERROR_IMAGE_MISSING, "image '%s': No such file or directory", path);
    else
        definition = domain_xml_new_for_image(name, path, format, &error);

    if (definition == NULL)
        g_task_return_error(task, g_steal_pointer(&error));
    else
        define(driver, definition, task);
}

Domain *
driver_define_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}

/* Undefining */

typedef struct {
    Driver *driver; /* borrowed: the task's source */
    Domain *domain; /* owned; changing for us */
    gboolean with_snapshots;
    gboolean is_begun; /* it is for us to say that the domain changes no more */
} Undefine;

static void
undefine_free(Undefine *undefine)
{
    if (undefine->is_begun)
        undefine->domain->is_changing = FALSE;
    turn_leave(undefine->domain);
    domain_unref(undefine->domain);
    driver_end_call(undefine->driver);
    g_free(undefine);
}

static void
on_undefined(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Undefine *undefine = g_task_get_task_data(task);
    Driver *driver = undefine->driver;
    Domain *domain = undefine->domain;
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) events = store_commit_finish(VB_STORE(source), result, &error);

    if (events == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    domain->is_removed = TRUE;
    for (guint i = 0; i < domain->snapshots->len; i++)
        driver_tell_snapshot(
            driver, "snapshot-removed", domain, g_ptr_array_index(domain->snapshots, i));
    driver_tell_domain(driver, "domain-removed", domain);
    g_hash_table_remove(driver->domains, domain->uuid);
    driver_tell_events(driver, events);
    g_task_return_boolean(task, TRUE);
}

static gboolean
check_undefine(const Undefine *undefine, GError **error)
{
    const Domain *domain = undefine->domain;

    if (!domain_check_free(domain, error))
        return FALSE;
    if (domain_has_job(domain))
        return refuse(error,
                      VBLK_ERROR_OPERATION_INVALID,
                      "domain '%s' has active block job: abort it or wait for its end",
                      domain->name);
    if (!undefine->with_snapshots && domain->snapshots->len > 0)
        return refuse(error,
                      VBLK_ERROR_OPERATION_INVALID,
                      "cannot delete inactive domain with %u snapshots: --snapshots-metadata "
                      "removes their records too",
                      domain->snapshots->len);
    return TRUE;
}

static void
undefine_in_turn(gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    Undefine *undefine = g_task_get_task_data(task);
    const Domain *domain = undefine->domain;
    g_autoptr(Event)
        event = event_new(EVENT_LIFECYCLE, domain->name, domain->uuid, g_get_real_time());
    g_autoptr(GError) error = NULL;
    StoreBatch *batch;

    if (!check_undefine(undefine, &error)) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    undefine->is_begun = undefine->domain->is_changing = TRUE;
    event->lifecycle = LIFECYCLE_UNDEFINED;
    event->lifecycle_detail = LIFECYCLE_UNDEFINED_REMOVED;
    batch = store_batch_new();
    store_batch_delete_domain(batch, domain->uuid);
    store_batch_append_event(batch, event);
    store_commit_async(undefine->driver->store, batch, on_undefined, g_steal_pointer(&task));
}

void
driver_undefine_async(Driver *driver,
                      Domain *domain,
                      gboolean with_snapshots,
                      GCancellable *cancellable,
                      GAsyncReadyCallback callback,
                      gpointer user_data)
{
    GTask *task = g_task_new(driver, cancellable, callback, user_data);
    Undefine *undefine = g_new0(Undefine, 1);

    driver_begin_call(driver);
    undefine->driver = driver;
    undefine->domain = domain_ref(domain);
    undefine->with_snapshots = with_snapshots;
    g_task_set_source_tag(task, driver_undefine_async);
    g_task_set_task_data(task, undefine, (GDestroyNotify)undefine_free);
    turn_enter(domain, undefine_in_turn, task);
}

gboolean
driver_undefine_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), FALSE);

    return g_task_propagate_boolean(G_TASK(result), error);
}

typedef struct {
    Driver *driver; /* borrowed: the task's source */
    Domain *domain; /* owned */
    char *target;
} Reading;

static void
reading_free(Reading *reading)
{
    domain_unref(reading->domain);
    driver_end_call(reading->driver);
    g_free(reading->target);
    g_free(reading);
}

/* The model learns what was read, unless something else has been done to the disk since. */
static void
learn(const Reading *reading, const Chain *chain)
{
    Disk *disk = domain_get_disk_by_target(reading->domain, reading->target);

    if (disk == NULL || disk->is_busy || chain_depth(disk->chain) == 0 ||
        g_strcmp0(chain_active(disk->chain)->path, chain_active(chain)->path) != 0)
        return;

    chain_free(disk->chain);
    disk->chain = chain_copy(chain);
    disk->is_chain_known = TRUE;
}

static void
on_chain_read(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(GTask) task = user_data;
    g_autoptr(GError) error = NULL;
    g_autoptr(Look) look = look_finish(result, &error);

    if (look == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    learn(g_task_get_task_data(task), look->chain);
    g_task_return_pointer(task, g_steal_pointer(&look->chain), (GDestroyNotify)chain_free);
}

void
driver_read_chain_async(Driver *driver,
                        Domain *domain,
                        const char *disk,
                        GCancellable *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer user_data)
{
    g_autoptr(GTask) task = g_task_new(driver, cancellable, callback, user_data);
    g_autoptr(GError) error = NULL;
    guint position;
    Disk *found = domain_find_disk(domain, disk, &position, &error);
    Reading *reading;

    g_task_set_source_tag(task, driver_read_chain_async);
    if (found == NULL) {
        g_task_return_error(task, g_steal_pointer(&error));
        return;
    }

    driver_begin_call(driver);
    reading = g_new0(Reading, 1);
    reading->driver = driver;
    reading->domain = domain_ref(domain);
    reading->target = g_strdup(found->target);
    g_task_set_task_data(task, reading, (GDestroyNotify)reading_free);
    look_async(driver, domain, found, on_chain_read, g_steal_pointer(&task));
}

Chain *
driver_read_chain_finish(Driver *driver, GAsyncResult *result, GError **error)
{
    g_return_val_if_fail(g_task_is_valid(result, driver), NULL);

    return g_task_propagate_pointer(G_TASK(result), error);
}
