/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Property values */

#include "api/vblk-properties.h"

const char *
vblk_properties_get_string(GVariant *properties, const char *name)
{
    const char *value = NULL;

    if (!g_variant_lookup(properties, name, "&s", &value) &&
        !g_variant_lookup(properties, name, "&o", &value))
        return NULL;

    return value[0] != '\0' ? value : NULL;
}

gboolean
vblk_properties_get_boolean(GVariant *properties, const char *name)
{
    gboolean value = FALSE;

    g_variant_lookup(properties, name, "b", &value);
    return value;
}

int
vblk_properties_get_int(GVariant *properties, const char *name, int fallback)
{
    gint32 value = fallback;

    g_variant_lookup(properties, name, "i", &value);
    return value;
}

guint
vblk_properties_get_uint(GVariant *properties, const char *name)
{
    guint32 value = 0;

    g_variant_lookup(properties, name, "u", &value);
    return value;
}

guint64
vblk_properties_get_uint64(GVariant *properties, const char *name)
{
    guint64 value = 0;

    g_variant_lookup(properties, name, "t", &value);
    return value;
}

double
vblk_properties_get_double(GVariant *properties, const char *name)
{
    double value = 0;

    g_variant_lookup(properties, name, "d", &value);
    return value;
}

GVariant *
vblk_properties_merge(GVariant *properties, GVariant *changed)
{
    g_autoptr(GVariant) old = properties;
    g_autoptr(GVariantDict) dict = g_variant_dict_new(old);
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iter, changed);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        g_variant_dict_insert_value(dict, name, value);
        g_variant_unref(value);
    }

    return g_variant_ref_sink(g_variant_dict_end(dict));
}
