/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stored chains */

#include "driver/chain-text.h"

#include "api/vblk-error.h"

/* Of each layer: kind, path, format, index, backing name. */
#define TYPE "a(issus)"

char *
chain_to_text(const Chain *chain)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE(TYPE));
    g_autoptr(GVariant) value = NULL;

    for (guint i = 0; i < chain_depth(chain); i++) {
        const Layer *layer = chain_layer(chain, i);

        g_variant_builder_add(&builder,
                              "(issus)",
                              (gint32)layer->kind,
                              layer->path,
                              layer->format,
                              layer->index,
                              layer->backing_name != NULL ? layer->backing_name : "");
    }

    value = g_variant_ref_sink(g_variant_builder_end(&builder));
    return g_variant_print(value, TRUE);
}

Chain *
chain_from_text(const char *text, GError **error)
{
    g_autoptr(GVariant) value = g_variant_parse(G_VARIANT_TYPE(TYPE), text, NULL, NULL, error);
    g_autoptr(Chain) chain = chain_new();
    GVariantIter iter;
    const char *path, *format, *backing_name;
    gint32 kind;
    guint32 index;

    if (value == NULL)
        return NULL;

    g_variant_iter_init(&iter, value);
    while (g_variant_iter_next(&iter, "(i&s&su&s)", &kind, &path, &format, &index, &backing_name)) {
        Layer *layer;

        if (kind < LAYER_FILE || kind > LAYER_OTHER) {
            g_set_error(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INTERNAL,
                        "stored layer '%s' is of no known kind: '%d'",
                        path,
                        kind);
            return NULL;
        }

        layer = layer_new((LayerKind)kind, path, format, index);
        layer->backing_name = backing_name[0] != '\0' ? g_strdup(backing_name) : NULL;
        if (!chain_append(chain, layer, error))
            return NULL;
    }

    return g_steal_pointer(&chain);
}
