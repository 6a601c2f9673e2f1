/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image creation */

#include <stdio.h>
#include <string.h>

#include "qemu-shim/block/backing.h"
#include "qemu-shim/block/errors.h"
#include "qemu-shim/block/qcow2/create.h"
#include "qemu-shim/io/posix-file.h"
#include "qemu-shim/tool.h"

typedef struct {
    char *format;
    char *backing;
    char *backing_format;
    char *options;
    gboolean is_quiet;
} Words;

static void
words_clear(Words *words)
{
    g_free(words->format);
    g_free(words->backing);
    g_free(words->backing_format);
    g_free(words->options);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

gboolean
tool_parse_create_options(const char *text, Qcow2CreateOptions *options)
{
    g_auto(GStrv) parts = g_strsplit(text != NULL ? text : "", ",", -1);

    for (guint i = 0; parts[i] != NULL; i++) {
        const char *value = strchr(parts[i], '=');

        if (g_str_has_prefix(parts[i], "cluster_size=") &&
            tool_parse_size(value + 1, &options->cluster_size))
            continue;
        if (g_str_has_prefix(parts[i], "refcount_bits=") &&
            tool_parse_size(value + 1, &options->refcount_bits) && options->refcount_bits > 0)
            continue;
        if (g_str_equal(parts[i], "compat=0.10") || g_str_equal(parts[i], "compat=1.1")) {
            options->version = g_str_equal(parts[i], "compat=0.10") ? 2 : 3;
            continue;
        }
        fprintf(stderr, "qemu-shim: create: cannot do '%s'\n", parts[i]);
        return FALSE;
    }

    return TRUE;
}

/* The size of the backing file, which is what the overlay gets where none is given. */
static gboolean
find_backing_size(const char *path, const Words *words, guint64 *ret_size)
{
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autofree char *resolved = backing_resolve(path, words->backing, NULL);

    if (resolved == NULL || words->backing_format == NULL) {
        fprintf(stderr, "qemu-shim: create: -b takes a path, and -F its format\n");
        return FALSE;
    }

    node = tool_open(graph, resolved, words->backing_format, FALSE);
    if (node == NULL)
        return FALSE;
    *ret_size = block_node_get_length(node);
    return TRUE;
}

int
tool_write_image(const char *path, const char *format, const Qcow2CreateOptions *options)
{
    g_autoptr(IoFile) file = NULL;
    g_autoptr(GError) error = NULL;
    int status = io_file_open(path, IO_OPEN_READ_WRITE | IO_OPEN_CREATE, &file);

    if (status == 0 && g_str_equal(format, "raw"))
        status = io_file_truncate(file, options->size);
    if (status < 0)
        block_set_error(&error, status, "cannot create", path);
    else if (g_str_equal(format, "qcow2"))
        qcow2_create(file, options, &error);
    if (error != NULL) {
        tool_say_error(error);
        if (file != NULL)
            remove(path);
        return 1;
    }

    return 0;
}

/* An image that is there is never replaced: that is what rm is for. */
int
tool_create(int argc, char **argv)
{
    g_auto(Words) words = {0};
    GOptionEntry entries[] = {
        {"format", 'f', 0, G_OPTION_ARG_STRING, &words.format, NULL, NULL},
        {"backing", 'b', 0, G_OPTION_ARG_STRING, &words.backing, NULL, NULL},
        {"backing-format", 'F', 0, G_OPTION_ARG_STRING, &words.backing_format, NULL, NULL},
        {"options", 'o', 0, G_OPTION_ARG_STRING, &words.options, NULL, NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &words.is_quiet, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("FILE [SIZE]");
    g_autoptr(GError) error = NULL;
    Qcow2CreateOptions options = {0};
    const char *format;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        tool_say_error(error);
        return 1;
    }

    format = words.format != NULL ? words.format : "raw";
    if (!g_str_equal(format, "raw") && !g_str_equal(format, "qcow2")) {
        fprintf(stderr, "qemu-shim: create: Unknown file format '%s'\n", format);
        return 1;
    }
    if (argc < 2 || argc > 3 || (argc == 2 && words.backing == NULL) ||
        (words.backing != NULL && g_str_equal(format, "raw"))) {
        fprintf(stderr, "qemu-shim: create: give FILE and SIZE, or -f qcow2 and -b BACKING\n");
        return 1;
    }
    if (argc == 3 && !tool_parse_size(argv[2], &options.size)) {
        fprintf(stderr, "qemu-shim: create: '%s' is no size\n", argv[2]);
        return 1;
    }
    if (!tool_parse_create_options(words.options, &options) ||
        (words.backing != NULL && argc == 2 && !find_backing_size(argv[1], &words, &options.size)))
        return 1;

    options.backing_name = words.backing;
    options.backing_format = words.backing_format;
    return tool_write_image(argv[1], format, &options);
}
