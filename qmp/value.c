/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* JSON values */

#include "qmp/value.h"

#include <math.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "api/vblk-error.h"
#include "qmp/scan.h"
#include "qmp/tokens.h"
#include "qmp/writer.h"

/* What is found out on the way. */
typedef struct {
    guint members;
    gboolean has_overflow;
} Reading;

static GVariant *node_to_variant(JsonNode *node, Reading *reading);

static GVariant *
array_to_variant(JsonArray *array, Reading *reading)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("av"));

    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);

        g_variant_builder_add(&builder, "v", node_to_variant(element, reading));
    }

    return g_variant_builder_end(&builder);
}

static GVariant *
object_to_variant(JsonObject *object, Reading *reading)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);
    JsonObjectIter iter;
    const char *name;
    JsonNode *member;

    json_object_iter_init_ordered(&iter, object);
    while (json_object_iter_next_ordered(&iter, &name, &member)) {
        g_variant_builder_add(&builder, "{sv}", name, node_to_variant(member, reading));
        reading->members++;
    }

    return g_variant_builder_end(&builder);
}

static GVariant *
scalar_to_variant(JsonNode *node, Reading *reading)
{
    GType type = json_node_get_value_type(node);

    if (type == G_TYPE_BOOLEAN)
        return g_variant_new_boolean(json_node_get_boolean(node));
    if (type == G_TYPE_INT64)
        return g_variant_new_int64(json_node_get_int(node));
    if (type == G_TYPE_DOUBLE) {
        reading->has_overflow |= !isfinite(json_node_get_double(node));
        return g_variant_new_double(json_node_get_double(node));
    }

    return g_variant_new_string(json_node_get_string(node));
}

/* Depth is limited by the scan that stands before the parser. */
static GVariant *
node_to_variant(JsonNode *node, Reading *reading)
{
    switch (json_node_get_node_type(node)) {
    case JSON_NODE_OBJECT:
        return object_to_variant(json_node_get_object(node), reading);
    case JSON_NODE_ARRAY:
        return array_to_variant(json_node_get_array(node), reading);
    case JSON_NODE_VALUE:
        return scalar_to_variant(node, reading);
    case JSON_NODE_NULL:
        break;
    }

    return g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL);
}

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "JSON parse error, %s", what);
    return FALSE;
}

/* The parser keeps the last of several members of one name; it tells of each of them, though. */
static void
count_member(JsonParser *parser, JsonObject *object, const char *name, gpointer user_data)
{
    guint *count = user_data;

    (*count)++;
}

/* What the scan has not seen, the parser must not see either: it is all of @text, or a refusal. */
static gboolean
check_limits(const char *text, gsize length, GError **error)
{
    g_autoptr(QmpScan) scan = qmp_scan_new();
    gsize end;

    if (!qmp_scan_feed(scan, text, length, &end, error))
        return FALSE;
    if (end == 0) {
        /* A number or literal alone ends with the text; a space makes the scan see that. */
        if (!qmp_scan_feed(scan, " ", 1, &end, error))
            return FALSE;
        if (end == 0)
            return refuse(error, "the text is not complete");
        return TRUE;
    }

    while (end < length && qmp_is_space(text[end]))
        end++;
    return end == length || refuse(error, "more than one value");
}

GVariant *
qmp_value_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) reason = NULL;
    g_autoptr(GVariant) value = NULL;
    Reading reading = {0};
    guint parsed = 0;

    if (!check_limits(text, length, error) || !qmp_tokens_check(text, length, error))
        return NULL;

    g_signal_connect(parser, "object-member", G_CALLBACK(count_member), &parsed);
    if (!json_parser_load_from_data(parser, text, (gssize)length, &reason)) {
        refuse(error, reason->message);
        return NULL;
    }

    value = g_variant_ref_sink(node_to_variant(json_parser_get_root(parser), &reading));
    if (reading.members != parsed) {
        refuse(error, "duplicate key");
        return NULL;
    }
    if (reading.has_overflow) {
        refuse(error, "number out of range");
        return NULL;
    }

    /* In one piece of memory, so that borrowed strings live as long as the whole. */
    (void)g_variant_get_data(value);
    return g_steal_pointer(&value);
}

static char *
format(GVariant *value, QmpStyle style)
{
    GString *text = g_string_new(NULL);

    qmp_writer_append(text, value, style);
    return g_string_free(text, FALSE);
}

char *
qmp_value_format(GVariant *value)
{
    return format(value, QMP_STYLE_SHORT);
}

char *
qmp_value_format_pretty(GVariant *value)
{
    return format(value, QMP_STYLE_PRETTY);
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
