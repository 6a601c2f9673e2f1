/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Open requests */

#include "qemu-shim/block/request.h"

#include "api/vblk-error.h"
#include "qemu-shim/block/options.h"

typedef gboolean (*TakeSettings)(BlockOptions *options, BlockRequest *request, GError **error);

static gboolean take_file(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_raw(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_qcow2(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_blkdebug(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_copy_on_read(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_quorum(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_nbd(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_compress(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_throttle(BlockOptions *options, BlockRequest *request, GError **error);
static gboolean take_null(BlockOptions *options, BlockRequest *request, GError **error);

typedef struct {
    gboolean is_protocol;
    TakeSettings take;
    const char *const *strong; /* what its filename stands for, in QEMU 7.2; NULL: nothing */
} Format;

#define STRONG(...)       \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }

/* clang-format off */
static const char *const format_words[] = {
    [BLOCK_FORMAT_FILE] = "file",
    [BLOCK_FORMAT_HOST_DEVICE] = "host_device",
    [BLOCK_FORMAT_RAW] = "raw",
    [BLOCK_FORMAT_QCOW2] = "qcow2",
    [BLOCK_FORMAT_NULL_CO] = "null-co",
    [BLOCK_FORMAT_NULL_AIO] = "null-aio",
    [BLOCK_FORMAT_THROTTLE] = "throttle",
    [BLOCK_FORMAT_BLKDEBUG] = "blkdebug",
    [BLOCK_FORMAT_COPY_ON_READ] = "copy-on-read",
    [BLOCK_FORMAT_COMPRESS] = "compress",
    [BLOCK_FORMAT_NBD] = "nbd",
    [BLOCK_FORMAT_QUORUM] = "quorum",
    NULL,
};

static const Format formats[] = {
    [BLOCK_FORMAT_FILE] = {TRUE, take_file, STRONG("filename")},
    [BLOCK_FORMAT_HOST_DEVICE] = {TRUE, take_file, STRONG("filename")},
    [BLOCK_FORMAT_RAW] = {FALSE, take_raw, STRONG("offset", "size")},
    [BLOCK_FORMAT_QCOW2] = {FALSE, take_qcow2, NULL},
    [BLOCK_FORMAT_NULL_CO] = {TRUE, take_null, STRONG("size", "read-zeroes")},
    [BLOCK_FORMAT_NULL_AIO] = {TRUE, take_null, STRONG("size", "read-zeroes")},
    [BLOCK_FORMAT_THROTTLE] = {FALSE, take_throttle, STRONG("throttle-group")},
    [BLOCK_FORMAT_BLKDEBUG] = {FALSE, take_blkdebug,
        STRONG("config", "inject-error", "set-state", "align", "max-transfer", "opt-write-zero",
               "max-write-zero", "opt-discard", "max-discard", "take-child-perms",
               "unshare-child-perms")},
    [BLOCK_FORMAT_COPY_ON_READ] = {FALSE, take_copy_on_read, STRONG("bottom")},
    [BLOCK_FORMAT_COMPRESS] = {FALSE, take_compress, NULL},
    [BLOCK_FORMAT_NBD] = {TRUE, take_nbd, STRONG("server", "export")},
    [BLOCK_FORMAT_QUORUM] = {FALSE, take_quorum,
        STRONG("vote-threshold", "blkverify", "rewrite-corrupted", "read-pattern")},
};
/* clang-format on */

gboolean
block_format_is_protocol(BlockFormat format)
{
    return formats[format].is_protocol;
}

gboolean
block_format_has_file(BlockFormat format)
{
    return !formats[format].is_protocol && format != BLOCK_FORMAT_BLKDEBUG;
}

gboolean
block_format_is_image(BlockFormat format)
{
    return format == BLOCK_FORMAT_RAW || format == BLOCK_FORMAT_QCOW2;
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

static void clear_reference(BlockReference *reference);

static void
free_reference(gpointer data)
{
    clear_reference(data);
    g_free(data);
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
    g_clear_pointer(&request->strong, g_variant_unref);
    g_free(request->throttle_group);
    g_free(request->bottom);
    blkdebug_settings_free(request->blkdebug);
    nbd_settings_free(request->nbd);
    g_clear_pointer(&request->children, g_ptr_array_unref);
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
take_cache(BlockOptions *options, BlockTuning *tuning, GError **error)
{
    g_autoptr(BlockOptions) cache = NULL;

    return block_options_take_object(options, "cache", &cache, error) &&
           (cache == NULL ||
            (block_options_take_boolean(cache, "direct", &tuning->is_direct, error) &&
             block_options_take_boolean(cache, "no-flush", &tuning->is_without_flush, error) &&
             block_options_finish(cache, error)));
}

static gboolean
take_tuning(BlockOptions *options, BlockTuning *tuning, GError **error)
{
    static const char *const discards[] = {"ignore", "unmap", NULL};
    guint discard = 0;
    guint detect = BLOCK_DETECT_ZEROES_OFF;

    if (!block_options_take_enum(options, "discard", discards, &discard, error) ||
        !take_cache(options, tuning, error) ||
        !block_options_take_enum(
            options, "detect-zeroes", block_detect_zeroes_words, &detect, error))
        return FALSE;

    tuning->has_unmap = discard == 1;
    tuning->detect_zeroes = (BlockDetectZeroes)detect;
    if (detect != BLOCK_DETECT_ZEROES_UNMAP || tuning->has_unmap)
        return TRUE;
    g_set_error_literal(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        "setting detect-zeroes to unmap is not allowed without setting discard "
                        "operation to unmap");
    return FALSE;
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
        !block_options_take_boolean(options, "force-share", &request->is_shared, error) ||
        !take_tuning(options, &request->tuning, error))
        return FALSE;
    if (request->node_name != NULL && !check_node_name(request->node_name, error))
        return FALSE;
    if (!request->is_shared || request->is_read_only)
        return TRUE;

    g_set_error_literal(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        "force-share=on can only be used with read-only images");
    return FALSE;
}

/* Options of a right type that tune QEMU's caches and threads, which we have not. */
static gboolean
take_idle(BlockOptions *options,
          const char *const *booleans,
          const char *const *integers,
          GError **error)
{
    gboolean is_on;
    gint64 number;

    for (; *booleans != NULL; booleans++) {
        if (!block_options_take_boolean(options, *booleans, &is_on, error))
            return FALSE;
    }
    for (; *integers != NULL; integers++) {
        if (!block_options_take_integer(options, *integers, G_MININT64, G_MAXINT64, &number, error))
            return FALSE;
    }

    return TRUE;
}

static gboolean
take_file(BlockOptions *options, BlockRequest *request, GError **error)
{
    static const char *const lockings[] = {"auto", "on", "off", NULL};
    static const char *const engines[] = {"threads", "native", "io_uring", NULL};
    static const char *const booleans[] = {"drop-cache", "x-check-cache-dropped", NULL};
    static const char *const integers[] = {"aio-max-batch", NULL};
    g_autofree char *manager = NULL;
    guint locking = 0, engine = 0;

    if (!block_options_take_string(options, "filename", &request->filename, error))
        return FALSE;
    if (request->filename == NULL) {
        block_options_set_missing(options, "filename", error);
        return FALSE;
    }
    if (!block_options_take_string(options, "pr-manager", &manager, error) ||
        !block_options_take_enum(options, "locking", lockings, &locking, error) ||
        !block_options_take_enum(options, "aio", engines, &engine, error) ||
        !take_idle(options, booleans, integers, error))
        return FALSE;

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
take_child(BlockOptions *options, const char *key, BlockRequest *request, GError **error)
{
    if (!take_reference(options, key, request, &request->file, error))
        return FALSE;
    if (request->file.name != NULL || request->file.request != NULL)
        return TRUE;

    block_options_set_missing(options, key, error);
    return FALSE;
}

static gboolean
take_raw(BlockOptions *options, BlockRequest *request, GError **error)
{
    return take_child(options, "file", request, error) &&
           raw_settings_take(options, &request->settings.raw, error);
}

static gboolean
take_qcow2(BlockOptions *options, BlockRequest *request, GError **error)
{
    static const char *const booleans[] = {"lazy-refcounts",
                                           "pass-discard-request",
                                           "pass-discard-snapshot",
                                           "pass-discard-other",
                                           NULL};
    static const char *const integers[] = {"cache-size",
                                           "l2-cache-size",
                                           "l2-cache-entry-size",
                                           "refcount-cache-size",
                                           "cache-clean-interval",
                                           NULL};

    if (!take_child(options, "file", request, error) || !take_backing(options, request, error) ||
        !take_idle(options, booleans, integers, error))
        return FALSE;

    block_options_take_ignored(options, "overlap-check");
    return TRUE;
}

static gboolean
take_null(BlockOptions *options, BlockRequest *request, GError **error)
{
    return null_settings_take(options, &request->settings.null, error);
}

static gboolean
take_throttle(BlockOptions *options, BlockRequest *request, GError **error)
{
    if (!block_options_take_string(options, "throttle-group", &request->throttle_group, error))
        return FALSE;
    if (request->throttle_group == NULL) {
        block_options_set_missing(options, "throttle-group", error);
        return FALSE;
    }

    return take_child(options, "file", request, error);
}

static gboolean
take_blkdebug(BlockOptions *options, BlockRequest *request, GError **error)
{
    if (!take_child(options, "image", request, error))
        return FALSE;

    request->blkdebug = blkdebug_settings_take(options, error);
    return request->blkdebug != NULL;
}

static gboolean
take_copy_on_read(BlockOptions *options, BlockRequest *request, GError **error)
{
    return take_child(options, "file", request, error) &&
           block_options_take_string(options, "bottom", &request->bottom, error);
}

static gboolean
take_compress(BlockOptions *options, BlockRequest *request, GError **error)
{
    return take_child(options, "file", request, error);
}

static gboolean
take_nbd(BlockOptions *options, BlockRequest *request, GError **error)
{
    request->nbd = nbd_settings_take(options, error);
    return request->nbd != NULL;
}

static gboolean
take_children(BlockOptions *options, BlockRequest *request, GError **error)
{
    g_autoptr(BlockOptions) list = NULL;
    guint count = 0;

    if (!block_options_take_list(options, "children", &list, &count, error))
        return FALSE;
    if (list == NULL) {
        block_options_set_missing(options, "children", error);
        return FALSE;
    }

    request->children = g_ptr_array_new_with_free_func(free_reference);
    for (guint i = 0; i < count; i++) {
        g_autofree char *number = g_strdup_printf("%u", i);
        BlockReference *child = g_new0(BlockReference, 1);

        g_ptr_array_add(request->children, child);
        if (!take_reference(list, number, request, child, error))
            return FALSE;
        if (child->is_null) {
            g_set_error_literal(error,
                                VBLK_ERROR,
                                VBLK_ERROR_INVALID_ARGUMENT,
                                "Invalid parameter type for 'null', expected: BlockdevRef");
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean
take_quorum(BlockOptions *options, BlockRequest *request, GError **error)
{
    if (!take_children(options, request, error) ||
        !quorum_settings_take(options, &request->settings.quorum, error))
        return FALSE;
    if (request->children->len > 0)
        return TRUE;

    g_set_error_literal(error,
                        VBLK_ERROR,
                        VBLK_ERROR_INVALID_ARGUMENT,
                        "Number of provided children must be 1 or more");
    return FALSE;
}

static BlockRequest *
request_new(BlockOptions *options, const BlockRequest *defaults, GError **error)
{
    g_autoptr(BlockRequest) request = g_new0(BlockRequest, 1);

    request->is_read_only = defaults->is_read_only;
    request->is_auto_read_only = defaults->is_auto_read_only;
    request->is_shared = defaults->is_shared;
    if (!take_common(options, request, error))
        return NULL;

    request->strong = g_variant_ref_sink(
        block_options_copy(options, formats[request->format].strong));
    if (!formats[request->format].take(options, request, error) ||
        !block_options_finish(options, error))
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
    file->strong = g_variant_ref_sink(g_variant_new_parsed("{'filename': <%s>}", path));
    file->is_read_only = is_read_only;
    file->is_shared = is_shared;
    request->format = format;
    request->is_read_only = is_read_only;
    request->is_shared = is_shared;
    request->file.request = file;
    return request;
}
