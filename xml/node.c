/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* XML elements */

#include "xml/node.h"

#include <string.h>

#include "xml/fault.h"

#define CHARS(text) ((const xmlChar *)(text))

gboolean
xml_node_is(const xmlNode *node, const char *name)
{
    return node->type == XML_ELEMENT_NODE && node->ns == NULL &&
           xmlStrEqual(node->name, CHARS(name));
}

static xmlNode *
find_from(xmlNode *node, const char *name)
{
    while (node != NULL && !xml_node_is(node, name))
        node = node->next;

    return node;
}

xmlNode *
xml_node_child(const xmlNode *parent, const char *name)
{
    return find_from(parent->children, name);
}

xmlNode *
xml_node_next(const xmlNode *node, const char *name)
{
    return find_from(node->next, name);
}

gboolean
xml_node_only_child(const xmlNode *parent, const char *name, xmlNode **ret_child, GError **error)
{
    xmlNode *child = xml_node_child(parent, name);
    xmlNode *second = child != NULL ? xml_node_next(child, name) : NULL;

    if (second != NULL)
        return xml_node_refuse(
            second, error, "a second element '%s' in '%s'", name, (const char *)parent->name);
    *ret_child = child;

    return TRUE;
}

char *
xml_node_content(const xmlNode *node)
{
    xmlChar *content = xmlNodeGetContent(node);
    char *text = g_strdup(content != NULL ? (const char *)content : "");

    xmlFree(content);

    return text;
}

char *
xml_node_text(const xmlNode *node)
{
    return g_strstrip(xml_node_content(node));
}

char *
xml_node_attribute(const xmlNode *node, const char *name)
{
    xmlChar *value = xmlGetNoNsProp(node, CHARS(name));
    char *copy = g_strdup((const char *)value);

    xmlFree(value);

    return copy;
}

char *
xml_node_child_text(const xmlNode *parent, const char *name)
{
    const xmlNode *child = xml_node_child(parent, name);

    return child != NULL ? xml_node_text(child) : NULL;
}

gboolean
xml_node_refuse(const xmlNode *node, GError **error, const char *format, ...)
{
    va_list arguments;
    long line = xmlGetLineNo(node);

    va_start(arguments, format);
    (void)xml_refuse_valist(error, (guint)MAX(line, 1), format, arguments); /* always FALSE */
    va_end(arguments);

    return FALSE;
}

void
xml_node_set_attribute(xmlNode *node, const char *name, const char *value)
{
    if (value != NULL)
        xmlSetNsProp(node, NULL, CHARS(name), CHARS(value));
    else
        xmlUnsetNsProp(node, NULL, CHARS(name));
}

xmlNode *
xml_node_new(const xmlNode *relative, const char *name)
{
    return xmlNewDocNode(relative->doc, NULL, CHARS(name), NULL);
}

xmlNode *
xml_node_add(xmlNode *parent, const char *name, const char *text)
{
    return xmlNewTextChild(parent, NULL, CHARS(name), CHARS(text));
}

/* The indentation that stands before @node on its line; NULL where it begins no line. */
static const char *
indent_of(const xmlNode *node)
{
    const xmlNode *space = node->prev;
    const char *line;

    if (node->parent != NULL && node->parent->type == XML_DOCUMENT_NODE)
        return "";
    if (space == NULL || space->type != XML_TEXT_NODE || !xmlIsBlankNode(space))
        return NULL;
    line = strrchr((const char *)space->content, '\n');

    return line != NULL ? line + 1 : NULL;
}

guint
xml_node_indent(const xmlNode *node)
{
    const char *indent = indent_of(node);

    return indent != NULL ? (guint)strspn(indent, " ") : 0;
}

static void
add_line_before(xmlNode *node, const char *indent)
{
    g_autofree char *line = g_strconcat("\n", indent, NULL);

    xmlAddPrevSibling(node, xmlNewDocText(node->doc, CHARS(line)));
}

void
xml_node_detach(xmlNode *node)
{
    xmlNode *space = node->prev;

    if (space != NULL && space->type == XML_TEXT_NODE && xmlIsBlankNode(space)) {
        xmlUnlinkNode(space);
        xmlFreeNode(space);
    }
    xmlUnlinkNode(node);
}

void
xml_node_insert_after(xmlNode *parent, xmlNode *previous, xmlNode *node)
{
    const xmlNode *sibling = previous != NULL ? previous : xmlFirstElementChild(parent);
    g_autofree char *indent = g_strdup(sibling != NULL ? indent_of(sibling) : NULL);

    if (previous != NULL)
        xmlAddNextSibling(previous, node);
    else if (parent->children != NULL)
        xmlAddPrevSibling(parent->children, node);
    else
        xmlAddChild(parent, node);
    if (indent != NULL)
        add_line_before(node, indent);
}

/* Nothing but elements, comments and white space, and none of a foreign namespace's business. */
static gboolean
holds_only_elements(const xmlNode *node)
{
    gboolean has_element = FALSE;

    if (node->type != XML_ELEMENT_NODE || node->ns != NULL)
        return FALSE;

    for (const xmlNode *child = node->children; child != NULL; child = child->next) {
        if (child->type == XML_ELEMENT_NODE)
            has_element = TRUE;
        else if (child->type != XML_COMMENT_NODE && !xmlIsBlankNode(child))
            return FALSE;
    }

    return has_element;
}

static void
layout(xmlNode *node, const char *indent)
{
    g_autofree char *inner = g_strconcat(indent, "  ", NULL);
    g_autofree char *close = g_strconcat("\n", indent, NULL);
    xmlNode *next;

    if (!holds_only_elements(node))
        return;

    for (xmlNode *child = node->children; child != NULL; child = next) {
        next = child->next;
        if (xmlIsBlankNode(child)) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        }
    }
    for (xmlNode *child = node->children; child != NULL; child = child->next) {
        add_line_before(child, inner);
        layout(child, inner);
    }
    xmlAddChild(node, xmlNewDocText(node->doc, CHARS(close)));
}

void
xml_node_layout(xmlNode *node)
{
    g_autofree char *indent = g_strdup(indent_of(node));

    if (indent != NULL)
        layout(node, indent);
}

static void
shift_line(xmlNode *space, int n_spaces)
{
    const char *content = (const char *)space->content;
    const char *newline = strrchr(content, '\n');
    g_autofree char *line = NULL;
    gsize kept = newline != NULL ? (gsize)(newline + 1 - content) : 0;

    if (newline == NULL)
        return;

    if (n_spaces > 0) {
        line = g_strdup_printf("%.*s%*s%s", (int)kept, content, n_spaces, "", content + kept);
    } else {
        gsize n_cut = strspn(content + kept, " ");

        line = g_strdup_printf(
            "%.*s%s", (int)kept, content, content + kept + MIN(n_cut, (gsize)-n_spaces));
    }
    xmlNodeSetContent(space, CHARS(line));
}

void
xml_node_shift(xmlNode *node, int n_spaces)
{
    if (!holds_only_elements(node))
        return;

    for (xmlNode *child = node->children; child != NULL; child = child->next) {
        if (xmlIsBlankNode(child))
            shift_line(child, n_spaces);
        else
            xml_node_shift(child, n_spaces);
    }
}
