/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON values */

#include "qmp/value.h"

#include <json-glib/json-glib.h>

#include "api/vblk-error.h"
#include "qmp/scan.h"

static GVariant *node_to_variant(JsonNode *node);

static GVariant *
array_to_variant(JsonArray *array)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

    for (guint i = 0; i < json_array_get_length(array); i++)
        g_variant_builder_add(&builder, "v", node_to_variant(json_array_get_element(array, i)));

    return g_variant_builder_end(&builder);
}

static GVariant *
object_to_variant(JsonObject *object)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;

    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member))
        g_variant_builder_add(&builder, "{sv}", name, node_to_variant(member));

    return g_variant_builder_end(&builder);
}

static GVariant *
scalar_to_variant(JsonNode *node)
{
    GType type = json_node_get_value_type(node);

    if (type == G_TYPE_BOOLEAN)
        return g_variant_new_boolean(json_node_get_boolean(node));
    if (type == G_TYPE_INT64)
        return g_variant_new_int64(json_node_get_int(node));
    if (type == G_TYPE_DOUBLE)
        return g_variant_new_double(json_node_get_double(node));
    return g_variant_new_string(json_node_get_string(node));
}

/* Depth is limited by the scan that stands before the parser. */
static GVariant *
node_to_variant(JsonNode *node)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        return object_to_variant(json_node_get_object(node));
    case JSON_NODE_ARRAY:
        return array_to_variant(json_node_get_array(node));
    case JSON_NODE_VALUE:
        return scalar_to_variant(node);
    case JSON_NODE_NULL:
        break;
    }

    return g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL);
}

static gboolean
check_limits(const char *text, gsize length, GError **error)
{
    g_autoptr(QmpScan) scan = qmp_scan_new();
    gsize end;

    if (!qmp_scan_feed(scan, text, length, &end, error))
        return FALSE;
    /* A number or literal alone ends with the text; a space makes the scan see that. */
    if (end == 0 && !qmp_scan_feed(scan, " ", 1, &end, error))
        return FALSE;
    if (end == 0) {
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "JSON text is not complete");
        return FALSE;
    }

    return TRUE;
}

GVariant *
qmp_value_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) reason = NULL;
    GVariant *value;

    if (!check_limits(text, length, error))
        return NULL;
    if (!json_parser_load_from_data(parser, text, (gssize)length, &reason)) {
        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "not JSON: %s", reason->message);
        return NULL;
    }

    value = g_variant_ref_sink(node_to_variant(json_parser_get_root(parser)));
    /* In one piece of memory, so that borrowed strings live as long as the whole. */
    (void)g_variant_get_data(value);
    return value;
}

static JsonNode *variant_to_node(GVariant *value);

static JsonNode *
dict_to_node(GVariant *value)
{
    JsonObject *object = json_object_new();
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    GVariantIter iter;
    const char *name;
    GVariant *member;

    g_variant_iter_init(&iter, value);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &member)) {
        json_object_set_member(object, name, variant_to_node(member));
        g_variant_unref(member);
    }

    json_node_take_object(node, object);
    return node;
}

static JsonNode *
list_to_node(GVariant *value)
{
    JsonArray *array = json_array_new();
    JsonNode *node = json_node_new(JSON_NODE_ARRAY);

    for (gsize i = 0; i < g_variant_n_children(value); i++) {
        g_autoptr(GVariant) member = g_variant_get_child_value(value, i);

        json_array_add_element(array, variant_to_node(member));
    }

    json_node_take_array(node, array);
    return node;
}

static JsonNode *
number_to_node(GVariant *value)
{
    JsonNode *node = json_node_new(JSON_NODE_VALUE);
    guint64 unsigned_value;

    switch (g_variant_classify(value)) { /* only the number classes get here */
    case G_VARIANT_CLASS_BYTE:
        json_node_set_int(node, g_variant_get_byte(value));
        break;
    case G_VARIANT_CLASS_INT16:
        json_node_set_int(node, g_variant_get_int16(value));
        break;
    case G_VARIANT_CLASS_UINT16:
        json_node_set_int(node, g_variant_get_uint16(value));
        break;
    case G_VARIANT_CLASS_INT32:
        json_node_set_int(node, g_variant_get_int32(value));
        break;
    case G_VARIANT_CLASS_UINT32:
        json_node_set_int(node, g_variant_get_uint32(value));
        break;
    case G_VARIANT_CLASS_INT64:
        json_node_set_int(node, g_variant_get_int64(value));
        break;
    case G_VARIANT_CLASS_UINT64:
        /* The writer has no unsigned integers; what does not fit is as good as unlimited. */
        unsigned_value = g_variant_get_uint64(value);
        json_node_set_int(node, (gint64)MIN(unsigned_value, (guint64)G_MAXINT64));
        break;
    case G_VARIANT_CLASS_DOUBLE:
        json_node_set_double(node, g_variant_get_double(value));
        break;
    case G_VARIANT_CLASS_BOOLEAN:
    case G_VARIANT_CLASS_HANDLE:
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
    case G_VARIANT_CLASS_VARIANT:
    case G_VARIANT_CLASS_MAYBE:
    case G_VARIANT_CLASS_ARRAY:
    case G_VARIANT_CLASS_TUPLE:
    case G_VARIANT_CLASS_DICT_ENTRY:
        g_assert_not_reached();
    }

    return node;
}

static JsonNode *
variant_to_node(GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARIANT)) {
        g_autoptr(GVariant) inner = g_variant_get_variant(value);

        return variant_to_node(inner);
    }
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT))
        return dict_to_node(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_ARRAY))
        return list_to_node(value);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_MAYBE))
        return json_node_new(JSON_NODE_NULL);
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return json_node_init_string(json_node_alloc(), g_variant_get_string(value, NULL));
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
        return json_node_init_boolean(json_node_alloc(), g_variant_get_boolean(value));
    return number_to_node(value);
}

char *
qmp_value_format(GVariant *value)
{
    g_autoptr(JsonNode) node = variant_to_node(value);

    return json_to_string(node, FALSE);
}

char *
qmp_value_format_pretty(GVariant *value)
{
    g_autoptr(JsonNode) node = variant_to_node(value);

    return json_to_string(node, TRUE);
}

static GVariant *
get_member(GVariant *object,
           const char *name,
           const GVariantType *type,
           const char *type_name,
           GError **error)
{
    g_autoptr(GVariant) member = g_variant_lookup_value(object, name, NULL);

    if (member == NULL) {
        g_set_error(error, VBLK_ERROR, VBLK_ERROR_FAILED, "'%s' is missing", name);
        return NULL;
    }
    if (!g_variant_is_of_type(member, type)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_FAILED,
                    "'%s' is of type '%s', not %s",
                    name,
                    g_variant_get_type_string(member),
                    type_name);
        return NULL;
    }

    return g_steal_pointer(&member);
}

gboolean
qmp_value_get_string(GVariant *object, const char *name, const char **ret, GError **error)
{
    g_autoptr(GVariant) member = get_member(object, name, G_VARIANT_TYPE_STRING, "a string", error);

    /* The bytes belong to the object, whose serialised form the member shares. */
    return member != NULL && g_variant_lookup(object, name, "&s", ret);
}

gboolean
qmp_value_get_uint64(GVariant *object, const char *name, guint64 *ret, GError **error)
{
    g_autoptr(GVariant)
        member = get_member(object, name, G_VARIANT_TYPE_INT64, "an integer", error);
    gint64 value;

    if (member == NULL)
        return FALSE;

    value = g_variant_get_int64(member);
    if (value < 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_FAILED,
                    "'%s' is negative: '%" G_GINT64_FORMAT "'",
                    name,
                    value);
        return FALSE;
    }

    *ret = (guint64)value;
    return TRUE;
}

gboolean
qmp_value_get_boolean(GVariant *object, const char *name, gboolean *ret, GError **error)
{
    g_autoptr(GVariant)
        member = get_member(object, name, G_VARIANT_TYPE_BOOLEAN, "a boolean", error);

    if (member == NULL)
        return FALSE;

    *ret = g_variant_get_boolean(member);
    return TRUE;
}

static gboolean
get_variant(GVariant *object,
            const char *name,
            const GVariantType *type,
            const char *type_name,
            GVariant **ret,
            GError **error)
{
    GVariant *member = get_member(object, name, type, type_name, error);

    if (member == NULL)
        return FALSE;

    *ret = member;
    return TRUE;
}

gboolean
qmp_value_get_object(GVariant *object, const char *name, GVariant **ret, GError **error)
{
    return get_variant(object, name, G_VARIANT_TYPE_VARDICT, "an object", ret, error);
}

gboolean
qmp_value_get_array(GVariant *object, const char *name, GVariant **ret, GError **error)
{
    return get_variant(object, name, G_VARIANT_TYPE("av"), "an array", ret, error);
}
