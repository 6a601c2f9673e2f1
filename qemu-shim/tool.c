/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image tools */

#include "qemu-shim/tool.h"

#include <stdio.h>
#include <string.h>

#include "qemu-shim/monitor/image-name.h"

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage;
} tools[] = {
    {"bench",
     tool_bench,
     "[-c COUNT] [-d DEPTH] [-f FORMAT] [-o OFFSET] [-s SIZE] [-S STEP] [-w [--pattern N] "
     "[--flush-interval N]] FILE"},
    {"check", tool_check, "[-f FORMAT] [-r leaks|all] [--output=human|json] FILE"},
    {"compare", tool_compare, "[-f FORMAT] [-F FORMAT] [-q] [-s] FILE1 FILE2"},
    {"convert",
     tool_convert,
     "[-f FORMAT] [-O raw|qcow2] [-o OPTIONS] [-B BACKING -F FORMAT] [-S SIZE] [-c] [-n] [-p] FILE... "
     "TARGET"},
    {"create",
     tool_create,
     "-f raw|qcow2 [-b BACKING -F FORMAT] [-o cluster_size=N,compat=0.10|1.1] FILE [SIZE]"},
    {"info", tool_info, "[-f FORMAT] [--output=human|json] [--backing-chain] FILE"},
    {"map", tool_map, "[-f FORMAT] [--output=human|json] [--start-offset=N] [--max-length=N] FILE"},
};

int
tool_main(int argc, char **argv)
{
    for (guint i = 0; i < G_N_ELEMENTS(tools); i++) {
        if (g_str_equal(argv[1], tools[i].name))
            return tools[i].run(argc - 1, argv + 1);
    }

    if (!g_str_equal(argv[1], "help")) {
        fprintf(stderr, "qemu-shim: unknown command '%s'\n", argv[1]);
        return 1;
    }
    for (guint i = 0; i < G_N_ELEMENTS(tools); i++)
        printf("qemu-shim %s %s\n", tools[i].name, tools[i].usage);
    return 0;
}

static const char *
format_by_ending(const char *path)
{
    if (g_str_has_suffix(path, ".raw") || g_str_has_suffix(path, ".img"))
        return "raw";
    return g_str_has_suffix(path, ".qcow2") ? "qcow2" : NULL;
}

/* The options of @path with what a tool asks for beyond; NULL: said what is wrong. */
static GVariant *
make_options(const char *path, const char *format, gboolean is_writable, gboolean is_alone)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) options = image_name_to_options(path, format, &error);
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(options);
    const char *driver = NULL;

    if (options == NULL) {
        tool_say_error(error);
        return NULL;
    }

    if (!is_writable) {
        g_variant_dict_insert(&dict, "read-only", "b", TRUE);
        g_variant_dict_insert(&dict, "force-share", "b", TRUE);
    }
    g_variant_lookup(options, "driver", "&s", &driver);
    if (is_alone && g_strcmp0(driver, "qcow2") == 0)
        g_variant_dict_insert_value(
            &dict, "backing", g_variant_new_maybe(G_VARIANT_TYPE_VARIANT, NULL));
    return g_variant_ref_sink(g_variant_dict_end(&dict));
}

static BlockNode *
open_image(BlockGraph *graph,
           const char *path,
           const char *format,
           gboolean is_writable,
           gboolean is_alone)
{
    g_autoptr(GVariant) options = NULL;
    g_autoptr(GError) error = NULL;
    BlockNode *node;

    if (format == NULL && !image_name_is_json(path))
        format = format_by_ending(path);
    if (format == NULL && !image_name_is_json(path)) {
        fprintf(stderr,
                "qemu-shim: give the format of '%s' by -f: it is never guessed from the image\n",
                path);
        return NULL;
    }

    options = make_options(path, format, is_writable, is_alone);
    if (options == NULL)
        return NULL;
    node = block_graph_add(graph, options, &error);
    if (node == NULL)
        tool_say_error(error);
    return node;
}

BlockNode *
tool_open(BlockGraph *graph, const char *path, const char *format, gboolean is_alone)
{
    return open_image(graph, path, format, FALSE, is_alone);
}

BlockNode *
tool_open_alone(BlockGraph *graph, const char *path, const char *format, gboolean is_writable)
{
    return open_image(graph, path, format, is_writable, TRUE);
}

BlockNode *
tool_open_writable(BlockGraph *graph, const char *path, const char *format)
{
    return open_image(graph, path, format, TRUE, FALSE);
}

gboolean
tool_parse_size(const char *text, guint64 *ret)
{
    static const char suffixes[] = "bkmgtpe";
    char *end;
    guint64 number = g_ascii_strtoull(text, &end, 10);
    const char *suffix = *end != '\0' ? strchr(suffixes, g_ascii_tolower(*end)) : suffixes;
    guint shift;

    if (end == text || suffix == NULL || (*end != '\0' && end[1] != '\0'))
        return FALSE;

    shift = (guint)(suffix - suffixes) * 10;
    if (number > (guint64)G_MAXINT64 >> shift)
        return FALSE;
    *ret = number << shift;
    return TRUE;
}

void
tool_say_error(const GError *error)
{
    g_autofree char *escaped = g_strescape(error->message, "'\"\\");

    fprintf(stderr, "qemu-shim: %s\n", escaped);
}

char *
tool_format_size(guint64 bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    guint unit = 0;

    while (value >= 1000 && unit + 1 < G_N_ELEMENTS(units)) {
        value /= 1024;
        unit++;
    }

    return g_strdup_printf("%.3g %s", value, units[unit]);
}
