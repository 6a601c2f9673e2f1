/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image chain */

#include "driver/chain.h"

#include <string.h>

#include "api/vblk-error.h"

Layer *
layer_new(LayerKind kind, const char *path, const char *format, guint index)
{
    Layer *layer = g_new0(Layer, 1);

    layer->kind = kind;
    layer->path = g_strdup(path);
    layer->format = g_strdup(format);
    layer->index = index;

    return layer;
}

Layer *
layer_copy(const Layer *layer)
{
    Layer *copy = g_new(Layer, 1);

    *copy = *layer;
    copy->path = g_strdup(layer->path);
    copy->format = g_strdup(layer->format);
    copy->backing_name = g_strdup(layer->backing_name);

    return copy;
}

void
layer_free(Layer *layer)
{
    if (!layer)
        return;

    g_free(layer->path);
    g_free(layer->format);
    g_free(layer->backing_name);
    g_free(layer);
}

Chain *
chain_new(void)
{
    Chain *chain = g_new0(Chain, 1);

    chain->layers = g_ptr_array_new_with_free_func((GDestroyNotify)layer_free);

    return chain;
}

Chain *
chain_copy(const Chain *chain)
{
    Chain *copy = chain_new();

    for (guint i = 0; i < chain_depth(chain); i++)
        g_ptr_array_add(copy->layers, layer_copy(chain_layer(chain, i)));

    return copy;
}

void
chain_free(Chain *chain)
{
    if (!chain)
        return;

    g_ptr_array_unref(chain->layers);
    g_free(chain);
}

guint
chain_depth(const Chain *chain)
{
    return chain->layers->len;
}

Layer *
chain_layer(const Chain *chain, guint position)
{
    g_assert(position < chain->layers->len);

    return g_ptr_array_index(chain->layers, position);
}

Layer *
chain_active(const Chain *chain)
{
    return chain->layers->len > 0 ? chain_layer(chain, 0) : NULL;
}

/* Of other layers the path does not tell all: two servers may have images of one name. */
static gboolean
is_local(const Layer *layer)
{
    return layer->kind == LAYER_FILE || layer->kind == LAYER_BLOCK;
}

/* By text alone: a symbolic link followed by ".." may mislead, so an exact match always goes first
 * where a choice is made. */
static gboolean
is_same_path(const Layer *layer, const char *path)
{
    if (g_str_equal(layer->path, path))
        return TRUE;
    if (!is_local(layer) || layer->path[0] != '/' || path[0] != '/')
        return FALSE;

    g_autofree char *left = g_canonicalize_filename(layer->path, "/");
    g_autofree char *right = g_canonicalize_filename(path, "/");

    return g_str_equal(left, right);
}

gboolean
chain_append(Chain *chain, Layer *layer, GError **error)
{
    g_autoptr(Layer) owned = layer;

    for (guint i = 0; i < chain_depth(chain); i++) {
        const Layer *above = chain_layer(chain, i);

        if (is_local(above) && is_local(layer) && is_same_path(above, layer->path)) {
            g_set_error(error,
                        VBLK_ERROR,
                        VBLK_ERROR_IMAGE_INVALID,
                        "image '%s' stands on itself: the chain of '%s' is a loop",
                        layer->path,
                        chain_active(chain)->path);
            return FALSE;
        }
    }

    if (chain_depth(chain) >= CHAIN_MAX_DEPTH) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_LIMIT,
                    "image '%s' is one layer too many: the chain of '%s' has '%d' already",
                    layer->path,
                    chain_active(chain)->path,
                    CHAIN_MAX_DEPTH);
        return FALSE;
    }

    g_ptr_array_add(chain->layers, g_steal_pointer(&owned));
    return TRUE;
}

gboolean
chain_parse_index(const char *name, char **ret_target, guint *ret_index)
{
    const char *bracket = strchr(name, '[');
    if (!bracket || bracket == name || strchr(name, '/') || !g_str_has_suffix(name, "]"))
        return FALSE;

    gsize n_digits = strlen(bracket) - 2;
    g_autofree char *digits = g_strndup(bracket + 1, n_digits);
    guint64 value = 0;
    if (!g_ascii_string_to_unsigned(digits, 10, 0, G_MAXUINT, &value, NULL))
        return FALSE;

    *ret_target = g_strndup(name, (gsize)(bracket - name));
    *ret_index = (guint)value;
    return TRUE;
}

static gboolean
find_index(const Chain *chain,
           const char *target,
           const char *requested_target,
           guint index,
           guint *ret_position,
           GError **error)
{
    if (!g_str_equal(requested_target, target)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "requested target '%s' does not match target '%s'",
                    requested_target,
                    target);
        return FALSE;
    }

    /* 0 is a layer that was not numbered yet. */
    for (guint i = 0; index > 0 && i < chain_depth(chain); i++) {
        if (chain_layer(chain, i)->index == index) {
            *ret_position = i;
            return TRUE;
        }
    }

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "could not find backing store index '%u' in chain for '%s'",
                index,
                target);
    return FALSE;
}

static gboolean
is_recorded_name(const Chain *chain, guint position, const char *name)
{
    return position > 0 && g_strcmp0(chain_layer(chain, position - 1)->backing_name, name) == 0;
}

static gboolean
leads_to(const Chain *chain, guint position, const char *name)
{
    const Layer *layer = chain_layer(chain, position);

    if (!chain_is_relative_name(name))
        return is_same_path(layer, name);

    if (position == 0)
        return FALSE;

    g_autofree char *path = chain_resolve_backing_path(chain_layer(chain, position - 1), name);

    return is_same_path(layer, path);
}

gboolean
chain_find(const Chain *chain,
           const char *target,
           const char *name,
           guint *ret_position,
           GError **error)
{
    g_autofree char *requested_target = NULL;
    guint index = 0;

    /* Before any name: what an image records as its backing file must not capture "vda[2]". */
    if (chain_parse_index(name, &requested_target, &index))
        return find_index(chain, target, requested_target, index, ret_position, error);

    for (guint i = 0; i < chain_depth(chain); i++) {
        if (g_str_equal(chain_layer(chain, i)->path, name) || is_recorded_name(chain, i, name)) {
            *ret_position = i;
            return TRUE;
        }
    }

    for (guint i = 0; i < chain_depth(chain); i++) {
        if (leads_to(chain, i, name)) {
            *ret_position = i;
            return TRUE;
        }
    }

    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "could not find image '%s' in chain for '%s'",
                name,
                target);
    return FALSE;
}

/* A colon before the first slash, as QEMU sees it. */
static gboolean
has_scheme(const char *name)
{
    return name[strcspn(name, ":/")] == ':';
}

gboolean
chain_is_relative_name(const char *name)
{
    return name[0] != '/' && !has_scheme(name);
}

/* The part of @path that a name relative to it follows: all up to the last slash. */
static gsize
directory_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    gsize length = slash ? (gsize)(slash - path) + 1 : 0;
    gsize scheme = has_scheme(path) ? strcspn(path, ":") + 1 : 0;

    return MAX(length, scheme);
}

static char *
join_name(const char *path, const char *name)
{
    return g_strdup_printf("%.*s%s", (int)directory_length(path), path, name);
}

char *
chain_resolve_backing_path(const Layer *overlay, const char *name)
{
    return chain_is_relative_name(name) ? join_name(overlay->path, name) : g_strdup(name);
}

char *
chain_relative_name(const Chain *chain, guint position, guint base)
{
    g_autofree char *result = g_strdup("");

    g_assert(position < base);

    for (guint i = position; i < base; i++) {
        const char *name = chain_layer(chain, i)->backing_name;
        if (!name || !chain_is_relative_name(name))
            return NULL;

        char *next = join_name(result, name);
        g_free(result);
        result = next;
    }

    return g_steal_pointer(&result);
}

Chain *
chain_without_between(const Chain *chain, guint position, guint base)
{
    Chain *result = chain_new();

    g_assert(position < base);

    for (guint i = 0; i < chain_depth(chain); i++)
        if (i <= position || i >= base)
            g_ptr_array_add(result->layers, layer_copy(chain_layer(chain, i)));

    if (base != position + 1) {
        Layer *merged = chain_layer(result, position);
        gboolean has_base = base < chain_depth(chain);

        g_free(merged->backing_name);
        merged->backing_name = has_base ? g_strdup(chain_layer(chain, base)->path) : NULL;
    }

    return result;
}

Chain *
chain_with_active(const Chain *chain, Layer *layer)
{
    Chain *result = chain_copy(chain);

    g_ptr_array_insert(result->layers, 0, layer);

    return result;
}
