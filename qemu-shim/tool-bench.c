/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image bench */

#include <stdio.h>
#include <string.h>

#include "qemu-shim/tool.h"

#define MAX_DEPTH        1024
#define MAX_BUFFER_BYTES (1u << 30)

typedef struct {
    char *format;
    char *offset;
    char *size;
    char *step;
    char *cache;
    char *engine;
    int count;
    int depth;
    int pattern;
    int flush_interval;
    gboolean is_write;
    gboolean is_native;
    gboolean is_undrained;
    gboolean is_shared;
    gboolean is_quiet;
} Words;

/* Each of @depth threads takes the next request when it is done with one. */
typedef struct {
    BlockNode *node;
    const Words *words;
    guint64 offset;
    guint64 size;
    guint64 step;
    int next;   /* atomic: number of the next request */
    int status; /* atomic: the first error */
} Bench;

static void
words_clear(Words *words)
{
    g_free(words->format);
    g_free(words->offset);
    g_free(words->size);
    g_free(words->step);
    g_free(words->cache);
    g_free(words->engine);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

static int
fail(const char *message)
{
    fprintf(stderr, "qemu-shim: %s\n", message);
    return 1;
}

/* Where the next would reach past the end they begin again. */
static guint64
get_offset(const Bench *bench, int number)
{
    guint64 room = block_node_get_length(bench->node) - bench->size;

    return (bench->offset + (guint64)number * bench->step) % (room + 1);
}

static int
run_request(Bench *bench, int number, char *buffer)
{
    guint64 offset = get_offset(bench, number);
    int interval = bench->words->flush_interval;
    int status;

    if (!bench->words->is_write)
        return block_node_read(bench->node, offset, buffer, bench->size);

    status = block_node_write(bench->node, offset, buffer, bench->size);
    if (status == 0 && interval > 0 && (number + 1) % interval == 0)
        status = block_node_flush(bench->node);
    return status;
}

static gpointer
run_requests(gpointer user_data)
{
    Bench *bench = user_data;
    g_autofree char *buffer = g_malloc(bench->size);
    int number;

    memset(buffer, bench->words->pattern, bench->size);
    while ((number = g_atomic_int_add(&bench->next, 1)) < bench->words->count) {
        int status = run_request(bench, number, buffer);

        if (status == 0)
            continue;
        g_atomic_int_compare_and_exchange(&bench->status, 0, status);
        break;
    }

    return NULL;
}

static int
run_bench(Bench *bench)
{
    g_autoptr(GPtrArray) threads = g_ptr_array_new();
    gint64 begin = g_get_monotonic_time();
    gint64 taken;

    for (int i = 0; i < MIN(bench->words->depth, bench->words->count); i++)
        g_ptr_array_add(threads, g_thread_new("bench", run_requests, bench));
    for (guint i = 0; i < threads->len; i++)
        g_thread_join(threads->pdata[i]);

    taken = g_get_monotonic_time() - begin;
    if (bench->status < 0) {
        fprintf(stderr, "qemu-shim: Failed request: %s\n", g_strerror(-bench->status));
        return 1;
    }
    if (!bench->words->is_quiet)
        printf("Run completed in %3.3f seconds.\n", (double)taken / G_USEC_PER_SEC);
    return 0;
}

static gboolean
take_sizes(const Words *words, Bench *bench)
{
    bench->size = 4096;
    if ((words->offset != NULL && !tool_parse_size(words->offset, &bench->offset)) ||
        (words->size != NULL && !tool_parse_size(words->size, &bench->size)) ||
        (words->step != NULL && !tool_parse_size(words->step, &bench->step)))
        return FALSE;
    if (bench->step == 0)
        bench->step = bench->size;
    return bench->size > 0 && bench->size <= MAX_BUFFER_BYTES && bench->step <= G_MAXINT32;
}

static int
check_words(const Words *words)
{
    if (words->count < 0)
        return fail("Invalid request count specified");
    if (words->depth < 1 || words->depth > MAX_DEPTH)
        return fail("Invalid queue depth specified");
    if (words->pattern < 0 || words->pattern > 255)
        return fail("Invalid pattern byte specified");
    if (words->flush_interval < 0)
        return fail("Invalid flush interval specified");
    if (!words->is_write && words->flush_interval > 0)
        return fail("--flush-interval is only available in write tests");
    if (words->flush_interval > 0 && words->flush_interval < words->depth)
        return fail("Flush interval can't be smaller than depth");
    return 0;
}

static int
bench_image(const Words *words, const char *path)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    Bench bench = {.words = words};
    g_autoptr(BlockNode) node = NULL;

    if (!take_sizes(words, &bench))
        return fail("Invalid offset, buffer size or step size specified");
    node = words->is_write ? tool_open_writable(graph, path, words->format)
                           : tool_open(graph, path, words->format, FALSE);
    if (node == NULL)
        return 1;
    if (block_node_get_length(node) < bench.size)
        return fail("Image is smaller than the buffer");

    bench.node = node;
    if (!words->is_quiet)
        printf("Sending %d %s requests, %" G_GUINT64_FORMAT
               " bytes each, %d in parallel (starting at "
               "offset %" G_GUINT64_FORMAT ", step size %" G_GUINT64_FORMAT ")\n",
               words->count,
               words->is_write ? "write" : "read",
               bench.size,
               words->depth,
               bench.offset,
               bench.step);
    if (!words->is_quiet && words->flush_interval > 0)
        printf("Sending flush every %d requests\n", words->flush_interval);
    return run_bench(&bench);
}

int
tool_bench(int argc, char **argv)
{
    g_auto(Words) words = {.count = 75000, .depth = 64};
    GOptionEntry entries[] = {
        {"count", 'c', 0, G_OPTION_ARG_INT, &words.count, NULL, NULL},
        {"depth", 'd', 0, G_OPTION_ARG_INT, &words.depth, NULL, NULL},
        {"format", 'f', 0, G_OPTION_ARG_STRING, &words.format, NULL, NULL},
        {"flush-interval", 0, 0, G_OPTION_ARG_INT, &words.flush_interval, NULL, NULL},
        {"aio", 'i', 0, G_OPTION_ARG_STRING, &words.engine, NULL, NULL},
        {"native", 'n', 0, G_OPTION_ARG_NONE, &words.is_native, NULL, NULL},
        {"no-drain", 0, 0, G_OPTION_ARG_NONE, &words.is_undrained, NULL, NULL},
        {"offset", 'o', 0, G_OPTION_ARG_STRING, &words.offset, NULL, NULL},
        {"pattern", 0, 0, G_OPTION_ARG_INT, &words.pattern, NULL, NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &words.is_quiet, NULL, NULL},
        {"buffer-size", 's', 0, G_OPTION_ARG_STRING, &words.size, NULL, NULL},
        {"step-size", 'S', 0, G_OPTION_ARG_STRING, &words.step, NULL, NULL},
        {"cache", 't', 0, G_OPTION_ARG_STRING, &words.cache, NULL, NULL},
        {"write", 'w', 0, G_OPTION_ARG_NONE, &words.is_write, NULL, NULL},
        {"force-share", 'U', 0, G_OPTION_ARG_NONE, &words.is_shared, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("FILE");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        tool_say_error(error);
        return 1;
    }
    if (argc != 2)
        return fail("Expecting one image file name");
    return check_words(&words) == 0 ? bench_image(&words, argv[1]) : 1;
}
