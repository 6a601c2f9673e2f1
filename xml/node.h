/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* XML elements */

#include <glib.h>
#include <libxml/tree.h>

/*
 * Elements and attributes without a namespace: libvirt's own. Names in foreign namespaces are never
 * ours, whatever they are called.
 */

gboolean xml_node_is(const xmlNode *node, const char *name);
xmlNode *xml_node_child(const xmlNode *parent, const char *name); /* the first; NULL without */
xmlNode *xml_node_next(const xmlNode *node, const char *name);    /* the next sibling */
/* Like xml_node_child(), but a second one is an error. */
gboolean
xml_node_only_child(const xmlNode *parent, const char *name, xmlNode **ret_child, GError **error);

char *xml_node_content(const xmlNode *node);                     /* owned; never NULL */
char *xml_node_text(const xmlNode *node);                        /* owned, stripped; never NULL */
char *xml_node_attribute(const xmlNode *node, const char *name); /* owned; NULL without */
char *xml_node_child_text(const xmlNode *parent, const char *name); /* owned; NULL without */

/* Sets "line N: ..." and returns FALSE. */
gboolean
xml_node_refuse(const xmlNode *node, GError **error, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* NULL removes the attribute. */
void xml_node_set_attribute(xmlNode *node, const char *name, const char *value);

xmlNode *xml_node_new(const xmlNode *relative, const char *name); /* of the same document */
xmlNode *xml_node_add(xmlNode *parent, const char *name, const char *text); /* as the last child */

/* Both take the white space before the node along: the rest stays indented. */
void xml_node_detach(xmlNode *node);
void xml_node_insert_after(xmlNode *parent, xmlNode *previous, xmlNode *node); /* NULL: first */

/* Indents the content of @node by what stands before it; does nothing to a one-line document. */
void xml_node_layout(xmlNode *node);

guint xml_node_indent(const xmlNode *node); /* spaces before the node on its line */

/* Moves the content of @node, which is not on a line of its own, @n_spaces to the right or left. */
void xml_node_shift(xmlNode *node, int n_spaces);
