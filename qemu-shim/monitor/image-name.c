/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image names */

#include "qemu-shim/monitor/image-name.h"

#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/backing.h"
#include "qmp/value.h"

#define JSON_PREFIX     "json:"
#define FILE_PREFIX     "file:"
#define BLKDEBUG_PREFIX "blkdebug:"
#define NBD_EXPORT      ":exportname="
#define NBD_PORT        10809

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
        g_set_error_literal(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "Invalid JSON object given");
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

static GVariant *
refuse_nbd(const char *name, GError **error)
{
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "'%s' is no NBD address: use nbd://HOST[:PORT][/EXPORT], "
                "nbd+unix:///[EXPORT]?socket=PATH, nbd:unix:PATH[:exportname=EXPORT] or "
                "nbd:HOST:PORT[:exportname=EXPORT]",
                name);
    return NULL;
}

/* @path, or @host and @port; an empty @export_name is the default one. */
static GVariant *
make_nbd(const char *path, const char *host, const char *port, const char *export_name)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "driver", "s", "nbd");
    g_variant_dict_insert(&dict, "server.type", "s", path != NULL ? "unix" : "inet");
    if (path != NULL) {
        g_variant_dict_insert(&dict, "server.path", "s", path);
    } else {
        g_variant_dict_insert(&dict, "server.host", "s", host);
        g_variant_dict_insert(&dict, "server.port", "s", port);
    }
    if (export_name != NULL && export_name[0] != '\0')
        g_variant_dict_insert(&dict, "export", "s", export_name);
    return g_variant_ref_sink(g_variant_dict_end(&dict));
}

/* The form before there were URIs. */
static GVariant *
parse_nbd_words(const char *name, GError **error)
{
    g_autofree char *address = g_strdup(name + strlen("nbd:"));
    char *export_name = strstr(address, NBD_EXPORT);
    char *colon;

    if (export_name != NULL) {
        *export_name = '\0';
        export_name += strlen(NBD_EXPORT);
    }
    if (g_str_has_prefix(address, "unix:"))
        return make_nbd(address + strlen("unix:"), NULL, NULL, export_name);

    colon = strrchr(address, ':');
    if (colon == NULL || colon == address)
        return refuse_nbd(name, error);
    *colon = '\0';
    return make_nbd(NULL, address, colon + 1, export_name);
}

static GVariant *
parse_nbd_uri(const char *name, GError **error)
{
    g_autoptr(GUri) uri = g_uri_parse(name, G_URI_FLAGS_NONE, NULL);
    g_autoptr(GHashTable) query = NULL;
    g_autofree char *port = NULL;
    const char *path, *socket = NULL;

    if (uri == NULL)
        return refuse_nbd(name, error);
    path = g_uri_get_path(uri);
    if (path[0] == '/')
        path++;
    if (g_uri_get_query(uri) != NULL)
        query = g_uri_parse_params(g_uri_get_query(uri), -1, "&", G_URI_PARAMS_NONE, NULL);
    if (query != NULL)
        socket = g_hash_table_lookup(query, "socket");
    if (g_str_equal(g_uri_get_scheme(uri), "nbd+unix"))
        return socket != NULL ? make_nbd(socket, NULL, NULL, path) : refuse_nbd(name, error);
    if (socket != NULL || g_uri_get_host(uri) == NULL || g_uri_get_host(uri)[0] == '\0')
        return refuse_nbd(name, error);

    port = g_strdup_printf("%d", g_uri_get_port(uri) > 0 ? g_uri_get_port(uri) : NBD_PORT);
    return make_nbd(NULL, g_uri_get_host(uri), port, path);
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
    if (g_str_has_prefix(name, "nbd://") || g_str_has_prefix(name, "nbd+tcp://") ||
        g_str_has_prefix(name, "nbd+unix://"))
        return parse_nbd_uri(name, error);
    if (g_str_has_prefix(name, "nbd:"))
        return parse_nbd_words(name, error);
    if (g_str_has_prefix(name, FILE_PREFIX)) {
        name += strlen(FILE_PREFIX);
    } else if (backing_has_scheme(name)) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Unknown protocol '%.*s'",
                    (int)strcspn(name, ":"),
                    name);
        return NULL;
    }

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
