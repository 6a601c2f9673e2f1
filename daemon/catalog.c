/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Kept documents */

#include "daemon/catalog.h"

#include <errno.h>
#include <unistd.h>

#include "api/vblk-error.h"
#include "daemon/files.h"
#include "daemon/snapshot-order.h"
#include "driver/domain.h"

#define DOMAINS   "domains"
#define SNAPSHOTS "snapshots"
#define SUFFIX    ".xml"

/* A snapshot's document holds that of its domain. */
#define MAX_DOMAIN_SIZE   XML_MAX_STORED_SIZE
#define MAX_SNAPSHOT_SIZE (2 * XML_MAX_STORED_SIZE)

struct Catalog {
    char *root;
    GHashTable *names; /* UUID -> name of each domain, both owned */
};

/* The names as they will be when the changes looked at so far are kept. */
typedef struct {
    Catalog *catalog;
    GHashTable *changed; /* UUID -> name, "" where removed, both borrowed */
    GPtrArray *files;    /* of FileChange, owned */
} Staging;

Catalog *
catalog_new(const char *root)
{
    Catalog *catalog = g_new0(Catalog, 1);

    catalog->root = g_strdup(root);
    catalog->names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return catalog;
}

void
catalog_free(Catalog *catalog)
{
    if (catalog == NULL)
        return;

    g_free(catalog->root);
    g_hash_table_unref(catalog->names);
    g_free(catalog);
}

static char *
domain_file(const char *name)
{
    g_autofree char *escaped = files_escape_name(name);

    return g_strconcat(DOMAINS "/", escaped, SUFFIX, NULL);
}

static char *
snapshot_folder(const char *domain)
{
    g_autofree char *escaped = files_escape_name(domain);

    return g_strconcat(SNAPSHOTS "/", escaped, NULL);
}

static char *
snapshot_file(const char *domain, const char *name)
{
    g_autofree char *folder = snapshot_folder(domain);
    g_autofree char *escaped = files_escape_name(name);

    return g_strconcat(folder, "/", escaped, SUFFIX, NULL);
}

static int
compare_strings(gconstpointer a, gconstpointer b)
{
    return g_strcmp0(*(char *const *)a, *(char *const *)b);
}

/* Names of the documents in @folder, as files, in order. A folder that is not there has none. */
static GPtrArray *
list_documents(const char *folder)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    GPtrArray *files = g_ptr_array_new_with_free_func(g_free);
    const char *file;

    while (dir != NULL && (file = g_dir_read_name(dir)) != NULL) {
        if (g_str_has_suffix(file, SUFFIX) && file[0] != '.')
            g_ptr_array_add(files, g_strdup(file));
    }

    g_ptr_array_sort(files, compare_strings);
    return files;
}

/* "web1" of "web1.xml"; NULL where it is not a name that we would write. */
static char *
name_of_file(const char *file)
{
    g_autofree char *stem = g_strndup(file, strlen(file) - strlen(SUFFIX));

    return files_unescape_name(stem);
}

static StoredDomain *
read_domain(Catalog *catalog, const char *path, const char *file, GError **error)
{
    g_autofree char *text = files_read(path, MAX_DOMAIN_SIZE, error);
    g_autofree char *name = name_of_file(file);
    g_autoptr(DomainXml) xml = NULL;
    const char *uuid;
    StoredDomain *domain;

    if (text == NULL)
        return NULL;

    xml = domain_xml_parse_stored(text, error);
    if (xml == NULL) {
        g_prefix_error(error, "'%s': ", path);
        return NULL;
    }

    uuid = domain_xml_get_uuid(xml);
    if (uuid == NULL || g_strcmp0(domain_xml_get_name(xml), name) != 0 ||
        g_hash_table_contains(catalog->names, uuid)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_XML,
                    "'%s' holds domain '%s' with UUID '%s', which is not the only one or not of "
                    "this file's name",
                    path,
                    domain_xml_get_name(xml),
                    uuid != NULL ? uuid : "");
        return NULL;
    }

    domain = g_new0(StoredDomain, 1);
    domain->uuid = g_strdup(uuid);
    domain->name = g_steal_pointer(&name);
    domain->xml = g_steal_pointer(&text);
    return domain;
}

static StoredSnapshot *
read_snapshot(const char *domain_uuid, const char *path, const char *file, GError **error)
{
    g_autofree char *text = files_read(path, MAX_SNAPSHOT_SIZE, error);
    g_autofree char *name = name_of_file(file);
    StoredSnapshot *snapshot;

    if (text == NULL)
        return NULL;

    if (name == NULL) {
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_XML, "'%s' is no file name of a snapshot", path);
        return NULL;
    }

    snapshot = g_new0(StoredSnapshot, 1);
    snapshot->domain_uuid = g_strdup(domain_uuid);
    snapshot->name = g_steal_pointer(&name);
    snapshot->xml = g_steal_pointer(&text);
    return snapshot;
}

static void
load_snapshots(Catalog *catalog, const StoredDomain *domain, GPtrArray *ret_snapshots)
{
    g_autofree char *relative = snapshot_folder(domain->name);
    g_autofree char *folder = g_build_filename(catalog->root, relative, NULL);
    g_autoptr(GPtrArray) files = list_documents(folder);
    g_autoptr(GPtrArray) snapshots = g_ptr_array_new();

    files_remove_leftovers(folder);
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *path = g_build_filename(folder, files->pdata[i], NULL);
        g_autoptr(GError) error = NULL;
        StoredSnapshot *snapshot = read_snapshot(domain->uuid, path, files->pdata[i], &error);

        if (snapshot != NULL)
            g_ptr_array_add(snapshots, snapshot);
        else
            g_warning("%s, ignoring", error->message);
    }

    snapshot_order_sort(snapshots);
    g_ptr_array_extend_and_steal(ret_snapshots, g_steal_pointer(&snapshots));
}

gboolean
catalog_load(Catalog *catalog, StoreContents *contents, GError **error)
{
    g_autofree char *folder = g_build_filename(catalog->root, DOMAINS, NULL);
    g_autofree char *snapshots = g_build_filename(catalog->root, SNAPSHOTS, NULL);
    g_autoptr(GPtrArray) files = NULL;

    if (!files_make_folder(folder, error) || !files_make_folder(snapshots, error))
        return FALSE;

    g_hash_table_remove_all(catalog->names);
    files_remove_leftovers(folder);
    files = list_documents(folder);
    for (guint i = 0; i < files->len; i++) {
        g_autofree char *path = g_build_filename(folder, files->pdata[i], NULL);
        g_autoptr(GError) reason = NULL;
        StoredDomain *domain = read_domain(catalog, path, files->pdata[i], &reason);

        if (domain == NULL) {
            g_warning("%s, ignoring", reason->message);
            continue;
        }

        g_hash_table_insert(catalog->names, g_strdup(domain->uuid), g_strdup(domain->name));
        g_ptr_array_add(contents->domains, domain);
        load_snapshots(catalog, domain, contents->snapshots);
    }

    return TRUE;
}

/* NULL where there is no such domain. */
static const char *
find_name(const Staging *staging, const char *uuid)
{
    const char *name = g_hash_table_lookup(staging->changed, uuid);

    if (name == NULL)
        return g_hash_table_lookup(staging->catalog->names, uuid);

    return name[0] != '\0' ? name : NULL;
}

static gboolean
stage_file(Staging *staging, const char *file, const char *xml, gsize max_size, GError **error)
{
    FileChange *change;

    if (strlen(xml) > max_size) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "document for '%s/%s' is larger than %zu bytes",
                    staging->catalog->root,
                    file,
                    max_size);
        return FALSE;
    }

    change = file_change_stage(staging->catalog->root, file, xml, error);
    if (change == NULL)
        return FALSE;

    g_ptr_array_add(staging->files, change);
    return TRUE;
}

static gboolean
stage_domain(Staging *staging, const StoredDomain *domain, GError **error)
{
    const char *known = find_name(staging, domain->uuid);
    g_autofree char *file = domain_file(domain->name);
    g_autofree char *path = g_build_filename(staging->catalog->root, file, NULL);

    if (known != NULL && !g_str_equal(known, domain->name)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_OPERATION_INVALID,
                    "domain '%s' is kept as '%s', not as '%s'",
                    domain->uuid,
                    known,
                    domain->name);
        return FALSE;
    }

    if (known == NULL && !g_hash_table_contains(staging->changed, domain->uuid) &&
        g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_DOMAIN_EXISTS,
                    "'%s' is there and is not this domain's: repair or remove it",
                    path);
        return FALSE;
    }

    g_hash_table_insert(staging->changed, domain->uuid, domain->name);
    return stage_file(staging, file, domain->xml, MAX_DOMAIN_SIZE, error);
}

static void
stage_domain_removal(Staging *staging, char *uuid)
{
    const char *name = find_name(staging, uuid);
    g_autofree char *file = NULL;
    g_autofree char *relative = NULL;
    g_autofree char *folder = NULL;
    g_autoptr(GPtrArray) snapshots = NULL;

    if (name == NULL)
        return;

    relative = snapshot_folder(name);
    folder = g_build_filename(staging->catalog->root, relative, NULL);
    snapshots = list_documents(folder);
    for (guint i = 0; i < snapshots->len; i++) {
        g_autofree char *snapshot = g_build_filename(relative, snapshots->pdata[i], NULL);

        g_ptr_array_add(staging->files, file_change_new(NULL, snapshot));
    }

    file = domain_file(name);
    g_ptr_array_add(staging->files, file_change_new(NULL, file));
    g_hash_table_insert(staging->changed, uuid, (gpointer) "");
}

static gboolean
stage_snapshot(Staging *staging, const StoredSnapshot *snapshot, GError **error)
{
    const char *domain = find_name(staging, snapshot->domain_uuid);
    g_autofree char *relative = NULL;
    g_autofree char *folder = NULL;
    g_autofree char *file = NULL;

    if (domain == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INTERNAL,
                    "snapshot '%s' is of domain '%s', which is not kept",
                    snapshot->name,
                    snapshot->domain_uuid);
        return FALSE;
    }

    relative = snapshot_folder(domain);
    folder = g_build_filename(staging->catalog->root, relative, NULL);
    file = snapshot_file(domain, snapshot->name);
    return files_make_folder(folder, error) &&
           stage_file(staging, file, snapshot->xml, MAX_SNAPSHOT_SIZE, error);
}

static void
stage_snapshot_removal(Staging *staging, const char *domain_uuid, const char *name)
{
    const char *domain = find_name(staging, domain_uuid);
    g_autofree char *file = NULL;

    if (domain == NULL)
        return;

    file = snapshot_file(domain, name);
    g_ptr_array_add(staging->files, file_change_new(NULL, file));
}

static gboolean
stage(Staging *staging, const StoreChange *change, GError **error)
{
    switch (change->kind) {
    case STORE_PUT_DOMAIN:
        return stage_domain(staging, change->domain, error);
    case STORE_DELETE_DOMAIN:
        stage_domain_removal(staging, change->uuid);
        return TRUE;
    case STORE_PUT_SNAPSHOT:
        return stage_snapshot(staging, change->snapshot, error);
    case STORE_DELETE_SNAPSHOT:
        stage_snapshot_removal(staging, change->uuid, change->name);
        return TRUE;
    case STORE_PUT_MONITOR:
    case STORE_DELETE_MONITOR:
    case STORE_PUT_JOB:
    case STORE_APPEND_EVENT:
        return TRUE;
    }

    g_assert_not_reached();
}

GPtrArray *
catalog_stage(Catalog *catalog, const StoreBatch *batch, GError **error)
{
    g_autoptr(GHashTable) changed = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func((GDestroyNotify)file_change_free);
    Staging staging = {catalog, changed, files};
    gboolean is_staged = TRUE;

    for (guint i = 0; is_staged && i < batch->changes->len; i++)
        is_staged = stage(&staging, batch->changes->pdata[i], error);

    if (is_staged)
        return g_steal_pointer(&files);

    for (guint i = 0; i < files->len; i++)
        file_change_discard(files->pdata[i], catalog->root);
    return NULL;
}

/* Its snapshots are gone from the folder by now. */
static void
forget_domain(Catalog *catalog, const char *uuid)
{
    const char *name = g_hash_table_lookup(catalog->names, uuid);
    g_autofree char *relative = NULL;
    g_autofree char *folder = NULL;

    if (name == NULL)
        return;

    relative = snapshot_folder(name);
    folder = g_build_filename(catalog->root, relative, NULL);
    if (rmdir(folder) < 0 && errno != ENOENT)
        g_info("cannot remove '%s': %s, ignoring", folder, g_strerror(errno));
    g_hash_table_remove(catalog->names, uuid);
}

void
catalog_settle(Catalog *catalog, const StoreBatch *batch)
{
    for (guint i = 0; i < batch->changes->len; i++) {
        const StoreChange *change = batch->changes->pdata[i];

        if (change->kind == STORE_PUT_DOMAIN)
            g_hash_table_insert(
                catalog->names, g_strdup(change->domain->uuid), g_strdup(change->domain->name));
        else if (change->kind == STORE_DELETE_DOMAIN)
            forget_domain(catalog, change->uuid);
    }
}
