/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Guest requests */

#include "qemu-shim/monitor/guest-io.h"

#include <string.h>

#define MAX_REQUEST (64u * 1024 * 1024)

typedef struct {
    gboolean has_pattern;
    guint8 pattern;
    gboolean is_zero;
    const char *source; /* file that the data comes from; NULL: the pattern */
    guint64 offset;
    guint64 length;
} Request;

static gboolean
parse_number(const char *word, guint64 *ret)
{
    static const char suffixes[] = "bkmgt";
    char *end;
    guint64 number = g_ascii_strtoull(word, &end, 0);
    const char *suffix = *end != '\0' ? strchr(suffixes, g_ascii_tolower(*end)) : suffixes;
    guint shift;

    if (end == word || suffix == NULL || (*end != '\0' && end[1] != '\0'))
        return FALSE;

    shift = (guint)(suffix - suffixes) * 10;
    *ret = number << shift;
    return number <= G_MAXUINT64 >> shift;
}

static gboolean
parse_request(char **words, Request *request)
{
    guint64 pattern;

    for (; words[0] != NULL && words[0][0] == '-'; words++) {
        if (g_str_equal(words[0], "-z")) {
            request->is_zero = TRUE;
        } else if (g_str_equal(words[0], "-P") && words[1] != NULL) {
            if (!parse_number(words[1], &pattern) || pattern > G_MAXUINT8)
                return FALSE;
            request->has_pattern = TRUE;
            request->pattern = (guint8)pattern;
            words++;
        } else if (g_str_equal(words[0], "-s") && words[1] != NULL) {
            request->source = words[1];
            words++;
        } else if (!g_str_equal(words[0], "-q")) {
            return FALSE;
        }
    }

    return g_strv_length(words) == 2 && parse_number(words[0], &request->offset) &&
           parse_number(words[1], &request->length) && request->length <= MAX_REQUEST;
}

/* As qemu-io: the file again and again until there is enough. */
static gboolean
fill(const Request *request, char *buffer, GString *out)
{
    g_autofree char *bytes = NULL;
    gsize length;

    memset(buffer, request->has_pattern ? request->pattern : 0xcd, (gsize)request->length);
    if (request->source == NULL)
        return TRUE;
    if (!g_file_get_contents(request->source, &bytes, &length, NULL) || length == 0) {
        g_string_append_printf(out, "%s: cannot be read\n", request->source);
        return FALSE;
    }

    for (guint64 at = 0; at < request->length; at += length)
        memcpy(buffer + at, bytes, (gsize)MIN(length, request->length - at));
    return TRUE;
}

static void
report(GString *out, const char *verb, const Request *request, int status)
{
    if (status < 0)
        g_string_append_printf(out, "%s failed: %s\n", verb, g_strerror(-status));
    else
        g_string_append_printf(out,
                               "%s %" G_GUINT64_FORMAT "/%" G_GUINT64_FORMAT
                               " bytes at offset %" G_GUINT64_FORMAT "\n",
                               verb,
                               request->length,
                               request->length,
                               request->offset);
}

static void
run_write(BlockNode *node, const Request *request, GString *out)
{
    g_autofree char *buffer = NULL;

    if (request->is_zero) {
        report(
            out, "wrote", request, block_node_write_zeroes(node, request->offset, request->length));
        return;
    }

    buffer = g_malloc((gsize)request->length + 1);
    if (fill(request, buffer, out))
        report(out,
               "wrote",
               request,
               block_node_write(node, request->offset, buffer, (gsize)request->length));
}

static void
run_read(BlockNode *node, const Request *request, GString *out)
{
    g_autofree char *buffer = g_malloc((gsize)request->length + 1);
    int status = block_node_read(node, request->offset, buffer, (gsize)request->length);

    for (guint64 i = 0; status == 0 && request->has_pattern && i < request->length; i++) {
        if ((guint8)buffer[i] != request->pattern) {
            g_string_append_printf(out,
                                   "Pattern verification failed at offset %" G_GUINT64_FORMAT
                                   ", %" G_GUINT64_FORMAT " bytes\n",
                                   request->offset,
                                   request->length);
            break;
        }
    }
    report(out, "read", request, status);
}

void
guest_io_execute(Shim *shim, const char *device, const char *line, GString *out)
{
    BlockNode *node = block_devices_find_node(shim->devices, shim->graph, device);
    g_auto(GStrv) words = NULL;
    Request request = {0};
    int status;

    if (node == NULL) {
        g_string_append_printf(
            out, "Error: Cannot find device='%s' nor node-name='%s'\n", device, device);
        return;
    }
    if (!g_shell_parse_argv(line, NULL, &words, NULL))
        return;

    if (g_str_equal(words[0], "flush")) {
        status = block_node_flush(node);
        if (status < 0)
            g_string_append_printf(out, "flush failed: %s\n", g_strerror(-status));
    } else if (!g_str_equal(words[0], "read") && !g_str_equal(words[0], "write")) {
        g_string_append_printf(out, "command \"%s\" not found\n", words[0]);
    } else if (!parse_request(words + 1, &request)) {
        g_string_append_printf(out, "cannot understand '%s'\n", line);
    } else if (g_str_equal(words[0], "read")) {
        run_read(node, &request, out);
    } else {
        run_write(node, &request, out);
    }
}
