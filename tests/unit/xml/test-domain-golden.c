/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain documents */

/*
 * NAME-in.xml is read, changed as NAME.layers says (if there is one), and written: NAME-out.xml.
 * A .layers file has a line "DISK complete" or "DISK open", and then a line for each layer: type,
 * path, format and index, "-" for none.
 *
 * NAME-invalid.xml must be refused with the message in NAME.err.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libxml/c14n.h>
#include <libxml/xpath.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "tests/unit/xml/golden.h"
#include "xml/document.h"
#include "xml/domain-xml.h"
#include "xml/node.h"

static DiskSourceType
type_from_name(const char *name)
{
    for (int type = DISK_SOURCE_FILE; type <= DISK_SOURCE_OTHER; type++) {
        if (g_str_equal(disk_source_type_name((DiskSourceType)type), name))
            return (DiskSourceType)type;
    }

    return DISK_SOURCE_NONE;
}

static const char *
or_null(const char *word)
{
    return g_str_equal(word, "-") ? NULL : word;
}

/* Applies the .layers file @path; returns the disk's target, NULL without a file. */
static char *
apply_layers(DomainXml *xml, const char *path)
{
    g_autoptr(GPtrArray) layers = g_ptr_array_new_with_free_func((GDestroyNotify)disk_source_free);
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    g_auto(GStrv) head = NULL;

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return NULL;
    text = golden_read(path);
    lines = g_strsplit(g_strstrip(text), "\n", -1);
    head = g_strsplit(lines[0], " ", 2);
    for (guint i = 1; lines[i] != NULL; i++) {
        g_auto(GStrv) words = g_strsplit(lines[i], " ", 4);

        assert_int_equal(g_strv_length(words), 4);
        g_ptr_array_add(layers,
                        disk_source_new(type_from_name(words[0]),
                                        or_null(words[1]),
                                        or_null(words[2]),
                                        (guint)g_ascii_strtoull(words[3], NULL, 10)));
    }
    if (!domain_xml_set_disk_layers(xml, head[0], layers, g_str_equal(head[1], "complete"), &error))
        fail_msg("%s: %s", path, error->message);

    return g_strdup(head[0]);
}

static void
drop_blank(xmlNode *node)
{
    xmlNode *next;

    for (xmlNode *child = node->children; child != NULL; child = next) {
        next = child->next;
        if (child->type == XML_TEXT_NODE && xmlIsBlankNode(child)) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        } else {
            drop_blank(child);
        }
    }
}

/* What a change of layers may touch in a disk; a driver element of our own has only these two. */
#define PLAIN_DRIVER "not(@*[name() != 'type' and name() != 'name'])"
#define MAY_CHANGE                                                                    \
    "@type | source | backingStore | auth | encryption | driver[" PLAIN_DRIVER "] | " \
    "driver[not(" PLAIN_DRIVER ")]/@type"

static void
remove_found(xmlXPathContext *context, const char *expression)
{
    xmlXPathObject *found = xmlXPathEval((const xmlChar *)expression, context);

    for (int i = 0; i < xmlXPathNodeSetGetLength(found->nodesetval); i++) {
        xmlNode *node = xmlXPathNodeSetItem(found->nodesetval, i);

        xmlUnlinkNode(node);
        if (node != NULL && node->type == XML_ATTRIBUTE_NODE)
            xmlFreeProp((xmlAttr *)(void *)node);
        else
            xmlFreeNode(node);
    }
    xmlXPathFreeObject(found);
}

/* The canonical form, without what a change of the disk @target may touch; NULL: of all. */
static char *
canonical_rest(const char *text, const char *target)
{
    g_autoptr(xmlDoc) document = xml_document_parse(text, XML_MAX_STORED_SIZE, NULL);
    xmlXPathContext *context = xmlXPathNewContext(document);
    g_autofree char *disk = g_strdup_printf("/domain/devices/disk[target/@dev = '%s']",
                                            target != NULL ? target : "");
    xmlXPathObject *found = xmlXPathEval((const xmlChar *)disk, context);
    xmlChar *canonical = NULL;
    char *copy;

    if (target != NULL) {
        context->node = xmlXPathNodeSetItem(found->nodesetval, 0);
        assert_non_null(context->node);
        remove_found(context, MAY_CHANGE);
        drop_blank(xmlDocGetRootElement(document));
    }
    assert_true(xmlC14NDocDumpMemory(document, NULL, XML_C14N_1_0, NULL, 1, &canonical) > 0);
    copy = g_strdup((const char *)canonical);
    xmlFree(canonical);
    xmlXPathFreeObject(found);
    xmlXPathFreeContext(context);

    return copy;
}

static void
a_document_is_written_as_its_golden_file(void **state)
{
    g_auto(GStrv) paths = golden_list("-in.xml");

    for (guint i = 0; paths[i] != NULL; i++) {
        g_autofree char *out = golden_sibling(paths[i], "-in.xml", "-out.xml");
        g_autofree char *layers = golden_sibling(paths[i], "-in.xml", ".layers");
        g_autofree char *text = golden_read(paths[i]);
        g_autoptr(GError) error = NULL;
        g_autoptr(DomainXml) xml = domain_xml_parse(text, &error);
        g_autofree char *target = NULL;
        g_autofree char *written = NULL;

        if (xml == NULL)
            fail_msg("%s: %s", paths[i], error->message);
        target = apply_layers(xml, layers);
        written = domain_xml_format(xml);
        golden_compare(out, written);
    }
}

static void
what_is_not_modelled_stays(void **state)
{
    g_auto(GStrv) paths = golden_list("-in.xml");

    for (guint i = 0; paths[i] != NULL; i++) {
        g_autofree char *layers = golden_sibling(paths[i], "-in.xml", ".layers");
        g_autofree char *text = golden_read(paths[i]);
        g_autoptr(DomainXml) xml = domain_xml_parse(text, NULL);
        g_autofree char *target = apply_layers(xml, layers);
        g_autofree char *written = domain_xml_format(xml);
        g_autofree char *before = canonical_rest(text, target);
        g_autofree char *after = canonical_rest(written, target);

        if (!g_str_equal(before, after))
            print_error("%s has lost something\n", paths[i]);
        assert_string_equal(after, before);
    }
}

static void
what_is_written_reads_and_writes_the_same(void **state)
{
    g_auto(GStrv) paths = golden_list("-out.xml");

    for (guint i = 0; paths[i] != NULL; i++) {
        g_autofree char *text = golden_read(paths[i]);
        g_autoptr(DomainXml) xml = domain_xml_parse(text, NULL);
        g_autofree char *written = NULL;

        assert_non_null(xml);
        written = domain_xml_format(xml);
        assert_string_equal(written, text);
    }
}

static void
an_invalid_document_is_refused_with_its_line(void **state)
{
    g_auto(GStrv) paths = golden_list("-invalid.xml");

    for (guint i = 0; paths[i] != NULL; i++) {
        g_autofree char *expected = golden_sibling(paths[i], "-invalid.xml", ".err");
        g_autofree char *text = golden_read(paths[i]);
        g_autoptr(GError) error = NULL;
        g_autoptr(DomainXml) xml = domain_xml_parse(text, &error);
        g_autofree char *message = NULL;

        if (xml != NULL)
            fail_msg("%s is accepted", paths[i]);
        assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_XML));
        message = g_strconcat(error->message, "\n", NULL);
        golden_compare(expected, message);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_document_is_written_as_its_golden_file),
        cmocka_unit_test(what_is_not_modelled_stays),
        cmocka_unit_test(what_is_written_reads_and_writes_the_same),
        cmocka_unit_test(an_invalid_document_is_refused_with_its_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
