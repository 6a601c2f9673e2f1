/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hostile documents */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "xml/domain-xml.h"
#include "xml/snapshot-xml.h"

static void
assert_refused(const char *text, const char *message)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) other_error = NULL;

    assert_null(domain_xml_parse(text, &error));
    assert_true(g_error_matches(error, VBLK_ERROR, VBLK_ERROR_XML));
    assert_true(g_str_has_prefix(error->message, "line "));
    assert_null(strchr(error->message, '\n'));
    assert_true(g_utf8_validate(error->message, -1, NULL));
    assert_true(strlen(error->message) < 1000);
    if (message != NULL)
        assert_string_equal(error->message, message);

    assert_null(snapshot_xml_parse(text, &other_error));
    assert_true(g_error_matches(other_error, VBLK_ERROR, VBLK_ERROR_XML));
}

static char *
repeat(const char *piece, guint n_times)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < n_times; i++)
        g_string_append(text, piece);

    return g_string_free(text, FALSE);
}

static void
a_billion_laughs_are_not_laughed(void **state)
{
    GString *text = g_string_new("<!DOCTYPE domain [<!ENTITY a0 'ha'>");

    for (int i = 1; i < 10; i++) {
        g_autofree char *reference = g_strdup_printf("&a%d;", i - 1);
        g_autofree char *ten = repeat(reference, 10);

        g_string_append_printf(text, "<!ENTITY a%d '%s'>", i, ten);
    }
    g_string_append(text, "]>\n<domain><name>&a9;</name></domain>");
    assert_refused(text->str, "line 1: a document type declaration is refused");
    g_string_free(text, TRUE);
}

static void
an_external_entity_is_not_opened(void **state)
{
    g_autofree char *canary = NULL;
    g_autofree char *text = NULL;
    int fd = g_file_open_tmp("canary-XXXXXX", &canary, NULL);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "canary", 6), 6);
    close(fd);
    text = g_strdup_printf("<?xml version='1.0'?>\n"
                           "<!DOCTYPE domain [\n"
                           "<!ENTITY x SYSTEM 'file://%s'>]>\n"
                           "<domain><name>&x;</name></domain>",
                           canary);
    assert_refused(text, "line 2: a document type declaration is refused");
    g_unlink(canary);
}

static void
a_doctype_in_any_dress_is_refused(void **state)
{
    const char *const texts[] = {
        "<!DOCTYPE domain><domain><name>n</name></domain>",
        "<!DOCTYPE\ndomain\n[\n]\n><domain><name>n</name></domain>",
        "\n\n <!DOCTYPE domain SYSTEM \"http://127.0.0.1:9/x\"><domain><name>n</name></domain>",
        "<!-- c --><?p i?><!DOCTYPE domain PUBLIC '-//x' 'x'><domain><name>n</name></domain>",
        "<?p > ?><!DOCTYPE domain><domain><name>n</name></domain>",
        "<!-- > --><!DOCTYPE domain [<!ELEMENT domain ANY>]><domain><name>n</name></domain>",
        "\357\273\277<!DOCTYPE domain><domain><name>n</name></domain>",
        "<domain><!DOCTYPE domain><name>n</name></domain>",
        "<domain><name>n</name></domain><!DOCTYPE domain>",
        "<!DocType domain><domain><name>n</name></domain>",
        "<!ELEMENT domain ANY><domain><name>n</name></domain>",
        "<![INCLUDE[<!DOCTYPE domain>]]><domain><name>n</name></domain>",
        "<!",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GError) error = NULL;

        assert_refused(texts[i], NULL);
        assert_null(domain_xml_parse(texts[i], &error));
        assert_non_null(strstr(error->message, "a document type declaration is refused"));
    }
}

static void
a_doctype_that_is_only_text_is_no_doctype(void **state)
{
    const char *const texts[] = {
        "<!-- <!DOCTYPE domain> --><domain><name>n</name></domain>",
        "<domain><name>n</name><x><![CDATA[<!DOCTYPE domain>]]></x></domain>",
        "<domain><name>n</name><x y='&lt;!DOCTYPE domain>'/></domain>",
        "<domain><name>n</name><?x <!DOCTYPE domain> ?></domain>",
    };

    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(DomainXml) xml = domain_xml_parse(texts[i], NULL);

        assert_non_null(xml);
    }
}

/* The document has @n_levels levels and a line for each. */
static char *
nested(guint n_levels)
{
    g_autofree char *open = repeat("<x>\n", n_levels - 1);
    g_autofree char *close = repeat("</x>", n_levels - 1);

    return g_strdup_printf("<domain><name>n</name>\n%s%s</domain>", open, close);
}

static void
depth_is_limited(void **state)
{
    g_autofree char *deep = nested(XML_MAX_DEPTH);
    g_autofree char *deeper = nested(XML_MAX_DEPTH + 1);
    g_autofree char *unclosed = repeat("<x>", 10000);
    g_autofree char *much_deeper = nested(8000);
    g_autofree char *expected = g_strdup_printf("line %d: elements are nested deeper than '%d' "
                                                "levels",
                                                XML_MAX_DEPTH + 1,
                                                XML_MAX_DEPTH);
    g_autoptr(DomainXml) xml = domain_xml_parse(deep, NULL);

    assert_non_null(xml);
    assert_refused(deeper, expected);
    assert_refused(much_deeper, expected);
    assert_refused(unclosed, NULL);
}

static char *
with_attributes(guint n_attributes)
{
    GString *text = g_string_new("<domain>\n<name>n</name><x");

    for (guint i = 0; i < n_attributes; i++)
        g_string_append_printf(text, " a%u='='", i);
    g_string_append(text, "/></domain>");

    return g_string_free(text, FALSE);
}

static void
attributes_of_one_element_are_limited(void **state)
{
    g_autofree char *many = with_attributes(XML_MAX_ATTRIBUTES);
    g_autofree char *too_many = with_attributes(XML_MAX_ATTRIBUTES + 1);
    g_autofree char *five_thousand = with_attributes(5000);
    g_autofree char *expected = g_strdup_printf("line 2: an element has more than '%d' attributes",
                                                XML_MAX_ATTRIBUTES);
    g_autoptr(DomainXml) xml = domain_xml_parse(many, NULL);

    assert_non_null(xml);
    assert_refused(too_many, expected);
    assert_refused(five_thousand, expected);
}

/* A valid document of exactly @size bytes. */
static char *
padded(gsize size)
{
    const char *head = "<domain><name>n</name><description>";
    const char *tail = "</description></domain>";
    g_autofree char *filler = g_strnfill(size - strlen(head) - strlen(tail), 'd');

    return g_strconcat(head, filler, tail, NULL);
}

static void
size_is_limited(void **state)
{
    g_autofree char *big = padded(XML_MAX_SIZE);
    g_autofree char *too_big = padded(XML_MAX_SIZE + 1);
    g_autofree char *stored = padded(XML_MAX_STORED_SIZE);
    g_autofree char *too_big_to_store = padded(XML_MAX_STORED_SIZE + 1);
    g_autoptr(DomainXml) xml = domain_xml_parse(big, NULL);
    g_autoptr(DomainXml) stored_xml = domain_xml_parse_stored(stored, NULL);

    assert_non_null(xml);
    assert_non_null(stored_xml);
    assert_refused(too_big, "line 1: the document has more than '65536' bytes");
    assert_null(domain_xml_parse_stored(too_big_to_store, NULL));
}

static void
text_that_is_not_utf_8_is_refused(void **state)
{
    assert_refused("<domain>\n<name>\377</name></domain>", "line 2: the text is not valid UTF-8");
    assert_refused("<domain><name>\300\257</name></domain>", "line 1: the text is not valid UTF-8");
    assert_refused("<domain><name>\355\240\200</name></domain>",
                   "line 1: the text is not valid UTF-8");
    assert_refused("<domain><name>n\303", "line 1: the text is not valid UTF-8");
    assert_refused("\376\377", "line 1: the text is not valid UTF-8");
    assert_refused("<domain><name>\357\277\277</name></domain>", NULL);
}

static void
an_empty_text_is_refused(void **state)
{
    assert_refused("", "line 1: the document is empty");
    assert_refused(" \n", NULL);
    assert_refused("<!-- -->", NULL);
}

static void
a_document_cut_anywhere_is_refused(void **state)
{
    const char *text = "<?xml version='1.0'?>\n"
                       "<!-- c --><domain type='qemu' xmlns:q='urn:q'><name>n&amp;</name>"
                       "<x><![CDATA[c]]></x><q:y z=\"1\"/><?p i?></domain>";
    g_autoptr(DomainXml) whole = domain_xml_parse(text, NULL);
    gsize n_tested = 0;

    for (gsize length = 0; length < strlen(text); length++) {
        g_autofree char *cut = g_strndup(text, length);

        assert_refused(cut, NULL);
        n_tested++;
    }
    assert_int_equal(n_tested, strlen(text));
    assert_non_null(whole);
}

static void
a_message_is_one_short_line_whatever_it_quotes(void **state)
{
    g_autofree char *long_name = g_strnfill(50000, 'x');
    g_autofree char *root = g_strdup_printf("<%s/>", long_name);
    g_autofree char *target = g_strdup_printf("<domain><name>n</name><devices><disk><target "
                                              "dev='%s'/></disk></devices></domain>",
                                              long_name);

    assert_refused(root, NULL);
    assert_refused(target, NULL);
    assert_refused("<domain><name>n</name><uuid>a\nb\302\205c&#13;&#9;</uuid></domain>",
                   "line 1: 'a b c' is no UUID");
    assert_refused("<domain><name>n</name><memory unit='a&#10;b'>1</memory></domain>",
                   "line 1: unknown unit 'a b' of memory");
}

static void
an_encoding_cannot_hide_a_doctype(void **state)
{
    assert_refused("<?xml version='1.0' encoding='UTF-7'?>\n"
                   "+ADwAIQ-DOCTYPE domain+AD4-<domain><name>n</name></domain>",
                   "line 1: encoding 'UTF-7' is refused, only UTF-8 is read");
    assert_refused("<?xml version='1.0' encoding = \"utf-16\"?><domain><name>n</name></domain>",
                   "line 1: encoding 'utf-16' is refused, only UTF-8 is read");
}

static void
an_include_is_only_an_element(void **state)
{
    g_autoptr(DomainXml) xml = domain_xml_parse(
        "<domain><name>n</name><xi:include xmlns:xi='http://www.w3.org/2001/XInclude' "
        "href='/etc/hostname' parse='text'/></domain>",
        NULL);
    g_autofree char *text = domain_xml_format(xml);

    assert_non_null(strstr(text, "<xi:include"));
}

static void
a_catalogue_instruction_is_only_an_instruction(void **state)
{
    g_autoptr(DomainXml) xml = domain_xml_parse("<?oasis-xml-catalog catalog='file:///dev/zero'?>"
                                                "<domain><name>n</name></domain>",
                                                NULL);

    assert_non_null(xml);
}

/* libxml2 prints on stderr unless each of its ways to do so is closed. */
static void
nothing_is_printed(void **state)
{
    g_autofree char *path = NULL;
    g_autofree char *printed = NULL;
    int file = g_file_open_tmp("stderr-XXXXXX", &path, NULL);
    int saved = dup(STDERR_FILENO);
    gsize length = 1;

    assert_true(file >= 0 && saved >= 0);
    assert_int_equal(dup2(file, STDERR_FILENO), STDERR_FILENO);
    (void)domain_xml_parse("<domain><name>&a;</no", NULL);
    (void)domain_xml_parse("<domain xmlns:a='rel' xmlns:b=''><c:d/>", NULL);
    (void)domain_xml_parse("<domain xml:id='1' xml:lang=''><x xml:id='1'/>", NULL);
    (void)domain_xml_parse("<?xml version='9'?><?xml-x?><domain a='1' a='2'/>", NULL);
    fflush(stderr);
    assert_int_equal(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    assert_true(g_file_get_contents(path, &printed, &length, NULL));
    assert_int_equal(length, 0);
    close(saved);
    close(file);
    g_unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_billion_laughs_are_not_laughed),
        cmocka_unit_test(an_external_entity_is_not_opened),
        cmocka_unit_test(a_doctype_in_any_dress_is_refused),
        cmocka_unit_test(a_doctype_that_is_only_text_is_no_doctype),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(attributes_of_one_element_are_limited),
        cmocka_unit_test(size_is_limited),
        cmocka_unit_test(text_that_is_not_utf_8_is_refused),
        cmocka_unit_test(an_empty_text_is_refused),
        cmocka_unit_test(a_document_cut_anywhere_is_refused),
        cmocka_unit_test(a_message_is_one_short_line_whatever_it_quotes),
        cmocka_unit_test(an_encoding_cannot_hide_a_doctype),
        cmocka_unit_test(an_include_is_only_an_element),
        cmocka_unit_test(a_catalogue_instruction_is_only_an_instruction),
        cmocka_unit_test(nothing_is_printed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
