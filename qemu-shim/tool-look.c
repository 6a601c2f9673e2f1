/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image views */

#include <stdio.h>
#include <string.h>

#include "qemu-shim/monitor/describe.h"
#include "qemu-shim/tool.h"
#include "qmp/value.h"

#define COMPARE_BYTES (1024u * 1024)

/* The options that all of these have. */
typedef struct {
    char *format;
    char *second_format;
    char *output;
    gboolean has_chain;
    gboolean is_quiet;
    gboolean is_strict; /* a difference in size is one */
    gboolean is_shared; /* -U: which is how images are opened anyway */
} Words;

static void
words_clear(Words *words)
{
    g_free(words->format);
    g_free(words->second_format);
    g_free(words->output);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

static gboolean
parse(int *argc, char ***argv, int n_files, Words *words)
{
    GOptionEntry entries[] = {
        {"format", 'f', 0, G_OPTION_ARG_STRING, &words->format, NULL, NULL},
        {"second-format", 'F', 0, G_OPTION_ARG_STRING, &words->second_format, NULL, NULL},
        {"output", 0, 0, G_OPTION_ARG_STRING, &words->output, NULL, NULL},
        {"backing-chain", 0, 0, G_OPTION_ARG_NONE, &words->has_chain, NULL, NULL},
        {"force-share", 'U', 0, G_OPTION_ARG_NONE, &words->is_shared, NULL, NULL},
        {"strict", 's', 0, G_OPTION_ARG_NONE, &words->is_strict, NULL, NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &words->is_quiet, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("FILE...");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &error)) {
        tool_say_error(error);
        return FALSE;
    }
    if (*argc != n_files + 1) {
        fprintf(stderr, "qemu-shim: %s: give %d file name(s)\n", (*argv)[0], n_files);
        return FALSE;
    }
    if (words->output != NULL && !g_str_equal(words->output, "json") &&
        !g_str_equal(words->output, "human")) {
        fprintf(stderr, "qemu-shim: --output is human or json\n");
        return FALSE;
    }

    return TRUE;
}

static gboolean
is_json(const Words *words)
{
    return g_strcmp0(words->output, "json") == 0;
}

static void
print_json(GVariant *value)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(value);
    g_autofree char *text = qmp_value_format_pretty(owned);

    puts(text);
}

static void
print_member(const char *name, GVariant *value)
{
    g_autofree char *words = g_strdelimit(g_strdup(name), "-", ' ');
    g_autofree char *text = g_variant_is_of_type(value, G_VARIANT_TYPE_STRING)
                                ? g_variant_dup_string(value, NULL)
                                : g_variant_print(value, FALSE);

    printf("    %s: %s\n", words, text);
}

/* Those that a qcow2 image may have, in qemu-img's order. */
static void
print_specific(GVariant *image)
{
    static const char *const names[] = {"compat",
                                        "compression-type",
                                        "lazy-refcounts",
                                        "refcount-bits",
                                        "corrupt",
                                        "extended-l2",
                                        "data-file",
                                        "data-file-raw"};
    g_autoptr(GVariant) specific = g_variant_lookup_value(image, "format-specific", NULL);
    g_autoptr(GVariant) data = NULL;

    if (specific == NULL)
        return;
    data = g_variant_lookup_value(specific, "data", G_VARIANT_TYPE_VARDICT);
    if (data == NULL)
        return;

    puts("Format specific information:");
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autoptr(GVariant) value = g_variant_lookup_value(data, names[i], NULL);

        if (value != NULL)
            print_member(names[i], value);
    }
}

static void
print_info(GVariant *image)
{
    const char *text = NULL;
    gint64 size = 0;
    g_autofree char *virtual_size = NULL;
    g_autofree char *disk_size = NULL;

    g_variant_lookup(image, "filename", "&s", &text);
    printf("image: %s\n", text);
    g_variant_lookup(image, "format", "&s", &text);
    printf("file format: %s\n", text);
    g_variant_lookup(image, "virtual-size", "x", &size);
    virtual_size = tool_format_size((guint64)size);
    printf("virtual size: %s (%" G_GINT64_FORMAT " bytes)\n", virtual_size, size);
    if (g_variant_lookup(image, "actual-size", "x", &size)) {
        disk_size = tool_format_size((guint64)size);
        printf("disk size: %s\n", disk_size);
    }
    if (g_variant_lookup(image, "cluster-size", "x", &size))
        printf("cluster_size: %" G_GINT64_FORMAT "\n", size);
    if (g_variant_lookup(image, "backing-filename", "&s", &text)) {
        const char *full = text;

        g_variant_lookup(image, "full-backing-filename", "&s", &full);
        if (g_str_equal(full, text))
            printf("backing file: %s\n", text);
        else
            printf("backing file: %s (actual path: %s)\n", text, full);
    }
    if (g_variant_lookup(image, "backing-filename-format", "&s", &text))
        printf("backing file format: %s\n", text);
    print_specific(image);
}

/* That the backing file was left alone is not the image's to say. */
static GVariant *
describe_layer(BlockNode *layer, gboolean is_alone)
{
    g_autoptr(GVariant) image = g_variant_ref_sink(describe_image(layer, FALSE));
    GVariantDict dict = G_VARIANT_DICT_INIT(image);

    if (is_alone && g_str_equal(block_node_get_driver_name(layer), "qcow2"))
        g_variant_dict_insert(&dict, "filename", "s", block_node_get_filename(layer));
    return g_variant_dict_end(&dict);
}

int
tool_info(int argc, char **argv)
{
    g_auto(Words) words = {0};
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    GVariantBuilder chain = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("aa{sv}"));
    g_autoptr(GVariant) list = NULL;

    if (!parse(&argc, &argv, 1, &words))
        return 1;
    node = tool_open(graph, argv[1], words.format, !words.has_chain);
    if (node == NULL)
        return 1;

    for (BlockNode *layer = node; layer != NULL; layer = block_node_get_backing(layer))
        g_variant_builder_add_value(&chain, describe_layer(layer, !words.has_chain));
    list = g_variant_ref_sink(g_variant_builder_end(&chain));
    if (is_json(&words)) {
        print_json(words.has_chain ? list : g_variant_get_child_value(list, 0));
        return 0;
    }

    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) image = g_variant_get_child_value(list, i);

        if (i > 0)
            putchar('\n');
        print_info(image);
    }
    return 0;
}

/* The first byte that differs in a range both have; G_MAXUINT64: none. */
static gboolean
compare_range(BlockNode *first, BlockNode *second, guint64 length, guint64 *ret_at)
{
    g_autofree char *one = g_malloc0(COMPARE_BYTES);
    g_autofree char *other = g_malloc0(COMPARE_BYTES);

    for (guint64 offset = 0; offset < length; offset += COMPARE_BYTES) {
        gsize part = (gsize)MIN(COMPARE_BYTES, length - offset);
        int status = block_node_read(first, offset, one, part);

        if (status == 0)
            status = block_node_read(second, offset, other, part);
        if (status < 0) {
            fprintf(stderr,
                    "qemu-shim: cannot read at offset %" G_GUINT64_FORMAT ": %s\n",
                    offset,
                    g_strerror(-status));
            return FALSE;
        }
        for (gsize i = 0; memcmp(one, other, part) != 0; i++) {
            if (one[i] != other[i]) {
                *ret_at = offset + i;
                return TRUE;
            }
        }
    }

    *ret_at = G_MAXUINT64;
    return TRUE;
}

/* Zeros past the end of the shorter image make no difference, as in qemu-img. */
static gboolean
find_data_past(BlockNode *node, guint64 offset, guint64 *ret_at)
{
    g_autofree char *buffer = g_malloc(COMPARE_BYTES);
    guint64 length = block_node_get_length(node);

    for (; offset < length; offset += COMPARE_BYTES) {
        gsize part = (gsize)MIN(COMPARE_BYTES, length - offset);

        if (block_node_read(node, offset, buffer, part) < 0)
            return FALSE;
        for (gsize i = 0; i < part; i++) {
            if (buffer[i] != 0) {
                *ret_at = offset + i;
                return TRUE;
            }
        }
    }

    *ret_at = G_MAXUINT64;
    return TRUE;
}

/* 0 the same, 1 different, 4 cannot be read: as qemu-img's. It tells of whole sectors. */
static int
compare_images(BlockNode *first, BlockNode *second, const Words *words)
{
    guint64 common = MIN(block_node_get_length(first), block_node_get_length(second));
    gboolean is_mismatch = block_node_get_length(first) != block_node_get_length(second);
    BlockNode *longer = block_node_get_length(first) > common ? first : second;
    guint64 at = G_MAXUINT64;

    if (is_mismatch && words->is_strict) {
        if (!words->is_quiet)
            puts("Strict mode: Image size mismatch!");
        return 1;
    }
    if (!compare_range(first, second, common, &at))
        return 4;
    if (at == G_MAXUINT64 && is_mismatch) {
        if (!words->is_quiet)
            puts("Warning: Image size mismatch!");
        if (!find_data_past(longer, common, &at))
            return 4;
    }

    if (!words->is_quiet && at != G_MAXUINT64)
        printf("Content mismatch at offset %" G_GUINT64_FORMAT "!\n", at / 512 * 512);
    else if (!words->is_quiet)
        puts("Images are identical.");
    return at != G_MAXUINT64 ? 1 : 0;
}

int
tool_compare(int argc, char **argv)
{
    g_auto(Words) words = {0};
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) first = NULL;
    g_autoptr(BlockNode) second = NULL;

    if (!parse(&argc, &argv, 2, &words))
        return 2;
    first = tool_open(graph, argv[1], words.format, FALSE);
    second = first != NULL ? tool_open(graph, argv[2], words.second_format, FALSE) : NULL;
    return second != NULL ? compare_images(first, second, &words) : 2;
}
