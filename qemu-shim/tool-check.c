/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image check tool */

#include <stdio.h>
#include <string.h>

#include "qemu-shim/block/qcow2/check.h"
#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "qemu-shim/block/qcow2/repair.h"
#include "qemu-shim/tool.h"
#include "qmp/value.h"

typedef struct {
    char *format;
    char *output;
    char *repair; /* "leaks" or "all"; NULL: look only */
    gboolean is_quiet;
    gboolean is_shared; /* -U: which is how images are opened anyway */
} Words;

static void
words_clear(Words *words)
{
    g_free(words->format);
    g_free(words->output);
    g_free(words->repair);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Words, words_clear)

static gboolean
check_word(const char *word, const char *one, const char *other)
{
    return word == NULL || g_str_equal(word, one) || g_str_equal(word, other);
}

static gboolean
parse(int *argc, char ***argv, Words *words)
{
    GOptionEntry entries[] = {
        {"format", 'f', 0, G_OPTION_ARG_STRING, &words->format, NULL, NULL},
        {"output", 0, 0, G_OPTION_ARG_STRING, &words->output, NULL, NULL},
        {"repair", 'r', 0, G_OPTION_ARG_STRING, &words->repair, NULL, NULL},
        {"force-share", 'U', 0, G_OPTION_ARG_NONE, &words->is_shared, NULL, NULL},
        {"quiet", 'q', 0, G_OPTION_ARG_NONE, &words->is_quiet, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("FILE");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, argc, argv, &error))
        tool_say_error(error);
    else if (*argc != 2)
        fprintf(stderr, "qemu-shim: check: give 1 file name(s)\n");
    else if (!check_word(words->output, "json", "human"))
        fprintf(stderr, "qemu-shim: --output is human or json\n");
    else if (!check_word(words->repair, "leaks", "all"))
        fprintf(stderr, "qemu-shim: -r is leaks or all\n");
    else
        return TRUE;
    return FALSE;
}

static void
insert_unless_zero(GVariantDict *dict, const char *name, guint64 number)
{
    if (number > 0)
        g_variant_dict_insert(dict, name, "t", number);
}

/* @before: what was there before a repair; NULL: there was none. */
static void
print_json(const char *path, const Qcow2Report *report, const Qcow2Report *before)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);
    g_autoptr(GVariant) value = NULL;
    g_autofree char *text = NULL;

    g_variant_dict_insert(&dict, "filename", "s", path);
    g_variant_dict_insert(&dict, "format", "s", "qcow2");
    g_variant_dict_insert(&dict, "check-errors", "t", report->check_errors);
    g_variant_dict_insert(&dict, "image-end-offset", "t", report->image_end_offset);
    g_variant_dict_insert(&dict, "total-clusters", "t", report->total_clusters);
    insert_unless_zero(&dict, "allocated-clusters", report->allocated_clusters);
    insert_unless_zero(&dict, "corruptions", report->corruptions);
    insert_unless_zero(&dict, "leaks", report->leaks);
    insert_unless_zero(&dict, "fragmented-clusters", report->fragmented_clusters);
    insert_unless_zero(&dict, "compressed-clusters", report->compressed_clusters);
    if (before != NULL) {
        insert_unless_zero(&dict, "corruptions-fixed", before->corruptions - report->corruptions);
        insert_unless_zero(&dict, "leaks-fixed", before->leaks - report->leaks);
    }

    value = g_variant_ref_sink(g_variant_dict_end(&dict));
    text = qmp_value_format_pretty(value);
    puts(text);
}

static void
print_report(const Qcow2Report *report)
{
    for (guint i = 0; i < report->findings->len; i++)
        puts(g_ptr_array_index(report->findings, i));
    if (report->corruptions == 0 && report->leaks == 0 && report->check_errors == 0)
        puts("No errors were found on the image.");
    if (report->corruptions > 0)
        printf("\n%" G_GUINT64_FORMAT " errors were found on the image.\n"
               "Data may be corrupted, or further writes to the image may corrupt it.\n",
               report->corruptions);
    if (report->leaks > 0)
        printf("\n%" G_GUINT64_FORMAT " leaked clusters were found on the image.\n"
               "This means waste of disk space, but no harm to data.\n",
               report->leaks);
    printf("%" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT " clusters allocated\n",
           report->allocated_clusters,
           report->total_clusters);
    printf("Image end offset: %" G_GUINT64_FORMAT "\n", report->image_end_offset);
}

static void
print_repair(const Qcow2Report *before, const Qcow2Report *after)
{
    for (guint i = 0; i < before->findings->len; i++)
        puts(g_ptr_array_index(before->findings, i));
    printf("The following inconsistencies were found and repaired:\n\n"
           "    %" G_GUINT64_FORMAT " leaked clusters\n"
           "    %" G_GUINT64_FORMAT " corruptions\n\n"
           "Double checking the fixed image now...\n",
           before->leaks - after->leaks,
           before->corruptions - after->corruptions);
}

/* Exit status as qemu-img's: 1 it could not be done, 2 corrupt, 3 leaks alone. */
static int
judge(const Qcow2Report *report)
{
    if (report->check_errors > 0)
        return 1;
    if (report->corruptions > 0)
        return 2;
    return report->leaks > 0 ? 3 : 0;
}

/* Checks, repairs where that is asked for and needed, and checks again. */
static gboolean
run(Qcow2Image *image,
    const Words *words,
    Qcow2Report *before,
    Qcow2Report *after,
    gboolean *ret_is_repaired,
    GError **error)
{
    Qcow2Repair what = g_strcmp0(words->repair, "all") == 0 ? QCOW2_REPAIR_ALL : QCOW2_REPAIR_LEAKS;

    *ret_is_repaired = FALSE;
    if (!qcow2_check(image, before, error))
        return FALSE;
    if (words->repair == NULL || judge(before) == 0)
        return TRUE;

    *ret_is_repaired = TRUE;
    return qcow2_repair(image, what, error) && qcow2_check(image, after, error);
}

int
tool_check(int argc, char **argv)
{
    g_auto(Words) words = {0};
    g_auto(Qcow2Report) before = {0};
    g_auto(Qcow2Report) after = {0};
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GError) error = NULL;
    const Qcow2Report *report;
    gboolean is_repaired;

    if (!parse(&argc, &argv, &words))
        return 1;
    node = tool_open_alone(graph, argv[1], words.format, words.repair != NULL);
    if (node == NULL)
        return 1;
    if (!g_str_equal(block_node_get_driver_name(node), "qcow2")) {
        fprintf(stderr, "qemu-shim: This image format does not support checks\n");
        return 63;
    }
    if (!run(qcow2_node_get_image(node), &words, &before, &after, &is_repaired, &error)) {
        tool_say_error(error);
        return 1;
    }

    report = is_repaired ? &after : &before;
    if (g_strcmp0(words.output, "json") == 0)
        print_json(argv[1], report, is_repaired ? &before : NULL);
    else if (!words.is_quiet) {
        if (is_repaired)
            print_repair(&before, &after);
        print_report(report);
    }
    return judge(report);
}
