/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image names */

#include "qemu-shim/monitor/image-name.h"

#include <string.h>

#include "api/vblk-error.h"
#include "qmp/value.h"

#define JSON_PREFIX     "json:"
#define FILE_PREFIX     "file:"
#define BLKDEBUG_PREFIX "blkdebug:"

gboolean
image_name_is_json(const char *name)
{
    return g_str_has_prefix(name, JSON_PREFIX);
}

static GVariant *
parse_json(const char *text, GError **error)
{
    g_autoptr(GError) cause = NULL;
    g_autoptr(GVariant) value = qmp_value_parse(text, strlen(text), &cause);

    if (value == NULL) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Could not parse the JSON options: %s",
                    cause->message);
        return NULL;
    }
    if (!g_variant_is_of_type(value, G_VARIANT_TYPE_VARDICT)) {
        g_set_error_literal(error,
                            VBLK_ERROR,
                            VBLK_ERROR_INVALID_ARGUMENT,
                            "Could not parse the JSON options: they are no object");
        return NULL;
    }

    return g_steal_pointer(&value);
}

/* "CONFIG:IMAGE", where CONFIG may be empty. */
static GVariant *
parse_blkdebug(const char *rest, GError **error)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);
    const char *colon = strchr(rest, ':');
    g_autofree char *config = NULL;
    g_autoptr(GVariant) image = NULL;

    if (colon == NULL) {
        g_set_error_literal(error,
                            VBLK_ERROR,
                            VBLK_ERROR_INVALID_ARGUMENT,
                            "blkdebug requires both config file and image path");
        return NULL;
    }
    image = image_name_parse(colon + 1, error);
    if (image == NULL)
        return NULL;

    config = g_strndup(rest, (gsize)(colon - rest));
    g_variant_dict_insert(&dict, "driver", "s", "blkdebug");
    if (config[0] != '\0')
        g_variant_dict_insert(&dict, "config", "s", config);
    g_variant_dict_insert_value(&dict, "image", image);
    return g_variant_ref_sink(g_variant_dict_end(&dict));
}

GVariant *
image_name_parse(const char *name, GError **error)
{
    if (image_name_is_json(name))
        return parse_json(name + strlen(JSON_PREFIX), error);
    if (g_str_has_prefix(name, BLKDEBUG_PREFIX))
        return parse_blkdebug(name + strlen(BLKDEBUG_PREFIX), error);
    if (g_str_equal(name, "null-co://") || g_str_equal(name, "null-aio://")) {
        g_autofree char *driver = g_strndup(name, strlen(name) - strlen("://"));

        return g_variant_ref_sink(g_variant_new_parsed("{'driver': <%s>}", driver));
    }
    if (g_str_has_prefix(name, FILE_PREFIX))
        name += strlen(FILE_PREFIX);

    return g_variant_ref_sink(g_variant_new_parsed("{'driver': <'file'>, 'filename': <%s>}", name));
}

GVariant *
image_name_to_options(const char *name, const char *format, GError **error)
{
    g_autoptr(GVariant) options = image_name_parse(name, error);
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
    const char *driver = NULL;

    if (options == NULL)
        return NULL;
    if (image_name_is_json(name) && g_variant_lookup(options, "driver", "&s", &driver) &&
        (format == NULL || g_str_equal(driver, format)))
        return g_steal_pointer(&options);

    g_variant_dict_insert(&dict, "driver", "s", format != NULL ? format : "raw");
    g_variant_dict_insert_value(&dict, "file", options);
    return g_variant_ref_sink(g_variant_dict_end(&dict));
}
