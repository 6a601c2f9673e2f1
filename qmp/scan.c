/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Message scanner */

#include "qmp/scan.h"

#include "api/vblk-error.h"

/*
 * A value ends where its brackets are closed; a value that is no object, array or
 * string ends at the white space after it. Strings may be quoted in either way, as QEMU takes them.
 * What is wrong only within a value does not end it early, so that the peer is answered once and
 * stays in step.
 */
typedef enum {
    OUTSIDE, /* between tokens */
    WORD,    /* in a number or literal */
    STRING,
    ESCAPE, /* after a backslash in a string */
} Where;

struct QmpScan {
    Where where;
    char quote;
    gboolean has_begun;
    gsize size;
    guint tokens;
    guint depth;
    char closers[QMP_SCAN_MAX_DEPTH]; /* that are waited for */
    guint utf8_left;                  /* continuation bytes to come */
    guchar utf8_low, utf8_high;       /* range of the next one */
};

gboolean
qmp_is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

QmpScan *
qmp_scan_new(void)
{
    return g_new0(QmpScan, 1);
}

void
qmp_scan_free(QmpScan *scan)
{
    g_free(scan);
}

void
qmp_scan_reset(QmpScan *scan)
{
    *scan = (QmpScan){0};
}

static gboolean
refuse(GError **error, const char *what)
{
    g_set_error(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, "JSON parse error, %s", what);
    return FALSE;
}

static gboolean
refuse_excess(GError **error, guint limit, const char *unit)
{
    g_set_error(
        error, VBLK_ERROR, VBLK_ERROR_LIMIT, "JSON message has more than '%u' %s", limit, unit);
    return FALSE;
}

/* The first byte decides the range of the second: no overlong forms, no surrogates, no more than
 * U+10FFFF. */
static gboolean
check_utf8_lead(QmpScan *scan, guchar byte)
{
    scan->utf8_low = 0x80;
    scan->utf8_high = 0xbf;

    if (byte >= 0xc2 && byte <= 0xdf) {
        scan->utf8_left = 1;
    } else if (byte >= 0xe0 && byte <= 0xef) {
        scan->utf8_left = 2;
        scan->utf8_low = byte == 0xe0 ? 0xa0 : 0x80;
        scan->utf8_high = byte == 0xed ? 0x9f : 0xbf;
    } else if (byte >= 0xf0 && byte <= 0xf4) {
        scan->utf8_left = 3;
        scan->utf8_low = byte == 0xf0 ? 0x90 : 0x80;
        scan->utf8_high = byte == 0xf4 ? 0x8f : 0xbf;
    } else {
        return FALSE;
    }

    return TRUE;
}

static gboolean
check_utf8(QmpScan *scan, guchar byte)
{
    if (scan->utf8_left > 0) {
        if (byte < scan->utf8_low || byte > scan->utf8_high)
            return FALSE;
        scan->utf8_left--;
        scan->utf8_low = 0x80;
        scan->utf8_high = 0xbf;
        return TRUE;
    }

    return byte < 0x80 ? byte != 0 : check_utf8_lead(scan, byte);
}

static gboolean
open_bracket(QmpScan *scan, char byte, GError **error)
{
    if (scan->depth == QMP_SCAN_MAX_DEPTH)
        return refuse_excess(error, QMP_SCAN_MAX_DEPTH, "levels");

    scan->closers[scan->depth++] = byte == '{' ? '}' : ']';
    return TRUE;
}

static gboolean
close_bracket(QmpScan *scan, char byte, GError **error)
{
    if (scan->depth == 0 || scan->closers[scan->depth - 1] != byte)
        return refuse(error, "brackets do not pair");

    scan->depth--;
    return TRUE;
}

static gboolean
take_string_byte(QmpScan *scan, char byte, GError **error)
{
    if (scan->where == ESCAPE)
        scan->where = STRING;
    else if (byte == '\\')
        scan->where = ESCAPE;
    else if (byte == scan->quote)
        scan->where = OUTSIDE;
    else if ((guchar)byte < 0x20)
        return refuse(error, "control character in a string");

    return TRUE;
}

static gboolean
take_structure_byte(QmpScan *scan, char byte, GError **error)
{
    gboolean is_bracket = byte == '{' || byte == '[' || byte == '}' || byte == ']';
    gboolean is_mark = is_bracket || byte == ',' || byte == ':' || byte == '"' || byte == '\'';

    if (qmp_is_space(byte)) {
        scan->where = OUTSIDE;
        return TRUE;
    }
    if ((guchar)byte < 0x20)
        return refuse(error, "control character");

    if (is_mark && scan->where == WORD && scan->depth == 0)
        return refuse(error, "something right behind a number or word");

    if ((is_mark || scan->where != WORD) && ++scan->tokens > QMP_SCAN_MAX_TOKENS)
        return refuse_excess(error, QMP_SCAN_MAX_TOKENS, "tokens");

    scan->has_begun = TRUE;
    scan->where = is_mark ? OUTSIDE : WORD;
    if (byte == '"' || byte == '\'') {
        scan->where = STRING;
        scan->quote = byte;
        return TRUE;
    }
    if (byte == '{' || byte == '[')
        return open_bracket(scan, byte, error);
    if (byte == '}' || byte == ']')
        return close_bracket(scan, byte, error);
    return TRUE;
}

static gboolean
take_byte(QmpScan *scan, char byte, GError **error)
{
    if (!check_utf8(scan, (guchar)byte))
        return refuse(error, "not UTF-8, or a zero byte");
    if (scan->has_begun && ++scan->size >= QMP_SCAN_MAX_SIZE)
        return refuse_excess(error, QMP_SCAN_MAX_SIZE, "bytes");

    if (scan->where == STRING || scan->where == ESCAPE)
        return take_string_byte(scan, byte, error);
    return take_structure_byte(scan, byte, error);
}

gboolean
qmp_scan_feed(QmpScan *scan, const char *bytes, gsize length, gsize *ret_end, GError **error)
{
    *ret_end = 0;

    for (gsize i = 0; i < length; i++) {
        if (!take_byte(scan, bytes[i], error)) {
            *ret_end = i;
            return FALSE;
        }

        if (scan->has_begun && scan->depth == 0 && scan->where == OUTSIDE) {
            *ret_end = i + 1;
            qmp_scan_reset(scan);
            return TRUE;
        }
    }

    return TRUE;
}
