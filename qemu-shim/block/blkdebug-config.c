/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Debug rule files */

#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/blkdebug-rules.h"

/*
 * Lines: "# comment", "[inject-error]" or "[set-state]", also with an id as in [set-state "x"], and
 * below them KEY = "VALUE" for that rule. What is none of these is refused by its number.
 */
typedef struct {
    BlkdebugRules *rules;
    const char *name;
    guint number;
    BlkdebugRule *rule; /* owned; NULL: there was no group yet */
    GHashTable *ids;    /* of char *, owned */
} Reader;

static gboolean set_error(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static gboolean
set_error(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_propagate_error(error,
                      g_error_new_valist(VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, format, list));
    va_end(list);
    return FALSE;
}

static gboolean
refuse_line(const Reader *reader, GError **error)
{
    return set_error(error,
                     "line %u of '%s' is neither a comment nor a [group] nor KEY = \"VALUE\"",
                     reader->number,
                     reader->name);
}

static gboolean
end_rule(Reader *reader, GError **error)
{
    if (reader->rule == NULL)
        return TRUE;
    if (reader->rule->event == BLOCK_EVENT_COUNT)
        return set_error(error, "Missing event name for rule");
    return blkdebug_rules_add(reader->rules, g_steal_pointer(&reader->rule), error);
}

/* The text between two quotes at the end of a line, in place; NULL: there is none. */
static char *
cut_quoted(char *text)
{
    char *end = text[0] == '"' ? strchr(text + 1, '"') : NULL;

    if (end == NULL)
        return NULL;
    *end = '\0';
    return end[1] == '\0' || g_strstrip(end + 1)[0] == '\0' ? text + 1 : NULL;
}

/* "[group]" or "[group "id"]". */
static gboolean
read_group(Reader *reader, char *line, GError **error)
{
    char *end = strrchr(line, ']');
    char *name = line + 1;
    char *blank;

    if (end == NULL || end[1] != '\0')
        return refuse_line(reader, error);
    *end = '\0';
    blank = strchr(name, ' ');
    if (blank != NULL) {
        const char *id = cut_quoted(blank + 1);

        *blank = '\0';
        if (id == NULL)
            return refuse_line(reader, error);
        if (!g_hash_table_add(reader->ids, g_strdup_printf("%s %s", name, id)))
            return set_error(error, "Duplicate ID '%s' for %s", id, name);
    }
    if (!g_str_equal(name, "inject-error") && !g_str_equal(name, "set-state"))
        return set_error(error, "There is no option group '%s'", name);
    if (!end_rule(reader, error))
        return FALSE;

    reader->rule = blkdebug_rule_new(g_str_equal(name, "inject-error"));
    return TRUE;
}

static gboolean
find_word(const char *const *words, const char *value, guint *ret_index, GError **error)
{
    for (guint i = 0; words[i] != NULL; i++) {
        if (!g_str_equal(words[i], value))
            continue;
        *ret_index = i;
        return TRUE;
    }

    return set_error(error, "invalid parameter value: %s", value);
}

static gboolean
read_number(const char *key, const char *value, gint64 *ret_number, GError **error)
{
    return g_ascii_string_to_signed(value, 10, G_MININT64, G_MAXINT64, ret_number, NULL) ||
           set_error(error, "Parameter '%s' expects a number", key);
}

static gboolean
read_boolean(const char *key, const char *value, gboolean *ret_is_on, GError **error)
{
    static const char *const on[] = {"on", "yes", "true", "y", NULL};
    static const char *const off[] = {"off", "no", "false", "n", NULL};

    *ret_is_on = g_strv_contains(on, value);
    return *ret_is_on || g_strv_contains(off, value) ||
           set_error(error, "Parameter '%s' expects 'on' or 'off'", key);
}

static gboolean
read_error_member(BlkdebugRule *rule, const char *key, const char *value, GError **error)
{
    guint request = BLKDEBUG_REQUESTS;

    if (g_str_equal(key, "errno"))
        return read_number(key, value, &rule->number, error);
    if (g_str_equal(key, "sector"))
        return read_number(key, value, &rule->sector, error);
    if (g_str_equal(key, "once"))
        return read_boolean(key, value, &rule->is_once, error);
    if (g_str_equal(key, "immediately"))
        return read_boolean(key, value, &rule->is_immediate, error);
    if (!g_str_equal(key, "iotype"))
        return set_error(error, "Invalid parameter '%s'", key);
    if (!find_word(blkdebug_request_words, value, &request, error))
        return FALSE;

    rule->requests = 1u << request;
    return TRUE;
}

static gboolean
read_member(BlkdebugRule *rule, const char *key, const char *value, GError **error)
{
    guint event = BLOCK_EVENT_COUNT;

    if (g_str_equal(key, "state"))
        return read_number(key, value, &rule->state, error);
    if (!rule->is_error && g_str_equal(key, "new_state"))
        return read_number(key, value, &rule->next_state, error);
    if (!g_str_equal(key, "event"))
        return rule->is_error ? read_error_member(rule, key, value, error)
                              : set_error(error, "Invalid parameter '%s'", key);
    if (!find_word(blkdebug_event_words, value, &event, error))
        return FALSE;

    rule->event = (BlockEvent)event;
    return TRUE;
}

static gboolean
read_line(Reader *reader, char *line, GError **error)
{
    char *equals, *value;

    g_strstrip(line);
    if (line[0] == '\0' || line[0] == '#')
        return TRUE;
    if (line[0] == '[')
        return read_group(reader, line, error);

    equals = strchr(line, '=');
    if (equals == NULL)
        return refuse_line(reader, error);
    *equals = '\0';
    value = cut_quoted(g_strchug(equals + 1));
    if (value == NULL)
        return refuse_line(reader, error);
    if (reader->rule == NULL)
        return set_error(error, "no group defined");
    return read_member(reader->rule, g_strchomp(line), value, error);
}

gboolean
blkdebug_rules_parse(BlkdebugRules *rules, const char *text, const char *name, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autoptr(GHashTable) ids = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    Reader reader = {.rules = rules, .name = name, .ids = ids};
    gboolean is_good = TRUE;

    for (guint i = 0; is_good && lines[i] != NULL; i++) {
        reader.number = i + 1;
        is_good = read_line(&reader, lines[i], error);
    }

    is_good = is_good && end_rule(&reader, error);
    g_free(reader.rule);
    return is_good;
}
