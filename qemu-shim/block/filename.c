/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Node filenames */

#include "qemu-shim/block/filename.h"

#include <string.h>

#include "qemu-shim/block/driver.h"

/*
 * The order of QEMU's dictionaries is that of the buckets of a hash table, which is the hash of
 * Samba's tdb. In one bucket it depends on how often QEMU copied the dictionary; ours is fixed.
 */
#define BUCKETS 512

typedef struct {
    char *key;
    char *text; /* the value as JSON */
    guint32 bucket;
} Member;

static void
member_free(Member *member)
{
    g_free(member->key);
    g_free(member->text);
    g_free(member);
}

static guint32
hash_key(const char *key)
{
    guint32 value = 0x238f13afu * (guint32)strlen(key);

    for (guint i = 0; key[i] != '\0'; i++)
        value += (guint32)(guint8)key[i] << (i * 5 % 24);
    return 1103515243u * value + 12345u;
}

/* Takes @text. */
static void
put(GPtrArray *members, const char *key, char *text)
{
    Member *member = g_new0(Member, 1);

    member->key = g_strdup(key);
    member->text = text;
    member->bucket = hash_key(key) % BUCKETS;
    g_ptr_array_add(members, member);
}

static int
compare_members(gconstpointer left, gconstpointer right)
{
    const Member *a = *(Member *const *)left;
    const Member *b = *(Member *const *)right;

    if (a->bucket != b->bucket)
        return a->bucket < b->bucket ? -1 : 1;
    return strcmp(b->key, a->key);
}

/* As QEMU writes JSON: ASCII alone, what is not is escaped as UTF-16. */
static char *
format_string(const char *value)
{
    static const char plain[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    GString *out = g_string_new("\"");
    g_autofree char *valid = g_utf8_make_valid(value, -1);

    for (const char *at = valid; *at != '\0'; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);
        const char *known = character < 128 ? strchr(plain, (int)character) : NULL;

        if (known != NULL)
            g_string_append_printf(out, "\\%c", letters[known - plain]);
        else if (character >= 0x20 && character < 0x7f)
            g_string_append_c(out, (char)character);
        else if (character < 0x10000)
            g_string_append_printf(out, "\\u%04X", character);
        else
            g_string_append_printf(out,
                                   "\\u%04X\\u%04X",
                                   0xd800 + ((character - 0x10000) >> 10),
                                   0xdc00 + ((character - 0x10000) & 0x3ff));
    }

    g_string_append_c(out, '"');
    return g_string_free(out, FALSE);
}

static char *
format_value(GVariant *value)
{
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING))
        return format_string(g_variant_get_string(value, NULL));
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_BOOLEAN))
        return g_strdup(g_variant_get_boolean(value) ? "true" : "false");
    if (g_variant_is_of_type(value, G_VARIANT_TYPE_MAYBE))
        return g_strdup("null");
    return g_variant_print(value, FALSE);
}

static char *format_options(BlockNode *node);

/* "children.0", "children.1" ...: an array under the part before the dot. */
static void
put_children(GPtrArray *members, const GPtrArray *children)
{
    g_autoptr(GString) list = g_string_new("[");

    for (guint i = 0; i < children->len; i++) {
        const BlockChild *child = children->pdata[i];
        g_autofree char *text = format_options(child->node);

        g_string_append_printf(list, "%s%s", i > 0 ? ", " : "", text);
    }

    g_string_append_c(list, ']');
    put(members, "children", g_strdup(list->str));
}

static gboolean
is_backing_overridden(BlockNode *node)
{
    g_autofree char *name = NULL;

    if (!node->driver->has_backing)
        return FALSE;
    if (node->backing == NULL)
        return node->backing_name != NULL;

    name = block_filename_make(node->backing);
    return g_strcmp0(name, node->backing_filename) != 0;
}

static void
put_nodes_below(GPtrArray *members, BlockNode *node)
{
    const char *role = node->driver->file_role != NULL ? node->driver->file_role : "file";

    if (node->file != NULL)
        put(members, role, format_options(node->file));
    if (node->driver->is_quorum && node->children != NULL)
        put_children(members, node->children);
    if (is_backing_overridden(node))
        put(members,
            "backing",
            node->backing != NULL ? format_options(node->backing) : g_strdup("null"));
}

static char *
format_options(BlockNode *node)
{
    g_autoptr(GPtrArray) members = g_ptr_array_new_with_free_func((GDestroyNotify)member_free);
    GString *out = g_string_new("{");
    GVariantIter iter;
    const char *key;
    GVariant *value;

    if (node->strong != NULL) {
        g_variant_iter_init(&iter, node->strong);
        while (g_variant_iter_next(&iter, "{&sv}", &key, &value)) {
            put(members, key, format_value(value));
            g_variant_unref(value);
        }
    }
    put(members, "driver", format_string(node->driver->name));
    put_nodes_below(members, node);

    g_ptr_array_sort(members, compare_members);
    for (guint i = 0; i < members->len; i++) {
        const Member *member = members->pdata[i];
        g_autofree char *name = format_string(member->key);

        g_string_append_printf(out, "%s%s: %s", i > 0 ? ", " : "", name, member->text);
    }
    g_string_append_c(out, '}');
    return g_string_free(out, FALSE);
}

/* A format on a protocol is found again by the protocol's name alone. */
static char *
make_plain(BlockNode *node)
{
    if (node->driver->make_filename != NULL)
        return node->driver->make_filename(node);
    if (!node->driver->is_format || node->file == NULL || node->file->driver->make_filename == NULL)
        return NULL;
    if ((node->strong != NULL && g_variant_n_children(node->strong) > 0) ||
        is_backing_overridden(node))
        return NULL;
    return make_plain(node->file);
}

char *
block_filename_make(BlockNode *node)
{
    g_autofree char *plain = make_plain(node);
    g_autofree char *options = NULL;

    if (plain != NULL)
        return g_steal_pointer(&plain);

    options = format_options(node);
    return g_strconcat("json:", options, NULL);
}
