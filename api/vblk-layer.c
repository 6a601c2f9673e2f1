/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Public layers */

#include "api/vblk-layer.h"

#include "api/vblk-layer-private.h"
#include "api/vblk-properties.h"

struct _VblkLayer {
    GObject parent;

    GVariant *properties;
    char **shared_with;
};

G_DEFINE_FINAL_TYPE(VblkLayer, vblk_layer, G_TYPE_OBJECT)

VblkLayer *
vblk_layer_new(GVariant *properties)
{
    VblkLayer *layer = g_object_new(VBLK_TYPE_LAYER, NULL);

    layer->properties = g_variant_ref(properties);
    if (!g_variant_lookup(properties, "shared-with", "^as", &layer->shared_with))
        layer->shared_with = g_new0(char *, 1);
    return layer;
}

const char *
vblk_layer_get_path(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), NULL);

    return vblk_properties_get_string(layer->properties, "path");
}

const char *
vblk_layer_get_format(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), NULL);

    return vblk_properties_get_string(layer->properties, "format");
}

guint
vblk_layer_get_index(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), 0);

    return vblk_properties_get_uint(layer->properties, "index");
}

guint64
vblk_layer_get_virtual_size(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), 0);

    return vblk_properties_get_uint64(layer->properties, "virtual-size");
}

guint64
vblk_layer_get_allocated(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), 0);

    return vblk_properties_get_uint64(layer->properties, "allocated");
}

guint64
vblk_layer_get_data(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), 0);

    return vblk_properties_get_uint64(layer->properties, "data");
}

const char *
vblk_layer_get_backing_name(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), NULL);

    return vblk_properties_get_string(layer->properties, "backing-name");
}

const char *const *
vblk_layer_get_shared_with(VblkLayer *layer)
{
    g_return_val_if_fail(VBLK_IS_LAYER(layer), NULL);

    return (const char *const *)layer->shared_with;
}

static void
vblk_layer_finalize(GObject *object)
{
    VblkLayer *layer = VBLK_LAYER(object);

    g_clear_pointer(&layer->properties, g_variant_unref);
    g_strfreev(layer->shared_with);

    G_OBJECT_CLASS(vblk_layer_parent_class)->finalize(object);
}

static void
vblk_layer_class_init(VblkLayerClass *class)
{
    G_OBJECT_CLASS(class)->finalize = vblk_layer_finalize;
}

static void
vblk_layer_init(VblkLayer *layer)
{
}
