/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* XML document */

#include <glib.h>
#include <libxml/tree.h>

/* Refuses what xml_text_check() refuses and what is not well formed; the error names the line. */
xmlDoc *xml_document_parse(const char *text, gsize max_size, GError **error);

/* Single quotes and no XML declaration, as libvirt prints; the caller owns the text. */
char *xml_document_format(const xmlDoc *document);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlDoc, xmlFreeDoc)
