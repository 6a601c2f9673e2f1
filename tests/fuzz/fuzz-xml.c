/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* XML fuzzer */

/*
 * Whatever is accepted as a domain or a snapshot is written, and must read and write the same
 * again; so must it after each disk was given other layers, which must then be the ones asked for.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "xml/domain-xml.h"
#include "xml/snapshot-xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How the new chain is made from the old one. */
typedef enum {
    KEEP_TOP,
    KEEP_BOTTOM,
    DROP_SECOND,
    REVERSE,
    ADD_TOP,
    ADD_BOTTOM,
    N_CHANGES,
} Change;

static void
check_round_trip(const DomainXml *xml)
{
    g_autofree char *text = domain_xml_format(xml);
    g_autoptr(DomainXml) again = domain_xml_parse_stored(text, NULL);
    g_autofree char *text_again = NULL;

    g_assert(again != NULL);
    text_again = domain_xml_format(again);
    g_assert(g_str_equal(text, text_again));
}

static void
add_copy(GPtrArray *layers, const DiskSource *source)
{
    g_ptr_array_add(layers, disk_source_copy(source));
}

static GPtrArray *
change_chain(const GPtrArray *old, Change change)
{
    GPtrArray *layers = g_ptr_array_new_with_free_func((GDestroyNotify)disk_source_free);
    guint last = old->len - 1;

    if (change == ADD_TOP)
        g_ptr_array_add(layers, disk_source_new(DISK_SOURCE_BLOCK, "/dev/<new>'", "qcow2", 99));
    for (guint i = 0; i <= last; i++) {
        if ((change == KEEP_TOP && i > 0) || (change == KEEP_BOTTOM && i < last) ||
            (change == DROP_SECOND && i == 1))
            continue;
        add_copy(layers, g_ptr_array_index(old, change == REVERSE ? last - i : i));
    }
    if (change == ADD_BOTTOM)
        g_ptr_array_add(layers, disk_source_new(DISK_SOURCE_FILE, "/base & more", "raw", 0));

    return layers;
}

static void
check_layers(const DomainXml *xml, guint position, const GPtrArray *layers, gboolean is_complete)
{
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(xml);
    const DiskXml *disk = g_ptr_array_index(disks, position);

    g_assert(disk->layers->len == layers->len);
    g_assert(disk->is_chain_complete == is_complete);
    for (guint i = 0; i < layers->len; i++) {
        const DiskSource *wanted = g_ptr_array_index(layers, i);
        const DiskSource *found = g_ptr_array_index(disk->layers, i);

        g_assert(disk_source_is_same(wanted, found));
        g_assert(wanted->type == DISK_SOURCE_NONE || wanted->index == found->index);
        g_assert(g_strcmp0(wanted->format, found->format) == 0);
    }
}

static void
change_disks(const DomainXml *xml)
{
    g_autoptr(GPtrArray) disks = domain_xml_get_disks(xml);
    g_autofree char *before = domain_xml_format(xml);

    for (guint i = 0; i < disks->len * N_CHANGES * 2; i++) {
        const DiskXml *disk = g_ptr_array_index(disks, i / N_CHANGES / 2);
        gboolean is_complete = i % 2;
        g_autoptr(GPtrArray) layers = change_chain(disk->layers, (Change)(i / 2 % N_CHANGES));
        g_autoptr(DomainXml) changed = domain_xml_copy(xml);
        g_autoptr(GError) error = NULL;

        if (domain_xml_set_disk_layers(changed, disk->target, layers, is_complete, &error)) {
            check_layers(changed, i / N_CHANGES / 2, layers, is_complete);
            check_round_trip(changed);
        } else {
            g_autofree char *after = domain_xml_format(changed);

            g_assert(error != NULL);
            g_assert(g_str_equal(before, after));
        }
    }
}

static void
check_snapshot(const char *text)
{
    g_autoptr(SnapshotXml) xml = snapshot_xml_parse(text, NULL);
    g_autoptr(SnapshotXml) again = NULL;
    g_autofree char *written = NULL;
    g_autofree char *written_again = NULL;

    if (xml == NULL)
        return;
    written = snapshot_xml_format(xml, NULL);
    g_assert(written != NULL);
    again = snapshot_xml_parse_stored(written, NULL);
    written_again = snapshot_xml_format(again, NULL);
    g_assert(g_strcmp0(written, written_again) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    g_autoptr(GError) error = NULL;
    g_autoptr(DomainXml) xml = domain_xml_parse(text, &error);

    g_assert((xml == NULL) == (error != NULL));
    if (xml != NULL) {
        check_round_trip(xml);
        change_disks(xml);
    } else {
        g_assert(strchr(error->message, '\n') == NULL);
        check_snapshot(text);
    }

    return 0;
}
