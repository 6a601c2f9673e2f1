/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Domain head */

#include "xml/domain-head.h"

#include <string.h>

#include "xml/node.h"

#define MAX_NAME 255

static gboolean
read_name(const xmlNode *domain, DomainHead *head, GError **error)
{
    const xmlNode *node = xml_node_child(domain, "name");

    if (node == NULL)
        return xml_node_refuse(domain, error, "a domain needs a name");

    head->name = xml_node_text(node);
    if (*head->name == '\0')
        return xml_node_refuse(node, error, "the name of a domain cannot be empty");
    if (strlen(head->name) > MAX_NAME)
        return xml_node_refuse(
            node, error, "the name of a domain cannot be longer than '%d' bytes", MAX_NAME);
    for (const char *p = head->name; *p != '\0'; p = g_utf8_next_char(p)) {
        if (*p == '/' || g_unichar_iscntrl(g_utf8_get_char(p)))
            return xml_node_refuse(
                node, error, "the name of a domain cannot contain '/' or control characters");
    }

    return TRUE;
}

char *
domain_normalise_uuid(const char *text)
{
    GString *uuid = g_string_new(text);

    if (uuid->len == 32) {
        g_string_insert_c(uuid, 8, '-');
        g_string_insert_c(uuid, 13, '-');
        g_string_insert_c(uuid, 18, '-');
        g_string_insert_c(uuid, 23, '-');
    }
    g_string_ascii_down(uuid);
    if (!g_uuid_string_is_valid(uuid->str))
        return g_string_free(uuid, TRUE);

    return g_string_free(uuid, FALSE);
}

static gboolean
read_uuid(const xmlNode *domain, DomainHead *head, GError **error)
{
    xmlNode *node = xml_node_child(domain, "uuid");
    g_autofree char *text = node != NULL ? xml_node_text(node) : NULL;

    if (text == NULL)
        return TRUE;
    head->uuid = domain_normalise_uuid(text);
    if (head->uuid == NULL)
        return xml_node_refuse(node, error, "'%s' is no UUID", text);
    if (!g_str_equal(text, head->uuid))
        xmlNodeSetContent(node, (const xmlChar *)head->uuid);

    return TRUE;
}

/* libvirt's units: KB counts by 1000, KiB and K by 1024, none means KiB. 0 for an unknown one. */
static guint64
bytes_of_unit(const char *unit)
{
    static const char prefixes[] = "KMGTPE";
    const char *prefix;
    gboolean is_decimal;
    guint64 bytes = 1;

    if (g_ascii_strcasecmp(unit, "b") == 0 || g_ascii_strcasecmp(unit, "bytes") == 0)
        return 1;
    prefix = *unit != '\0' ? strchr(prefixes, g_ascii_toupper(*unit)) : NULL;
    if (prefix == NULL)
        return 0;
    is_decimal = g_ascii_strcasecmp(unit + 1, "B") == 0;
    if (!is_decimal && unit[1] != '\0' && g_ascii_strcasecmp(unit + 1, "iB") != 0)
        return 0;
    for (const char *p = prefixes; p <= prefix; p++)
        bytes *= is_decimal ? 1000 : 1024;

    return bytes;
}

static gboolean
read_memory(const xmlNode *domain, DomainHead *head, GError **error)
{
    const xmlNode *node = xml_node_child(domain, "memory");
    g_autofree char *text = node != NULL ? xml_node_text(node) : NULL;
    g_autofree char *unit = node != NULL ? xml_node_attribute(node, "unit") : NULL;
    guint64 unit_bytes = unit != NULL ? bytes_of_unit(unit) : 1024;
    guint64 amount;
    guint64 bytes;

    if (text == NULL)
        return TRUE;
    if (unit_bytes == 0)
        return xml_node_refuse(node, error, "unknown unit '%s' of memory", unit);
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, &amount, NULL) ||
        !g_uint64_checked_mul(&bytes, amount, unit_bytes))
        return xml_node_refuse(node, error, "'%s' is no amount of memory", text);
    head->memory_kib = bytes / 1024 + (bytes % 1024 > 0);

    return TRUE;
}

static gboolean
read_vcpus(const xmlNode *domain, DomainHead *head, GError **error)
{
    const xmlNode *node = xml_node_child(domain, "vcpu");
    g_autofree char *text = NULL;
    guint64 vcpus;

    head->vcpus = 1;
    if (node == NULL)
        return TRUE;
    text = xml_node_attribute(node, "current");
    if (text == NULL)
        text = xml_node_text(node);
    if (*text == '\0')
        return TRUE;
    if (!g_ascii_string_to_unsigned(text, 10, 1, G_MAXINT32, &vcpus, NULL))
        return xml_node_refuse(node, error, "'%s' is no number of virtual CPUs", text);
    head->vcpus = (guint)vcpus;

    return TRUE;
}

static void
read_os(const xmlNode *domain, DomainHead *head)
{
    const xmlNode *os = xml_node_child(domain, "os");

    head->os_type = os != NULL ? xml_node_child_text(os, "type") : NULL;
    if (head->os_type == NULL || *head->os_type == '\0') {
        g_free(head->os_type);
        head->os_type = g_strdup("hvm");
    }
}

gboolean
domain_head_read(const xmlNode *domain, DomainHead *head, GError **error)
{
    if (!read_name(domain, head, error) || !read_uuid(domain, head, error) ||
        !read_memory(domain, head, error) || !read_vcpus(domain, head, error))
        return FALSE;
    read_os(domain, head);

    return TRUE;
}

void
domain_head_clear(DomainHead *head)
{
    g_free(head->name);
    g_free(head->uuid);
    g_free(head->os_type);
}
