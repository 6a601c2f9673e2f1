/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Message framer */

#include "qmp/framer.h"

#include "qmp/scan.h"

struct QmpFramer {
    QmpScan *scan;
    GByteArray *bytes;
    gsize begin;          /* of the message that is not complete */
    gsize scanned;        /* up to here */
    gboolean is_skipping; /* to the end of the line */
};

QmpFramer *
qmp_framer_new(void)
{
    QmpFramer *framer = g_new0(QmpFramer, 1);

    framer->scan = qmp_scan_new();
    framer->bytes = g_byte_array_new();
    return framer;
}

void
qmp_framer_free(QmpFramer *framer)
{
    if (framer == NULL)
        return;

    qmp_scan_free(framer->scan);
    g_byte_array_unref(framer->bytes);
    g_free(framer);
}

void
qmp_framer_feed(QmpFramer *framer, const char *bytes, gsize length)
{
    if (framer->begin > 0) {
        g_byte_array_remove_range(framer->bytes, 0, (guint)framer->begin);
        framer->scanned -= framer->begin;
        framer->begin = 0;
    }

    g_byte_array_append(framer->bytes, (const guint8 *)bytes, (guint)length);
}

static void
drop(QmpFramer *framer, gsize count)
{
    framer->scanned += count;
    framer->begin = framer->scanned;
}

/* What stands between messages belongs to none, and must not pile up. */
static void
drop_what_is_between(QmpFramer *framer)
{
    while (framer->begin == framer->scanned && framer->scanned < framer->bytes->len) {
        char byte = (char)framer->bytes->data[framer->scanned];

        if (framer->is_skipping)
            framer->is_skipping = byte != '\n';
        else if (!qmp_is_space(byte))
            return;
        drop(framer, 1);
    }
}

gboolean
qmp_framer_next(QmpFramer *framer, GBytes **ret_message, GError **error)
{
    const char *bytes = (const char *)framer->bytes->data;
    gsize end;

    *ret_message = NULL;
    drop_what_is_between(framer);
    if (framer->scanned == framer->bytes->len)
        return TRUE;
    if (!qmp_scan_feed(framer->scan,
                       bytes + framer->scanned,
                       framer->bytes->len - framer->scanned,
                       &end,
                       error)) {
        qmp_scan_reset(framer->scan);
        drop(framer, end);
        framer->is_skipping = TRUE;
        return FALSE;
    }

    if (end == 0) {
        framer->scanned = framer->bytes->len;
        return TRUE;
    }

    framer->scanned += end;
    *ret_message = g_bytes_new(bytes + framer->begin, framer->scanned - framer->begin);
    framer->begin = framer->scanned;
    return TRUE;
}

gboolean
qmp_framer_is_amid(QmpFramer *framer)
{
    return framer->begin != framer->bytes->len;
}
