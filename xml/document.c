/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* XML document */

/*
 * The only call of libxml2's parser. The text was scanned before (xml/text.c), so what stands here
 * is the second wall: no network, no entity substitution, no DTD, no catalogue, and a document is
 * taken only when it is well formed in namespaces too. xmlStopParser() alone is no refusal:
 * libxml2 2.9.14 still returns a document after it.
 */

#include "xml/document.h"

#include <libxml/catalog.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlerror.h>

#include "xml/fault.h"
#include "xml/text.h"

typedef struct {
    char *message; /* the first error; NULL without */
    guint line;
    gboolean has_doctype;
} Outcome;

G_DEFINE_AUTOPTR_CLEANUP_FUNC(xmlParserCtxt, xmlFreeParserCtxt)

static void G_GNUC_PRINTF(2, 3) ignore_generic_error(void *data, const char *format, ...)
{
}

static xmlParserInput *
refuse_external_entity(const char *url, const char *id, xmlParserCtxt *context)
{
    return NULL;
}

static gpointer
initialise(gpointer data)
{
    xmlInitParser();
    /* else an <?oasis-xml-catalog?> instruction names files to load */
    xmlCatalogSetDefaults(XML_CATA_ALLOW_NONE);
    xmlSetExternalEntityLoader(refuse_external_entity);

    return NULL;
}

static void
prepare_thread(void)
{
    static GOnce once = G_ONCE_INIT;

    g_once(&once, initialise, NULL);
    /* held for each thread; without it some faults are printed on stderr */
    xmlSetGenericErrorFunc(NULL, ignore_generic_error);
}

static void
on_error(void *data, xmlError *fault)
{
    const xmlParserCtxt *context = data;
    Outcome *outcome = context->_private;

    if (fault->level == XML_ERR_WARNING || outcome->message != NULL)
        return;

    outcome->message = g_strdup(fault->message != NULL ? fault->message : "malformed XML");
    outcome->line = (guint)MAX(fault->line, 1);
}

static void
on_doctype(void *data, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
    xmlParserCtxt *context = data;
    Outcome *outcome = context->_private;

    outcome->has_doctype = TRUE;
    xmlStopParser(context);
}

xmlDoc *
xml_document_parse(const char *text, gsize max_size, GError **error)
{
    g_autoptr(xmlParserCtxt) context = NULL;
    g_autoptr(xmlDoc) document = NULL;
    g_autofree char *message = NULL;
    Outcome outcome = {.line = 1};

    if (!xml_text_check(text, max_size, error))
        return NULL;

    prepare_thread();
    context = xmlNewParserCtxt();
    if (context == NULL)
        g_error("out of memory");
    context->_private = &outcome;
    context->sax->internalSubset = on_doctype;
    context->sax->serror = on_error;

    document = xmlCtxtReadMemory(
        context, text, (int)strlen(text), NULL, "UTF-8", XML_PARSE_NONET | XML_PARSE_IGNORE_ENC);
    message = g_steal_pointer(&outcome.message);
    if (outcome.has_doctype || (document != NULL && document->intSubset != NULL)) {
        xml_refuse(error, outcome.line, "a document type declaration is refused");
        return NULL;
    }
    if (document == NULL || !context->wellFormed || !context->nsWellFormed || message != NULL ||
        xmlDocGetRootElement(document) == NULL) {
        xml_refuse(error, outcome.line, "%s", message != NULL ? message : "malformed XML");
        return NULL;
    }

    return g_steal_pointer(&document);
}
