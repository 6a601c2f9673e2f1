/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* XML writer */

/*
 * Writes a tree as libvirt writes its documents: attributes in single quotes, empty elements
 * closed at once. libxml2's own writer knows only double quotes, and a definition that came from
 * virsh dumpxml would change in every line.
 */

#include <glib.h>
#include <libxml/tree.h>

#include "xml/document.h"

static void append_node(GString *out, const xmlNode *node);

static void
append_escaped(GString *out, const xmlChar *content, gboolean is_attribute)
{
    for (const char *p = (const char *)content; p != NULL && *p != '\0'; p++) {
        if (*p == '&')
            g_string_append(out, "&amp;");
        else if (*p == '<')
            g_string_append(out, "&lt;");
        else if (*p == '>')
            g_string_append(out, "&gt;");
        else if (*p == '\'' && is_attribute)
            g_string_append(out, "&apos;");
        else if (*p == '\r' || (is_attribute && (*p == '\n' || *p == '\t')))
            g_string_append_printf(out, "&#%d;", *p);
        else
            g_string_append_c(out, *p);
    }
}

static void
append_name(GString *out, const xmlNs *ns, const xmlChar *name)
{
    if (ns != NULL && ns->prefix != NULL)
        g_string_append_printf(out, "%s:", (const char *)ns->prefix);
    g_string_append(out, (const char *)name);
}

/* libxml2 2.9 leaves a reference in place of each '&' of a namespace, and only there. */
static void
append_namespace_name(GString *out, const xmlNs *ns)
{
    GString *name = g_string_new((const char *)ns->href);

    g_string_replace(name, "&#38;", "&", 0);
    append_escaped(out, (const xmlChar *)name->str, TRUE);
    g_string_free(name, TRUE);
}

static void
append_namespaces(GString *out, const xmlNode *node)
{
    for (const xmlNs *ns = node->nsDef; ns != NULL; ns = ns->next) {
        g_string_append(out, " xmlns");
        if (ns->prefix != NULL)
            g_string_append_printf(out, ":%s", (const char *)ns->prefix);
        g_string_append(out, "='");
        append_namespace_name(out, ns);
        g_string_append_c(out, '\'');
    }
}

static void
append_attributes(GString *out, const xmlNode *node)
{
    for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
        g_string_append_c(out, ' ');
        append_name(out, attribute->ns, attribute->name);
        g_string_append(out, "='");
        for (const xmlNode *part = attribute->children; part != NULL; part = part->next)
            append_escaped(out, part->content, TRUE);
        g_string_append_c(out, '\'');
    }
}

static void
append_element(GString *out, const xmlNode *node)
{
    g_string_append_c(out, '<');
    append_name(out, node->ns, node->name);
    /* as libvirt does for its own elements, and as others do for theirs */
    if (node->ns == NULL)
        append_attributes(out, node);
    append_namespaces(out, node);
    if (node->ns != NULL)
        append_attributes(out, node);
    if (node->children == NULL) {
        g_string_append(out, "/>");
        return;
    }

    g_string_append_c(out, '>');
    for (const xmlNode *child = node->children; child != NULL; child = child->next)
        append_node(out, child);
    g_string_append(out, "</");
    append_name(out, node->ns, node->name);
    g_string_append_c(out, '>');
}

/* The recursion is bounded: no tree is deeper than XML_MAX_DEPTH. */
static void
append_node(GString *out, const xmlNode *node)
{
    const char *content = node->content != NULL ? (const char *)node->content : "";

    /* a tree without a DTD holds no other kinds of nodes */
    if (node->type == XML_ELEMENT_NODE)
        append_element(out, node);
    else if (node->type == XML_TEXT_NODE)
        append_escaped(out, node->content, FALSE);
    else if (node->type == XML_CDATA_SECTION_NODE)
        g_string_append_printf(out, "<![CDATA[%s]]>", content);
    else if (node->type == XML_COMMENT_NODE)
        g_string_append_printf(out, "<!--%s-->", content);
    else if (node->type == XML_PI_NODE && *content != '\0')
        g_string_append_printf(out, "<?%s %s?>", (const char *)node->name, content);
    else if (node->type == XML_PI_NODE)
        g_string_append_printf(out, "<?%s?>", (const char *)node->name);
}

char *
xml_document_format(const xmlDoc *document)
{
    GString *out = g_string_new(NULL);

    for (const xmlNode *node = document->children; node != NULL; node = node->next) {
        append_node(out, node);
        g_string_append_c(out, '\n');
    }

    return g_string_free(out, FALSE);
}
