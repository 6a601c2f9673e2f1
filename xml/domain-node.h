/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain element */

#include <libxml/tree.h>

#include "xml/domain-xml.h"

/* For documents that hold a domain document. Takes @document, on an error too. */
DomainXml *domain_xml_new_for_document(xmlDoc *document, GError **error);
const xmlNode *domain_xml_get_root(const DomainXml *xml);
