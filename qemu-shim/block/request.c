/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Open requests */

#include "qemu-shim/block/request.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/options.h"

/* Indexed by BlockFormat. */
static const char *const format_words[] = {"file", "host_device", "raw", "qcow2", NULL};

/* What tunes QEMU's caches and threads. It changes nothing of what is read or made durable. */
static const char *const tuning_words[] = {
    "cache",
    "aio",
    "discard",
    "detect-zeroes",
    "drop-cache",
    "pr-manager",
    "lazy-refcounts",
    "cache-size",
    "l2-cache-size",
    "l2-cache-entry-size",
    "refcount-cache-size",
    "cache-clean-interval",
    "overlap-check",
    "pass-discard-request",
    "pass-discard-snapshot",
    "pass-discard-other",
};

gboolean
block_format_is_protocol(BlockFormat format)
{
    return format == BLOCK_FORMAT_FILE || format == BLOCK_FORMAT_HOST_DEVICE;
}

const char *
block_format_to_string(BlockFormat format)
{
    return format_words[format];
}

gboolean
block_format_from_string(const char *word, BlockFormat *ret_format)
{
    for (guint i = 0; format_words[i] != NULL; i++) {
        if (!g_str_equal(format_words[i], word))
            continue;
        *ret_format = (BlockFormat)i;
        return TRUE;
    }

    return FALSE;
}

static void
clear_reference(BlockReference *reference)
{
    g_free(reference->name);
    block_request_free(reference->request);
}

void
block_request_free(BlockRequest *request)
{
    if (request == NULL)
        return;

    clear_reference(&request->file);
    clear_reference(&request->backing);
    g_free(request->filename);
    g_free(request->node_name);
    g_free(request);
}

static BlockRequest *
request_new(BlockOptions *options, const BlockRequest *defaults, GError **error);

/* A node's name is what jobs and monitors will call it by. */
static gboolean
check_node_name(const char *name, GError **error)
{
    gboolean is_good = g_ascii_isalpha(name[0]);

    for (const char *at = name; is_good && *at != '\0'; at++)
        is_good = (g_ascii_isalnum(*at) || *at == '-' || *at == '.' || *at == '_') &&
                  at - name < 31;

    if (!is_good) {
        g_autofree char *printable = g_strescape(name, NULL);

        g_set_error(
            error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "Invalid node-name: '%s'", printable);
    }
    return is_good;
}

static gboolean
take_reference(BlockOptions *options,
               const char *key,
               const BlockRequest *defaults,
               BlockReference *ret_reference,
               GError **error)
{
    g_autoptr(BlockOptions) child = NULL;

    if (!block_options_take_node(
            options, key, &ret_reference->name, &child, &ret_reference->is_null, error))
        return FALSE;
    if (child == NULL)
        return TRUE;

    ret_reference->request = request_new(child, defaults, error);
    return ret_reference->request != NULL;
}

static gboolean
take_common(BlockOptions *options, BlockRequest *request, GError **error)
{
    guint format = G_MAXUINT;

    if (!block_options_take_enum(options, "driver", format_words, &format, error))
        return FALSE;
    if (format == G_MAXUINT) {
        block_options_set_missing(options, "driver", error);
        return FALSE;
    }
    request->format = (BlockFormat)format;

    if (!block_options_take_string(options, "node-name", &request->node_name, error) ||
        !block_options_take_boolean(options, "read-only", &request->is_read_only, error) ||
        !block_options_take_boolean(
            options, "auto-read-only", &request->is_auto_read_only, error) ||
        !block_options_take_boolean(options, "force-share", &request->is_shared, error))
        return FALSE;
    if (request->node_name != NULL && !check_node_name(request->node_name, error))
        return FALSE;
    if (request->is_shared && !request->is_read_only) {
        g_set_error_literal(error,
                            VBLK_ERROR,
                            VBLK_ERROR_INVALID_ARGUMENT,
                            "force-share=on can only be used with read-only images");
        return FALSE;
    }

    for (guint i = 0; i < G_N_ELEMENTS(tuning_words); i++)
        block_options_take_ignored(options, tuning_words[i]);
    return TRUE;
}

static gboolean
take_protocol(BlockOptions *options, BlockRequest *request, GError **error)
{
    static const char *const lockings[] = {"auto", "on", "off", NULL};
    guint locking = 0;

    if (!block_options_take_string(options, "filename", &request->filename, error) ||
        !block_options_take_enum(options, "locking", lockings, &locking, error))
        return FALSE;
    if (request->filename == NULL) {
        block_options_set_missing(options, "filename", error);
        return FALSE;
    }

    request->is_unlocked = locking == 2;
    return TRUE;
}

static gboolean
take_backing(BlockOptions *options, BlockRequest *request, GError **error)
{
    const BlockRequest defaults = {.is_read_only = TRUE, .is_shared = request->is_shared};

    if (!take_reference(options, "backing", &defaults, &request->backing, error))
        return FALSE;
    if (request->backing.request == NULL || request->backing.request->is_read_only)
        return TRUE;

    g_set_error_literal(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        "Parameter 'backing.read-only' cannot be off: a backing image is not "
                        "written");
    return FALSE;
}

static gboolean
take_format(BlockOptions *options, BlockRequest *request, GError **error)
{
    if (!take_reference(options, "file", request, &request->file, error))
        return FALSE;
    if (request->file.name == NULL && request->file.request == NULL) {
        block_options_set_missing(options, "file", error);
        return FALSE;
    }

    if (request->format == BLOCK_FORMAT_RAW)
        return block_options_take_size(options, "offset", &request->offset, error) &&
               block_options_take_size(options, "size", &request->size, error);
    return take_backing(options, request, error);
}

static BlockRequest *
request_new(BlockOptions *options, const BlockRequest *defaults, GError **error)
{
    g_autoptr(BlockRequest) request = g_new0(BlockRequest, 1);
    gboolean is_taken;

    request->is_read_only = defaults->is_read_only;
    request->is_auto_read_only = defaults->is_auto_read_only;
    request->is_shared = defaults->is_shared;
    if (!take_common(options, request, error))
        return NULL;

    is_taken = block_format_is_protocol(request->format) ? take_protocol(options, request, error)
                                                         : take_format(options, request, error);
    if (!is_taken || !block_options_finish(options, error))
        return NULL;
    return g_steal_pointer(&request);
}

BlockRequest *
block_request_new(GVariant *options, GError **error)
{
    const BlockRequest defaults = {.is_read_only = FALSE};
    g_autoptr(BlockOptions) taken = block_options_new(options, error);

    return taken != NULL ? request_new(taken, &defaults, error) : NULL;
}

BlockRequest *
block_request_new_for_image(const char *path,
                            BlockFormat format,
                            gboolean is_read_only,
                            gboolean is_shared)
{
    BlockRequest *request = g_new0(BlockRequest, 1);
    BlockRequest *file = g_new0(BlockRequest, 1);

    file->format = BLOCK_FORMAT_FILE;
    file->filename = g_strdup(path);
    file->is_read_only = is_read_only;
    file->is_shared = is_shared;
    request->format = format;
    request->is_read_only = is_read_only;
    request->is_shared = is_shared;
    request->file.request = file;
    return request;
}
