/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Token check */

#include "qmp/tokens.h"

#include <string.h>

#include "api/vblk-error.h"

/*
 * json-glib 1.6 reads more than JSON: comments, octal and hexadecimal numbers, "var x =", a
 * backslash that does not escape in single quotes. A quote in such a comment hides brackets from
 * the scan that the parser will see, and the parser has no limit on depth. It also reads numbers
 * beyond int64 as others, and cuts a string at U+0000. All that is refused here.
 *
 * Single-quoted strings are taken, as QEMU takes them, but only without a backslash, where the
 * parser's view of them and ours agree. "\'" is QEMU's, too.
 */
typedef struct {
    const char *at;
    const char *end;
} Text;

#define SHOWN 32 /* bytes of a bad word in a message */

static gboolean
refuse(GError **error, const char *what, const char *word, gsize length)
{
    g_set_error(error,
                VBLK_ERROR,
                VBLK_ERROR_INVALID_ARGUMENT,
                "JSON parse error, %s '%.*s'",
                what,
                (int)MIN(length, SHOWN),
                word);
    return FALSE;
}

/* Four hexadecimal digits, or -1. */
static gint
take_hex(Text *text)
{
    gint value = 0;

    if (text->end - text->at < 4)
        return -1;
    for (guint i = 0; i < 4; i++) {
        gint digit = g_ascii_xdigit_value(*text->at++);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }

    return value;
}

/* What stands after "\u": a character of its own, or the first half of a surrogate pair. */
static gboolean
take_unicode(Text *text)
{
    gint first = take_hex(text);
    gint second;

    if (first <= 0 || (first >= 0xdc00 && first <= 0xdfff))
        return FALSE;
    if (first < 0xd800 || first > 0xdbff)
        return TRUE;

    if (text->end - text->at < 2 || text->at[0] != '\\' || text->at[1] != 'u')
        return FALSE;
    text->at += 2;
    second = take_hex(text);
    return second >= 0xdc00 && second <= 0xdfff;
}

static gboolean
take_escape(Text *text, GError **error)
{
    const char *begin = text->at - 1; /* the backslash */

    if (text->at == text->end)
        return refuse(error, "incomplete escape", begin, 1);
    if (*text->at != 'u') {
        if (strchr("\"'\\/bfnrt", *text->at) == NULL)
            return refuse(error, "invalid escape", begin, 1);
        text->at++;
        return TRUE;
    }

    text->at++;
    if (!take_unicode(text))
        return refuse(error, "invalid character", begin, MIN(6, (gsize)(text->end - begin)));
    return TRUE;
}

static gboolean
take_string(Text *text, GError **error)
{
    const char *begin = text->at;
    char quote = *text->at++;

    while (text->at < text->end) {
        char byte = *text->at++;

        if (byte == quote)
            return TRUE;
        if (byte != '\\')
            continue;
        if (quote == '\'')
            return refuse(error, "escape in single quotes", text->at - 1, 1);
        if (!take_escape(text, error))
            return FALSE;
    }

    return refuse(error, "string without end", begin, 1);
}

static const char *
skip_digits(const char *at, const char *end)
{
    while (at < end && g_ascii_isdigit(*at))
        at++;
    return at;
}

/* The end of the number's integer part; NULL where there is none. No leading zeros. */
static const char *
skip_integer(const char *at, const char *end)
{
    if (at < end && *at == '-')
        at++;
    if (at == end || !g_ascii_isdigit(*at))
        return NULL;
    return *at == '0' ? at + 1 : skip_digits(at, end);
}

/* TRUE where the rest of a number, after its integer part, is a fraction, an exponent or both. */
static gboolean
is_real_part(const char *at, const char *end)
{
    if (at < end && *at == '.') {
        const char *digits = at + 1;

        at = skip_digits(digits, end);
        if (at == digits)
            return FALSE;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *digits = at + 1;

        if (digits < end && (*digits == '+' || *digits == '-'))
            digits++;
        at = skip_digits(digits, end);
        if (at == digits)
            return FALSE;
    }

    return at == end;
}

static gboolean
is_int64(const char *word, const char *end)
{
    gboolean is_negative = *word == '-';
    guint64 limit = is_negative ? (guint64)G_MAXINT64 + 1 : (guint64)G_MAXINT64;
    guint64 value = 0;

    for (const char *at = word + is_negative; at < end; at++) {
        guint64 digit = (guint64)(*at - '0');

        if (value > (limit - digit) / 10)
            return FALSE;
        value = value * 10 + digit;
    }

    return TRUE;
}

static gboolean
is_word_byte(char byte)
{
    return g_ascii_isalnum(byte) || byte == '-' || byte == '+' || byte == '.' || byte == '_';
}

static gboolean
take_word(Text *text, GError **error)
{
    static const char *const literals[] = {"true", "false", "null"};
    const char *word = text->at;
    const char *integer_end;
    gsize length;

    while (text->at < text->end && is_word_byte(*text->at))
        text->at++;
    length = (gsize)(text->at - word);
    if (length == 0)
        return refuse(error, "stray", word, g_ascii_isprint(*word) ? 1 : 0);

    for (guint i = 0; i < G_N_ELEMENTS(literals); i++) {
        if (length == strlen(literals[i]) && memcmp(word, literals[i], length) == 0)
            return TRUE;
    }

    integer_end = skip_integer(word, text->at);
    if (integer_end == NULL)
        return refuse(error, "invalid keyword", word, length);
    if (integer_end == text->at)
        return is_int64(word, text->at) || refuse(error, "integer out of range", word, length);
    return is_real_part(integer_end, text->at) || refuse(error, "invalid number", word, length);
}

gboolean
qmp_tokens_check(const char *text, gsize length, GError **error)
{
    Text rest = {text, text + length};

    while (rest.at < rest.end) {
        char byte = *rest.at;

        if (byte != '\0' && strchr("{}[],: \t\r\n", byte) != NULL)
            rest.at++;
        else if (byte == '"' || byte == '\'') {
            if (!take_string(&rest, error))
                return FALSE;
        } else if (!take_word(&rest, error)) {
            return FALSE;
        }
    }

    return TRUE;
}
