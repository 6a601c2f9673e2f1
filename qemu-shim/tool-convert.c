/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image conversion */

#include <stdio.h>
#include <string.h>

#include "qemu-shim/block/errors.h"
#include "qemu-shim/io/zero.h"
#include "qemu-shim/tool.h"

/*
 * Inputs are read one after the other as one image. What they say is zeros, and what turns out to
 * be on being looked at, is not written to a target that reads as zeros already; with a backing
 * file on the target, what the uppermost layer of the source does not have is left to that file.
 */
#define COPY_BYTES          (2u * 1024 * 1024)
#define DEFAULT_SPARSE_SIZE 4096
#define MAX_PARALLEL        16

typedef struct {
    char *format;
    char *out_format;
    char *options;
    char *backing;
    char *backing_format;
    char *sparse_size;
    char *cache;
    char *source_cache;
    int parallel;
    gboolean is_existing; /* -n */
    gboolean is_zero;     /* --target-is-zero */
    gboolean is_compressed;
    gboolean is_shared;
    gboolean is_out_of_order;
    gboolean has_offload;
    gboolean has_progress;
    gboolean is_quiet;
} Words;

typedef struct {
    const Words *words;
    BlockNode *target;
    guint64 sparse_size; /* zeros of this length are looked for; 0: not at all */
    gboolean reads_zeroes;
    guint64 begin; /* of the present source in the target */
    guint64 total;
    char *buffer;
} Copy;

static void
words_clear(Words *words)
{
    g_free(words->format);
    g_free(words->out_format);
    g_free(words->options);
    g_free(words->backing);
    g_free(words->backing_format);
    g_free(words->sparse_size);
    g_free(words->cache);
    g_free(words->source_cache);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

static int
fail(const char *message)
{
    fprintf(stderr, "qemu-shim: %s\n", message);
    return 1;
}

static void
show_progress(const Copy *copy, guint64 done)
{
    if (copy->words->has_progress && !copy->words->is_quiet) {
        double percent = copy->total > 0 ? 100.0 * (double)done / (double)copy->total : 100.0;

        printf("    (%3.2f/100%%)\r", percent);
        fflush(stdout);
    }
}

static int
write_zeroes(const Copy *copy, guint64 offset, guint64 length)
{
    return copy->reads_zeroes ? 0 : block_node_write_zeroes(copy->target, offset, length);
}

/* Runs of zeros and of others, each a number of sparse units, but for the last. */
static int
write_sparsely(const Copy *copy, guint64 offset, gsize length)
{
    gsize at = 0;
    int status = 0;

    while (status == 0 && at < length) {
        gsize unit = (gsize)copy->sparse_size;
        gsize end = at + MIN(unit, length - at);
        gboolean is_zero = buffer_is_zero(copy->buffer + at, end - at);

        while (end < length &&
               buffer_is_zero(copy->buffer + end, MIN(unit, length - end)) == is_zero)
            end += MIN(unit, length - end);
        status = is_zero ? write_zeroes(copy, offset + at, end - at)
                         : block_node_write(copy->target, offset + at, copy->buffer + at, end - at);
        at = end;
    }

    return status;
}

static int
copy_data(const Copy *copy, BlockNode *source, guint64 offset, gsize length)
{
    int status = block_node_read(source, offset, copy->buffer, length);

    if (status < 0)
        return status;
    return copy->sparse_size > 0
               ? write_sparsely(copy, copy->begin + offset, length)
               : block_node_write(copy->target, copy->begin + offset, copy->buffer, length);
}

/* The status of the next piece: of the whole chain, or of the top where the rest is the backing's.
 */
static int
look_at(const Copy *copy,
        BlockNode *source,
        guint64 offset,
        BlockStatus *ret_what,
        guint64 *ret_length)
{
    guint64 rest = block_node_get_length(source) - offset;

    if (copy->words->backing != NULL)
        return block_node_get_status(source, offset, rest, ret_what, ret_length);
    if (copy->sparse_size == 0) {
        *ret_what = BLOCK_STATUS_DATA;
        *ret_length = rest;
        return 0;
    }
    return block_node_get_status_above(source, NULL, offset, rest, ret_what, ret_length);
}

/* Packed clusters are written whole: what is not all zeros is read as a whole. */
static int
copy_cluster(const Copy *copy, BlockNode *source, guint64 offset, gsize length)
{
    int status = block_node_read(source, offset, copy->buffer, length);

    if (status < 0)
        return status;
    if (copy->sparse_size > 0 && buffer_is_zero(copy->buffer, length))
        return write_zeroes(copy, copy->begin + offset, length);
    return block_node_write_compressed(copy->target, copy->begin + offset, copy->buffer, length);
}

/* Where clusters are packed, pieces begin and end with them. */
static BlockStatus
fit_to_clusters(const Copy *copy,
                BlockNode *source,
                guint64 offset,
                BlockStatus what,
                guint64 *length)
{
    guint64 unit = block_node_get_cluster_size(copy->target);
    guint64 rest = block_node_get_length(source) - offset;

    if (what != BLOCK_STATUS_DATA && *length == rest)
        return what;
    if (what != BLOCK_STATUS_DATA && *length >= unit) {
        *length = *length / unit * unit;
        return what;
    }

    *length = MIN(unit, rest);
    return BLOCK_STATUS_DATA;
}

static int
copy_piece(const Copy *copy, BlockNode *source, guint64 offset, guint64 *ret_length)
{
    BlockStatus what;
    int status = look_at(copy, source, offset, &what, ret_length);

    if (status < 0)
        return status;
    if (copy->words->is_compressed)
        what = fit_to_clusters(copy, source, offset, what, ret_length);

    switch (what) {
    case BLOCK_STATUS_UNALLOCATED:
        return copy->words->backing != NULL ? 0
                                            : write_zeroes(copy, copy->begin + offset, *ret_length);
    case BLOCK_STATUS_ZERO:
        return write_zeroes(copy, copy->begin + offset, *ret_length);
    case BLOCK_STATUS_DATA:
        if (copy->words->is_compressed)
            return copy_cluster(copy, source, offset, (gsize)*ret_length);
        *ret_length = MIN(*ret_length, COPY_BYTES - offset % COPY_BYTES);
        return copy_data(copy, source, offset, (gsize)*ret_length);
    }

    g_assert_not_reached();
}

static gboolean
copy_source(Copy *copy, BlockNode *source)
{
    guint64 end = block_node_get_length(source);
    guint64 length = 0;

    for (guint64 offset = 0; offset < end; offset += length) {
        int status = copy_piece(copy, source, offset, &length);

        if (status < 0) {
            fprintf(stderr,
                    "qemu-shim: error while converting at offset %" G_GUINT64_FORMAT ": %s\n",
                    offset,
                    g_strerror(-status));
            return FALSE;
        }
        show_progress(copy, copy->begin + offset + length);
    }

    copy->begin += end;
    return TRUE;
}

static gboolean
copy_sources(const Words *words, const GPtrArray *sources, BlockNode *target, guint64 total)
{
    g_autofree char *buffer = g_malloc(COPY_BYTES);
    guint64 sparse_size = DEFAULT_SPARSE_SIZE;
    int status;
    Copy copy = {
        .words = words,
        .target = target,
        .reads_zeroes = (!words->is_existing && words->backing == NULL) || words->is_zero,
        .total = total,
        .buffer = buffer,
    };

    if (words->sparse_size != NULL)
        tool_parse_size(words->sparse_size, &sparse_size);
    copy.sparse_size = sparse_size;

    show_progress(&copy, 0);
    for (guint i = 0; i < sources->len; i++) {
        if (!copy_source(&copy, sources->pdata[i]))
            return FALSE;
    }
    status = block_node_flush(target);
    if (status < 0) {
        fprintf(stderr, "qemu-shim: cannot flush the target: %s\n", g_strerror(-status));
        return FALSE;
    }

    show_progress(&copy, total);
    if (words->has_progress && !words->is_quiet)
        putchar('\n');
    return TRUE;
}

static GPtrArray *
open_sources(BlockGraph *graph, const Words *words, int n_sources, char **names, guint64 *ret_total)
{
    g_autoptr(GPtrArray) sources = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);

    *ret_total = 0;
    for (int i = 0; i < n_sources; i++) {
        BlockNode *source = tool_open(graph, names[i], words->format, FALSE);

        if (source == NULL)
            return NULL;
        g_ptr_array_add(sources, source);
        if (!g_uint64_checked_add(ret_total, *ret_total, block_node_get_length(source))) {
            fail("the inputs are too large together");
            return NULL;
        }
    }

    return g_steal_pointer(&sources);
}

static gboolean
create_target(const Words *words, const char *path, guint64 size)
{
    Qcow2CreateOptions options = {
        .size = size,
        .backing_name = words->backing,
        .backing_format = words->backing_format,
    };
    const char *format = words->out_format != NULL ? words->out_format : "raw";

    return tool_parse_create_options(words->options, &options) &&
           tool_write_image(path, format, &options) == 0;
}

static BlockNode *
open_target(BlockGraph *graph, const Words *words, const char *path, guint64 size)
{
    const char *format = words->out_format != NULL ? words->out_format : "raw";
    BlockNode *target;

    if (!words->is_existing && !create_target(words, path, size))
        return NULL;
    target = tool_open_writable(graph, path, format);
    if (target == NULL || block_node_get_length(target) >= size)
        return target;

    fprintf(stderr,
            "qemu-shim: Cannot write past the end of '%s': it has %" G_GUINT64_FORMAT
            " bytes of %" G_GUINT64_FORMAT "\n",
            path,
            block_node_get_length(target),
            size);
    block_node_unref(target);
    return NULL;
}

static int
check_words(const Words *words)
{
    guint64 sparse_size = 0;
    gboolean is_raw = words->out_format == NULL || g_str_equal(words->out_format, "raw");

    if (!is_raw && !g_str_equal(words->out_format, "qcow2")) {
        fprintf(stderr, "qemu-shim: Unknown file format '%s'\n", words->out_format);
        return 1;
    }
    if (words->is_compressed && is_raw)
        return fail("Compression not supported for this file format");
    if (words->parallel < 1 || words->parallel > MAX_PARALLEL)
        return fail(
            "Invalid number of coroutines. Allowed number of coroutines is between 1 and 16");
    if (words->sparse_size != NULL && (!tool_parse_size(words->sparse_size, &sparse_size) ||
                                       sparse_size % 512 != 0 || sparse_size > COPY_BYTES))
        return fail("Invalid buffer size for sparse output specified. Valid sizes are multiples of "
                    "512 up to 2097152. Select 0 to disable sparse detection (fully allocates "
                    "output).");
    if (words->is_existing && words->options != NULL)
        return fail("-o has no effect when skipping image creation");
    if (words->is_zero && !words->is_existing)
        return fail("--target-is-zero requires use of -n flag");
    if (words->backing != NULL && (is_raw || words->backing_format == NULL))
        return fail("-B is for -O qcow2, and takes -F with the format of the backing file");
    return 0;
}

int
tool_convert(int argc, char **argv)
{
    g_auto(Words) words = {.parallel = 8};
    GOptionEntry entries[] = {
        {"format", 'f', 0, G_OPTION_ARG_STRING, &words.format, NULL, NULL},
        {"out-format", 'O', 0, G_OPTION_ARG_STRING, &words.out_format, NULL, NULL},
        {"options", 'o', 0, G_OPTION_ARG_STRING, &words.options, NULL, NULL},
        {"backing", 'B', 0, G_OPTION_ARG_STRING, &words.backing, NULL, NULL},
        {"backing-format", 'F', 0, G_OPTION_ARG_STRING, &words.backing_format, NULL, NULL},
        {"sparse-size", 'S', 0, G_OPTION_ARG_STRING, &words.sparse_size, NULL, NULL},
        {"cache", 't', 0, G_OPTION_ARG_STRING, &words.cache, NULL, NULL},
        {"source-cache", 'T', 0, G_OPTION_ARG_STRING, &words.source_cache, NULL, NULL},
        {"parallel", 'm', 0, G_OPTION_ARG_INT, &words.parallel, NULL, NULL},
        {"no-create", 'n', 0, G_OPTION_ARG_NONE, &words.is_existing, NULL, NULL},
        {"target-is-zero", 0, 0, G_OPTION_ARG_NONE, &words.is_zero, NULL, NULL},
        {"compress", 'c', 0, G_OPTION_ARG_NONE, &words.is_compressed, NULL, NULL},
        {"force-share", 'U', 0, G_OPTION_ARG_NONE, &words.is_shared, NULL, NULL},
        {"out-of-order", 'W', 0, G_OPTION_ARG_NONE, &words.is_out_of_order, NULL, NULL},
        {"copy-offload", 'C', 0, G_OPTION_ARG_NONE, &words.has_offload, NULL, NULL},
        {"progress", 'p', 0, G_OPTION_ARG_NONE, &words.has_progress, NULL, NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &words.is_quiet, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("FILE... TARGET");
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(GPtrArray) sources = NULL;
    g_autoptr(BlockNode) target = NULL;
    g_autoptr(GError) error = NULL;
    guint64 total;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        tool_say_error(error);
        return 1;
    }
    if (argc < 3)
        return fail("Must specify image file name");
    if (check_words(&words) != 0)
        return 1;

    sources = open_sources(graph, &words, argc - 2, argv + 1, &total);
    if (sources == NULL)
        return 1;
    if (words.is_compressed && sources->len > 1)
        return fail("-c takes one input image");
    if (words.backing != NULL && sources->len > 1)
        return fail(
            "Having a backing file for the target makes no sense when concatenating multiple "
            "input images");
    target = open_target(graph, &words, argv[argc - 1], total);
    return target != NULL && copy_sources(&words, sources, target, total) ? 0 : 1;
}
