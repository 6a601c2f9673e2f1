/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QMP fuzzer */

/*
 * The first byte says how the rest is cut into pieces as it comes in. However that is, the same
 * messages must come out; what is taken for a value must be written as what reads the same again;
 * and text that the members' readers are asked of never ends the process.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "qmp/framer.h"
#include "qmp/value.h"

#define MAX_MESSAGES 1000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_members(GVariant *message)
{
    g_autoptr(GVariant) arguments = NULL;
    g_autoptr(GVariant) list = NULL;
    const char *text;
    guint64 number;
    gboolean is_true;

    if (!g_variant_is_of_type(message, G_VARIANT_TYPE_VARDICT))
        return;
    (void)qmp_value_get_string(message, "execute", &text, NULL);
    (void)qmp_value_get_uint64(message, "id", &number, NULL);
    (void)qmp_value_get_boolean(message, "b", &is_true, NULL);
    (void)qmp_value_get_object(message, "arguments", &arguments, NULL);
    (void)qmp_value_get_array(message, "list", &list, NULL);
}

static void
take_value(GBytes *bytes)
{
    g_autoptr(GVariant)
        value = qmp_value_parse(g_bytes_get_data(bytes, NULL), g_bytes_get_size(bytes), NULL);
    g_autoptr(GVariant) again = NULL;
    g_autofree char *text = NULL;
    g_autofree char *text_again = NULL;

    if (value == NULL)
        return;

    read_members(value);
    text = qmp_value_format(value);
    again = qmp_value_parse(text, strlen(text), NULL);
    g_assert(again != NULL);
    text_again = qmp_value_format(again);
    g_assert(g_str_equal(text, text_again));
}

/* What comes out when @data comes in pieces of @piece bytes; refusals are a mark. */
static GPtrArray *
frame(const uint8_t *data, size_t size, size_t piece)
{
    g_autoptr(QmpFramer) framer = qmp_framer_new();
    GPtrArray *messages = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    for (size_t at = 0; at < size && messages->len < MAX_MESSAGES; at += piece) {
        qmp_framer_feed(framer, (const char *)data + at, MIN(piece, size - at));
        while (messages->len < MAX_MESSAGES) {
            GBytes *message = NULL;
            gboolean is_good = qmp_framer_next(framer, &message, NULL);

            if (is_good && message == NULL)
                break;
            g_ptr_array_add(messages, is_good ? message : g_bytes_new_static("refused", 7));
        }
    }

    return messages;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autoptr(GPtrArray) whole = NULL;
    g_autoptr(GPtrArray) pieces = NULL;

    if (size == 0)
        return 0;

    whole = frame(data + 1, size - 1, size);
    pieces = frame(data + 1, size - 1, data[0] % 16u + 1);
    g_assert(whole->len == pieces->len);
    for (guint i = 0; i < whole->len; i++) {
        g_assert(g_bytes_equal(whole->pdata[i], pieces->pdata[i]));
        take_value(whole->pdata[i]);
    }

    return 0;
}
