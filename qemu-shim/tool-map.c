/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image map */

#include <stdio.h>
#include <string.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/qcow2/mapping.h"
#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "qemu-shim/tool.h"

/* A range of one kind, as qemu-img 7.2 tells it; neighbours that differ in nothing are one. */
typedef struct {
    guint64 start;
    guint64 length;
    guint depth; /* of the layer that answers, from the top */
    gboolean is_present;
    gboolean is_zero;
    gboolean is_data;
    gboolean has_host;
    guint64 host; /* where it is in the file */
    BlockNode *layer;
} Entry;

/* Where the cluster at @offset is; packed ones are nowhere. Shortens the entry to that cluster. */
static int
find_in_qcow2(BlockNode *layer, guint64 offset, Entry *entry)
{
    Qcow2Image *image = qcow2_node_get_image(layer);
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&image->lock);
    guint64 mapped = 0;
    Qcow2Kind kind;
    int status = qcow2_get_entry_locked(image, offset >> image->header->cluster_bits, &mapped);

    if (status < 0)
        return status;

    kind = qcow2_entry_kind(mapped);
    entry->length = MIN(entry->length, image->cluster_size - offset % image->cluster_size);
    entry->has_host = kind == QCOW2_NORMAL || kind == QCOW2_ALLOCATED_ZERO;
    entry->host = (mapped & QCOW2_OFFSET_MASK) + offset % image->cluster_size;
    return 0;
}

static int
find_host(BlockNode *layer, guint64 offset, Entry *entry)
{
    gint64 begin = 0;

    if (g_str_equal(layer->driver->name, "qcow2"))
        return find_in_qcow2(layer, offset, entry);

    entry->has_host = g_str_equal(layer->driver->name, "raw") || layer->driver->is_protocol;
    if (layer->strong != NULL)
        g_variant_lookup(layer->strong, "offset", "x", &begin);
    entry->host = offset + (guint64)begin;
    return 0;
}

/* What answers at @offset for @length bytes at most; where no layer does there are zeros. */
static int
look_at(BlockNode *node, guint64 offset, guint64 length, Entry *entry)
{
    BlockNode *below = node;
    BlockStatus what = BLOCK_STATUS_UNALLOCATED;

    *entry = (Entry){.start = offset, .length = length, .is_zero = TRUE};
    for (guint depth = 0; below != NULL; depth++, below = block_node_get_backing(below)) {
        guint64 end = block_node_get_length(below);
        int status = 0;

        entry->layer = below;
        entry->depth = depth;
        if (offset >= end)
            continue;
        status = block_node_get_status(
            below, offset, MIN(entry->length, end - offset), &what, &entry->length);
        if (status < 0)
            return status;
        if (what != BLOCK_STATUS_UNALLOCATED)
            break;
    }
    if (what == BLOCK_STATUS_UNALLOCATED)
        return 0;

    entry->is_present = TRUE;
    entry->is_data = what == BLOCK_STATUS_DATA;
    entry->is_zero = !entry->is_data;
    return find_host(entry->layer, offset, entry);
}

static gboolean
is_continued(const Entry *entry, const Entry *next)
{
    return entry->depth == next->depth && entry->is_present == next->is_present &&
           entry->is_zero == next->is_zero && entry->is_data == next->is_data &&
           entry->has_host == next->has_host &&
           (!entry->has_host || entry->host + entry->length == next->host);
}

static void
print_json(const Entry *entry, gboolean is_first)
{
    printf("%s{ \"start\": %" G_GUINT64_FORMAT ", \"length\": %" G_GUINT64_FORMAT
           ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s",
           is_first ? "[" : ",\n",
           entry->start,
           entry->length,
           entry->depth,
           entry->is_present ? "true" : "false",
           entry->is_zero ? "true" : "false",
           entry->is_data ? "true" : "false");
    if (entry->has_host)
        printf(", \"offset\": %" G_GUINT64_FORMAT, entry->host);
    putchar('}');
}

static gboolean
print_line(const Entry *entry)
{
    if (!entry->is_data)
        return TRUE;
    if (!entry->has_host) {
        fprintf(stderr, "qemu-shim: File contains external, encrypted or compressed clusters.\n");
        return FALSE;
    }

    printf("%#-16" G_GINT64_MODIFIER "x%#-16" G_GINT64_MODIFIER "x%#-16" G_GINT64_MODIFIER "x%s\n",
           entry->start,
           entry->length,
           entry->host,
           block_node_get_filename(entry->layer));
    return TRUE;
}

static gboolean
print_map(BlockNode *node, guint64 begin, guint64 end, gboolean is_json)
{
    Entry entry = {.start = begin};
    gboolean is_first = TRUE;

    if (!is_json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");

    for (guint64 offset = begin; offset < end;) {
        Entry next;
        int status = look_at(node, offset, end - offset, &next);

        if (status < 0) {
            fprintf(stderr, "qemu-shim: cannot map: %s\n", g_strerror(-status));
            return FALSE;
        }
        offset += next.length;
        if (entry.length > 0 && is_continued(&entry, &next)) {
            entry.length += next.length;
            continue;
        }
        if (entry.length > 0 && is_json)
            print_json(&entry, is_first);
        else if (entry.length > 0 && !print_line(&entry))
            return FALSE;
        is_first = is_first && entry.length == 0;
        entry = next;
    }

    if (entry.length > 0 && is_json)
        print_json(&entry, is_first);
    else if (entry.length > 0 && !print_line(&entry))
        return FALSE;
    if (is_json)
        puts(entry.length == 0 ? "[]" : "]");
    return TRUE;
}

int
tool_map(int argc, char **argv)
{
    g_autofree char *format = NULL;
    g_autofree char *output = NULL;
    g_autofree char *start = NULL;
    g_autofree char *most = NULL;
    gboolean is_shared = FALSE;
    GOptionEntry entries[] = {
        {"format", 'f', 0, G_OPTION_ARG_STRING, &format, NULL, NULL},
        {"output", 0, 0, G_OPTION_ARG_STRING, &output, NULL, NULL},
        {"start-offset", 's', 0, G_OPTION_ARG_STRING, &start, NULL, NULL},
        {"max-length", 'l', 0, G_OPTION_ARG_STRING, &most, NULL, NULL},
        {"force-share", 'U', 0, G_OPTION_ARG_NONE, &is_shared, NULL, NULL},
        {NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("FILE");
    g_autoptr(BlockGraph) graph = block_graph_new();
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GError) error = NULL;
    guint64 begin = 0, length = G_MAXINT64, end;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error)) {
        tool_say_error(error);
        return 1;
    }
    if (argc != 2 ||
        (output != NULL && !g_str_equal(output, "json") && !g_str_equal(output, "human"))) {
        fprintf(stderr, "qemu-shim: map: give one file name, and --output=human or json\n");
        return 1;
    }
    if ((start != NULL && !tool_parse_size(start, &begin)) ||
        (most != NULL && !tool_parse_size(most, &length))) {
        fprintf(stderr, "qemu-shim: map: Invalid start offset or max length specified\n");
        return 1;
    }

    node = tool_open(graph, argv[1], format, FALSE);
    if (node == NULL)
        return 1;
    end = block_node_get_length(node);
    begin = MIN(begin, end);
    return print_map(node, begin, begin + MIN(length, end - begin), g_strcmp0(output, "json") == 0)
               ? 0
               : 1;
}
