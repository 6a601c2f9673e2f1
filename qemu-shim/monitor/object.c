/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* User objects */

#include "qemu-shim/monitor/object.h"

#include "qemu-shim/block/options.h"
#include "qemu-shim/block/throttle-group.h"
#include "qmp/qmp-error.h"

#define MAX_OBJECTS 4096

typedef enum {
    OBJECT_THROTTLE_GROUP,
    OBJECT_IOTHREAD,
} ObjectType;

/* In the order of ObjectType. */
static const char *const type_words[] = {"throttle-group", "iothread", NULL};

static gboolean fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
fail(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error, g_error_new_valist(QMP_ERROR, QMP_ERROR_GENERIC_ERROR, format, list));
    va_end(list);
    return FALSE;
}

static gboolean
is_identifier(const char *id)
{
    gboolean is_good = g_ascii_isalpha(id[0]);

    for (; is_good && *id != '\0'; id++)
        is_good = g_ascii_isalnum(*id) || *id == '-' || *id == '.' || *id == '_';
    return is_good;
}

/* Type and name; the rest stays in @options. */
static gboolean
take_head(BlockOptions *options, ObjectType *ret_type, char **ret_id, GError **error)
{
    guint type = G_MAXUINT;

    if (!block_options_take_enum(options, "qom-type", type_words, &type, error) ||
        !block_options_take_string(options, "id", ret_id, error))
        return FALSE;
    if (type == G_MAXUINT || *ret_id == NULL) {
        block_options_set_missing(options, type == G_MAXUINT ? "qom-type" : "id", error);
        return FALSE;
    }
    if (!is_identifier(*ret_id))
        return fail(error, "Parameter 'id' expects an identifier");

    *ret_type = (ObjectType)type;
    return TRUE;
}

/* They tune a thread of QEMU's. */
static gboolean
check_iothread(BlockOptions *options, GError **error)
{
    static const char *const names[] = {"poll-max-ns",
                                        "poll-grow",
                                        "poll-shrink",
                                        "aio-max-batch",
                                        "thread-pool-min",
                                        "thread-pool-max"};

    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        gint64 number = 0;

        if (!block_options_take_integer(options, names[i], G_MININT64, G_MAXINT64, &number, error))
            return FALSE;
        if (number < 0)
            return fail(
                error, "%s value must be in range [0, %" G_GINT64_FORMAT "]", names[i], G_MAXINT64);
    }

    return block_options_finish(options, error);
}

static gboolean
create(Shim *shim,
       ObjectType type,
       const char *id,
       BlockOptions *options,
       GVariant *given,
       GError **error)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(given);
    g_autoptr(GVariant) properties = NULL;

    switch (type) {
    case OBJECT_IOTHREAD:
        return check_iothread(options, error);
    case OBJECT_THROTTLE_GROUP:
        g_variant_dict_remove(&dict, "qom-type");
        g_variant_dict_remove(&dict, "id");
        properties = g_variant_ref_sink(g_variant_dict_end(&dict));
        return throttle_group_add(shim->graph, id, properties, error);
    }

    g_assert_not_reached();
}

gboolean
object_add(Shim *shim, GVariant *given, GError **error)
{
    g_autoptr(BlockOptions) options = block_options_new(given, error);
    g_autofree char *id = NULL;
    ObjectType type = OBJECT_IOTHREAD;

    if (options == NULL || !take_head(options, &type, &id, error))
        return FALSE;
    if (g_hash_table_contains(shim->objects, id))
        return fail(
            error, "attempt to add duplicate property '%s' to object (type 'container')", id);
    if (g_hash_table_size(shim->objects) >= MAX_OBJECTS)
        return fail(error, "there are %d objects already", MAX_OBJECTS);
    if (!create(shim, type, id, options, given, error))
        return FALSE;

    g_hash_table_insert(shim->objects, g_steal_pointer(&id), GINT_TO_POINTER(type));
    return TRUE;
}

gboolean
object_remove(Shim *shim, const char *id, GError **error)
{
    gpointer type;

    if (!g_hash_table_lookup_extended(shim->objects, id, NULL, &type))
        return fail(error, "object '%s' not found", id);
    if (GPOINTER_TO_INT(type) == OBJECT_THROTTLE_GROUP &&
        !throttle_group_remove(shim->graph, id, error))
        return FALSE;

    g_hash_table_remove(shim->objects, id);
    return TRUE;
}
