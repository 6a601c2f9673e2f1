/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Hostile images */

/*
 * A good image (version 3, 4 KiB clusters, two L1 entries of which the first has a table; guest
 * clusters 0 and 1 are data, 2 is zeros) with a few numbers changed. Each row is opened for reading
 * and for writing, read, written, checked: none may end in anything but its fate, and what is only
 * read must not change.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "tests/unit/qcow2/memory-image.h"

#define CLUSTER 4096u
#define DISK    (4u * 1024 * 1024)

typedef enum {
    REFUSED,             /* by all, as invalid */
    UNSUPPORTED,         /* by all, as something we cannot do */
    INVALID_FOR_WRITING, /* refused where it is to be written; where it is read, that fails */
    NOT_FOR_WRITING,     /* refused where it is to be written, reads well */
    UNREADABLE,          /* reading fails, and so does writing into the same table */
    READABLE,            /* QEMU makes such images, or it harms nobody */
} Fate;

/* What a number is changed, or is relative to. */
typedef enum {
    NOTHING,
    HEADER,
    L1,
    L2,
    TABLE, /* of refcounts */
    BLOCK, /* the first one of refcounts */
    DATA,
    END, /* of the file */
} Place;

typedef struct {
    Place place;
    guint64 offset;
    guint width; /* in bytes: 4 or 8 */
    guint64 value;
    Place plus; /* its offset is added to the value */
} Patch;

typedef struct {
    const char *name;
    Fate fate;
    const char *text; /* of the message; NULL: there is none */
    Patch patches[3];
} Row;

#define BIT(n)     (G_GUINT64_CONSTANT(1) << (n))
#define COPIED     BIT(63)
#define COMPRESSED BIT(62)
#define BACKING(at)        \
    {                      \
        HEADER, 8, 8, (at) \
    }

/* clang-format off */
static const Row rows[] = {
    /* The header's numbers. */
    {"magic of another format", REFUSED, "magic", {{HEADER, 0, 4, 0x51454400}}},
    {"version 0", REFUSED, "version 0", {{HEADER, 4, 4, 0}}},
    {"version 1", REFUSED, "version 1", {{HEADER, 4, 4, 1}}},
    {"version 4", REFUSED, "version 4", {{HEADER, 4, 4, 4}}},
    {"version without end", REFUSED, "version", {{HEADER, 4, 4, 0xffffffff}}},
    {"backing name far out", REFUSED, "name", {BACKING(G_MAXUINT64), {HEADER, 16, 4, 5}}},
    {"backing name in the header", REFUSED, "name", {BACKING(8), {HEADER, 16, 4, 5}}},
    {"backing name not aligned, in the header", REFUSED, "name", {BACKING(1), {HEADER, 16, 4, 5}}},
    {"backing name of 4 GiB", REFUSED, "name", {BACKING(256), {HEADER, 16, 4, 0xffffffff}}},
    {"backing name of 1024 bytes", REFUSED, "name", {BACKING(256), {HEADER, 16, 4, 1024}}},
    {"backing name of no bytes", REFUSED, "name", {BACKING(256), {HEADER, 16, 4, 0}}},
    {"backing name over the cluster's end", REFUSED, "name", {BACKING(4090), {HEADER, 16, 4, 10}}},
    {"backing name with a NUL", REFUSED, "control", {BACKING(256), {HEADER, 16, 4, 4}, {HEADER, 256, 4, 0x61006200}}},
    {"backing name with an escape", REFUSED, "control", {BACKING(256), {HEADER, 16, 4, 4}, {HEADER, 256, 4, 0x611b5d62}}},
    {"backing name that is not UTF-8", REFUSED, "UTF-8", {BACKING(256), {HEADER, 16, 4, 4}, {HEADER, 256, 4, 0x61ff6261}}},
    {"cluster bits 0", REFUSED, "cluster bits 0", {{HEADER, 20, 4, 0}}},
    {"cluster bits 8", REFUSED, "cluster bits 8", {{HEADER, 20, 4, 8}}},
    {"cluster bits 22", REFUSED, "cluster bits 22", {{HEADER, 20, 4, 22}}},
    {"cluster bits 63", REFUSED, "cluster bits 63", {{HEADER, 20, 4, 63}}},
    {"cluster bits without end", REFUSED, "cluster bits", {{HEADER, 20, 4, 0xffffffff}}},
    {"cluster bits of smaller clusters", REFUSED, "L1 table", {{HEADER, 20, 4, 9}}},
    {"size 2^63", REFUSED, "virtual size", {{HEADER, 24, 8, BIT(63)}}},
    {"size without end", REFUSED, "virtual size", {{HEADER, 24, 8, G_MAXUINT64}}},
    {"size of odd bytes", REFUSED, "multiple of 512", {{HEADER, 24, 8, DISK - 1}}},
    {"size that the L1 table does not cover", REFUSED, "does not cover", {{HEADER, 24, 8, DISK + 512}}},
    {"encryption 1", REFUSED, "encrypted", {{HEADER, 32, 4, 1}}},
    {"encryption 2 without its extension", REFUSED, "encrypted", {{HEADER, 32, 4, 2}}},
    {"encryption 3", REFUSED, "encrypted", {{HEADER, 32, 4, 3}}},
    {"L1 of 4 Gi entries", REFUSED, "L1 table", {{HEADER, 36, 4, 0xffffffff}}},
    {"L1 of 2 Gi entries", REFUSED, "L1 table", {{HEADER, 36, 4, 0x7fffffff}}},
    {"L1 of no entries", REFUSED, "does not cover", {{HEADER, 36, 4, 0}}},
    {"L1 past the end", REFUSED, "past the end", {{HEADER, 36, 4, 4 * 1024 * 1024}}},
    {"L1 not aligned", REFUSED, "L1 table", {{HEADER, 40, 8, 3 * CLUSTER + 8}}},
    {"L1 near 2^63", REFUSED, "L1 table", {{HEADER, 40, 8, BIT(63) - CLUSTER}}},
    {"L1 near 2^64", REFUSED, "L1 table", {{HEADER, 40, 8, G_MAXUINT64 - CLUSTER + 1}}},
    {"L1 in the header", REFUSED, "L1 table", {{HEADER, 40, 8, 0}}},
    {"L1 in the refcount table", REFUSED, "overlap", {{HEADER, 40, 8, 0, TABLE}}},
    {"L1 beyond the file", REFUSED, "past the end", {{HEADER, 40, 8, BIT(40)}}},
    {"refcount table not aligned", REFUSED, "refcount table", {{HEADER, 48, 8, CLUSTER + 512}}},
    {"refcount table at 0", REFUSED, "refcount table", {{HEADER, 48, 8, 0}}},
    {"refcount table beyond the file", REFUSED, "refcount table", {{HEADER, 48, 8, BIT(40)}}},
    {"refcount table of no clusters", REFUSED, "refcount table", {{HEADER, 56, 4, 0}}},
    {"refcount table without end", REFUSED, "refcount table", {{HEADER, 56, 4, 0xffffffff}}},
    {"snapshots without end", REFUSED, "internal snapshots", {{HEADER, 60, 4, 0xffffffff}}},
    {"one snapshot too many", REFUSED, "internal snapshots", {{HEADER, 60, 4, 65537}}},
    {"snapshot table at 0", REFUSED, "snapshot table", {{HEADER, 60, 4, 1}}},
    {"snapshot table beyond the file", REFUSED, "snapshot table", {{HEADER, 60, 4, 1}, {HEADER, 64, 8, BIT(40)}}},
    {"snapshot table not aligned", REFUSED, "snapshot table", {{HEADER, 60, 4, 1}, {HEADER, 64, 8, CLUSTER + 8}}},
    {"a snapshot", READABLE, NULL, {{HEADER, 60, 4, 1}, {HEADER, 64, 8, 0, DATA}}},
    {"incompatible bit 5", REFUSED, "0x20", {{HEADER, 72, 8, BIT(5)}}},
    {"incompatible bit 63", REFUSED, "0x8000000000000000", {{HEADER, 72, 8, BIT(63)}}},
    {"dirty", READABLE, NULL, {{HEADER, 72, 8, BIT(0)}}},
    {"corrupt", NOT_FOR_WRITING, "corrupt", {{HEADER, 72, 8, BIT(1)}}},
    {"data in another file", UNSUPPORTED, "another file", {{HEADER, 72, 8, BIT(2)}}},
    {"compression bit without a type", REFUSED, "compression type", {{HEADER, 72, 8, BIT(3)}}},
    {"compression type without its bit", REFUSED, "compression type", {{HEADER, 100, 4, 112}, {HEADER, 104, 4, 0x01000000}}},
    {"compression type 255", REFUSED, "compression type", {{HEADER, 100, 4, 112}, {HEADER, 104, 4, 0xff000000}, {HEADER, 72, 8, BIT(3)}}},
    {"subclusters", UNSUPPORTED, "subclusters", {{HEADER, 72, 8, BIT(4)}}},
    {"unknown compatible bit", READABLE, NULL, {{HEADER, 80, 8, BIT(40)}}},
    {"unknown autoclear bit", READABLE, NULL, {{HEADER, 88, 8, BIT(40)}}},
    {"dirty bitmaps", NOT_FOR_WRITING, "bitmaps", {{HEADER, 88, 8, BIT(0)}}},
    {"refcount order 7", REFUSED, "refcount order 7", {{HEADER, 96, 4, 7}}},
    {"refcount order without end", REFUSED, "refcount order", {{HEADER, 96, 4, 0xffffffff}}},
    {"refcounts of 1 bit", READABLE, NULL, {{HEADER, 96, 4, 0}}},
    {"refcounts of 64 bits", READABLE, NULL, {{HEADER, 96, 4, 6}}},
    {"header of version 2's length", REFUSED, "header length 72", {{HEADER, 100, 4, 72}}},
    {"header of odd length", REFUSED, "header length 105", {{HEADER, 100, 4, 105}}},
    {"header longer than a cluster", REFUSED, "header length", {{HEADER, 100, 4, CLUSTER + 8}}},
    {"header without end", REFUSED, "header length", {{HEADER, 100, 4, 0xffffffff}}},
    {"extension too long", REFUSED, "too long", {{HEADER, 104, 4, 0x11223344}, {HEADER, 108, 4, 0x7fffffff}}},
    {"extension whose end wraps", REFUSED, "too long", {{HEADER, 104, 4, 0x11223344}, {HEADER, 108, 4, 0xfffffff9}}},
    {"backing format of no bytes", REFUSED, "backing format", {{HEADER, 104, 4, 0xe2792aca}, {HEADER, 108, 4, 0}}},
    {"backing format of 64 bytes", REFUSED, "backing format", {{HEADER, 104, 4, 0xe2792aca}, {HEADER, 108, 4, 64}}},
    {"extension twice", REFUSED, "twice", {{HEADER, 104, 8, 0x1122334400000000}, {HEADER, 112, 8, 0x1122334400000000}}},

    /* L1 entries; the second covers guest clusters nobody reads here but check. */
    {"L1 entry not aligned", INVALID_FOR_WRITING, "is not aligned", {{L1, 0, 8, COPIED | 512, L2}}},
    {"L1 entry with low reserved bits", INVALID_FOR_WRITING, "reserved bits", {{L1, 0, 8, COPIED | 1, L2}}},
    {"L1 entry with high reserved bits", INVALID_FOR_WRITING, "reserved bits", {{L1, 0, 8, COPIED | BIT(60), L2}}},
    {"L1 entries that share a table", INVALID_FOR_WRITING, "two tables", {{L1, 8, 8, COPIED, L2}}},
    {"L1 entry at the header", INVALID_FOR_WRITING, "has no table", {{L1, 0, 8, COPIED}}},
    {"L1 entry at itself", INVALID_FOR_WRITING, "is that of the header", {{L1, 0, 8, COPIED, L1}}},
    {"L1 entry at the refcount table", INVALID_FOR_WRITING, "is that of the header", {{L1, 0, 8, COPIED, TABLE}}},
    {"L1 entry at a refcount block", INVALID_FOR_WRITING, "two tables", {{L1, 0, 8, COPIED, BLOCK}}},
    {"L1 entry beyond the file", INVALID_FOR_WRITING, "past the end", {{L1, 0, 8, COPIED | BIT(40)}}},
    {"L1 entry far beyond the file", INVALID_FOR_WRITING, "past the end", {{L1, 0, 8, COPIED | BIT(55)}}},
    {"L1 entry at the file's end", INVALID_FOR_WRITING, "past the end", {{L1, 0, 8, COPIED, END}}},

    /* L2 entries. */
    {"L2 entry not aligned", UNREADABLE, "is not aligned", {{L2, 0, 8, COPIED | 512, DATA}}},
    {"L2 entry with reserved bit 1", UNREADABLE, "reserved bits", {{L2, 0, 8, COPIED | 2, DATA}}},
    {"L2 entry with reserved bit 61", UNREADABLE, "reserved bits", {{L2, 0, 8, COPIED | BIT(61), DATA}}},
    {"L2 entry at the L1 table", UNREADABLE, "is that of the header", {{L2, 0, 8, COPIED, L1}}},
    {"L2 entry at the refcount table", UNREADABLE, "is that of the header", {{L2, 0, 8, COPIED, TABLE}}},
    {"L2 entry at a refcount block", UNREADABLE, "over metadata", {{L2, 0, 8, COPIED, BLOCK}}},
    {"L2 entry at its own table", UNREADABLE, "over metadata", {{L2, 0, 8, COPIED, L2}}},
    {"L2 entry beyond the file", UNREADABLE, "past the end", {{L2, 0, 8, COPIED | BIT(40)}}},
    {"L2 entry at the file's end", UNREADABLE, "past the end", {{L2, 0, 8, COPIED, END}}},
    {"L2 entry far beyond the file", UNREADABLE, "past the end", {{L2, 0, 8, COPIED | BIT(55)}}},
    {"L2 entry of nothing that is not shared", UNREADABLE, "has no cluster", {{L2, 0, 8, COPIED}}},
    {"compressed and not shared", UNREADABLE, "not shared", {{L2, 0, 8, COPIED | COMPRESSED, DATA}}},
    {"compressed beyond the file", UNREADABLE, "past the end", {{L2, 0, 8, COMPRESSED | BIT(40)}}},
    {"compressed over the L1 table", UNREADABLE, "over metadata", {{L2, 0, 8, COMPRESSED, L1}}},
    {"compressed over its own table", UNREADABLE, "over metadata", {{L2, 0, 8, COMPRESSED, L2}}},
    {"compressed over the header", UNREADABLE, "over metadata", {{L2, 0, 8, COMPRESSED | 104}}},
    {"compressed into rubbish", UNREADABLE, "compressed", {{L2, 0, 8, COMPRESSED, DATA}}},

    /* Refcounts: reading needs none. */
    {"refcount block not aligned", NOT_FOR_WRITING, "is not aligned", {{TABLE, 0, 8, 512, BLOCK}}},
    {"refcount block beyond the file", NOT_FOR_WRITING, "past the end", {{TABLE, 0, 8, BIT(40)}}},
    {"refcount block at the L1 table", NOT_FOR_WRITING, "is that of the header", {{TABLE, 0, 8, 0, L1}}},
    {"refcount block twice", NOT_FOR_WRITING, "two tables", {{TABLE, 8, 8, 0, BLOCK}}},
    {"no refcount block", READABLE, NULL, {{TABLE, 0, 8, 0}}},
    {"refcounts of 0", READABLE, NULL, {{BLOCK, 0, 8, 0}}},
    {"refcounts that are full", READABLE, NULL, {{BLOCK, 8, 8, G_MAXUINT64}}},
};
/* clang-format on */

/* Where things are in the sample. */
static guint64
find_place(IoFile *io, Place place)
{
    guint64 l1 = memory_image_get64(io, 40);
    guint64 table = memory_image_get64(io, 48);
    guint64 l2 = memory_image_get64(io, l1) & QCOW2_OFFSET_MASK;
    guint64 length;

    switch (place) {
    case NOTHING:
    case HEADER:
        return 0;
    case L1:
        return l1;
    case L2:
        return l2;
    case TABLE:
        return table;
    case BLOCK:
        return memory_image_get64(io, table);
    case DATA:
        return memory_image_get64(io, l2) & QCOW2_OFFSET_MASK;
    case END:
        assert_int_equal(io_file_get_length(io, &length), 0);
        return length;
    }

    g_assert_not_reached();
}

static IoFile *
make_image(const Row *row)
{
    IoFile *io = memory_image_create_sample(3, CLUSTER, DISK);
    guint64 places[END + 1];

    for (Place place = NOTHING; place <= END; place++)
        places[place] = find_place(io, place);
    for (guint i = 0; i < G_N_ELEMENTS(row->patches); i++) {
        const Patch *patch = &row->patches[i];
        guint64 value = patch->value + places[patch->plus];

        if (patch->width == 4)
            memory_image_put32(io, places[patch->place] + patch->offset, (guint32)value);
        else if (patch->width == 8)
            memory_image_put64(io, places[patch->place] + patch->offset, value);
    }
    return io;
}

static void
assert_refused(const Row *row, IoFile *io, gboolean is_read_only, int code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = memory_image_open(io, is_read_only, NULL, &error);

    if (node != NULL)
        fail_msg("%s: not refused", row->name);
    if (!g_error_matches(error, VBLK_ERROR, code) || strstr(error->message, row->text) == NULL)
        fail_msg("%s: %s", row->name, error->message);
}

static void
assert_reads(const Row *row, IoFile *io, gboolean is_well)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = memory_image_open(io, TRUE, NULL, &error);
    g_auto(Qcow2Report) report = {0};
    char data[CLUSTER];
    int status;

    if (node == NULL)
        fail_msg("%s: %s", row->name, error->message);
    status = block_node_read(node, 0, data, sizeof(data));
    if (status != (is_well ? 0 : -EIO) || (is_well && data[CLUSTER - 1] != 'a'))
        fail_msg("%s: reading gives %d", row->name, status);

    if (qcow2_check(qcow2_node_get_image(node), &report, &error)) {
        if (!is_well && row->fate != UNREADABLE)
            assert_true(report.corruptions > 0);
    }
}

/* Whatever comes of it, it is an error or a good write; then the sample's other clusters stay. */
static void
try_to_write(const Row *row, IoFile *io)
{
    g_autoptr(BlockNode) node = memory_image_open(io, FALSE, NULL, NULL);
    char data[CLUSTER] = "new";
    int status;

    if (node == NULL)
        fail_msg("%s: refused for writing", row->name);
    status = block_node_write(node, 5 * CLUSTER, data, sizeof(data));
    if (status == 0)
        status = block_node_flush(node);
    if (row->fate == UNREADABLE && strcmp(row->text, "compressed") != 0)
        assert_int_equal(status, -EIO);
    else
        assert_int_equal(status, 0);
}

static void
check_row(const Row *row)
{
    g_autoptr(IoFile) io = make_image(row);
    g_autoptr(GBytes) before = memory_image_get_bytes(io);
    g_autoptr(GBytes) after = NULL;

    switch (row->fate) {
    case REFUSED:
        assert_refused(row, io, TRUE, VBLK_ERROR_IMAGE_INVALID);
        assert_refused(row, io, FALSE, VBLK_ERROR_IMAGE_INVALID);
        break;
    case UNSUPPORTED:
        assert_refused(row, io, TRUE, VBLK_ERROR_OPERATION_UNSUPPORTED);
        assert_refused(row, io, FALSE, VBLK_ERROR_OPERATION_UNSUPPORTED);
        break;
    case INVALID_FOR_WRITING:
        assert_refused(row, io, FALSE, VBLK_ERROR_IMAGE_INVALID);
        assert_reads(row, io, FALSE);
        break;
    case NOT_FOR_WRITING:
        assert_refused(row,
                       io,
                       FALSE,
                       row->patches[0].place == TABLE ? VBLK_ERROR_IMAGE_INVALID
                                                      : VBLK_ERROR_OPERATION_UNSUPPORTED);
        assert_reads(row, io, TRUE);
        break;
    case UNREADABLE:
        assert_reads(row, io, FALSE);
        break;
    case READABLE:
        assert_reads(row, io, TRUE);
        break;
    }

    after = memory_image_get_bytes(io);
    if (!g_bytes_equal(before, after))
        fail_msg("%s: the image has changed", row->name);
    if (row->fate == UNREADABLE || row->fate == READABLE)
        try_to_write(row, io);
}

static void
each_row_has_its_fate(void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        check_row(&rows[i]);
    print_message("# %zu rows\n", G_N_ELEMENTS(rows));
}

static void
a_fault_is_told_in_words(void **state)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(IoFile) io = NULL;
        g_autoptr(BlockNode) node = NULL;
        char data[CLUSTER];

        if (rows[i].fate != UNREADABLE)
            continue;
        io = make_image(&rows[i]);
        node = memory_image_open(io, TRUE, NULL, NULL);
        assert_int_equal(block_node_read(node, 0, data, sizeof(data)), -EIO);
        assert_non_null(qcow2_node_get_image(node)->fault);
        if (strstr(qcow2_node_get_image(node)->fault, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].name, qcow2_node_get_image(node)->fault);
    }
}

static void
a_file_cut_anywhere_is_refused_or_reads_what_is_left(void **state)
{
    g_autoptr(IoFile) whole = memory_image_create_sample(3, 512, 64 * 1024);
    g_autoptr(GBytes) bytes = memory_image_get_bytes(whole);
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);

    for (gsize left = 0; left < length; left++) {
        g_autoptr(IoFile) io = io_file_new_memory(data, left);
        g_autoptr(GError) error = NULL;
        g_autoptr(BlockNode) node = memory_image_open(io, TRUE, NULL, &error);
        char cluster[512];

        if (node == NULL) {
            assert_non_null(error);
            continue;
        }
        if (block_node_read(node, 0, cluster, sizeof(cluster)) == 0)
            assert_int_equal(cluster[0], left <= find_place(whole, DATA) ? 0 : 'a');
    }
}

/* Zeros past the end may be the tail of a last cluster, never a table or a whole cluster. */
static void
a_table_that_the_file_lost_is_no_table(void **state)
{
    g_autoptr(IoFile) io = memory_image_create_sample(3, CLUSTER, DISK);
    g_autoptr(BlockNode) node = NULL;
    char cluster[CLUSTER];

    assert_int_equal(io_file_truncate(io, find_place(io, L2)), 0);
    node = memory_image_open(io, TRUE, NULL, NULL);
    assert_int_equal(block_node_read(node, 0, cluster, sizeof(cluster)), -EIO);
    g_clear_pointer(&node, block_node_unref);
    assert_null(memory_image_open(io, FALSE, NULL, NULL));
}

/* What a guest writes elsewhere must not turn a corrupt entry into one that points at it. */
static void
an_entry_past_the_end_stays_corrupt_when_the_file_grows(void **state)
{
    Qcow2CreateOptions options = {.size = DISK, .cluster_size = CLUSTER};
    g_autoptr(IoFile) io = memory_image_create(&options);
    g_autoptr(BlockNode) node = memory_image_open(io, FALSE, NULL, NULL);
    guint64 length;
    char data[CLUSTER] = "data";

    /* Tables for both halves. */
    assert_int_equal(block_node_write(node, 0, data, sizeof(data)), 0);
    assert_int_equal(block_node_write(node, DISK / 2, data, sizeof(data)), 0);
    assert_int_equal(block_node_flush(node), 0);
    g_clear_pointer(&node, block_node_unref);

    assert_int_equal(io_file_get_length(io, &length), 0);
    memory_image_put64(io, find_place(io, L2) + 8, COPIED | length);
    node = memory_image_open(io, FALSE, NULL, NULL);
    assert_int_equal(block_node_write(node, DISK / 2 + CLUSTER, data, sizeof(data)), 0);
    assert_int_equal(block_node_flush(node), 0);
    assert_int_equal(block_node_read(node, CLUSTER, data, sizeof(data)), -EIO);
    assert_int_equal(block_node_write(node, CLUSTER, data, sizeof(data)), -EIO);
    assert_int_equal(block_node_read(node, 0, data, sizeof(data)), 0);
}

static void
an_unknown_feature_is_called_by_the_name_the_image_has_for_it(void **state)
{
    g_autoptr(IoFile) io = memory_image_create_sample(3, CLUSTER, DISK);
    g_autoptr(GError) error = NULL;
    guint8 entry[48] = {0, 5, 't', 'i', 'm', 'e', ' ', 't', 'r', 'a', 'v', 'e', 'l', 0x1b};

    memory_image_put64(io, 72, BIT(5));
    memory_image_put32(io, 104, 0x6803f857);
    memory_image_put32(io, 108, sizeof(entry));
    assert_int_equal(io_file_write(io, 112, entry, sizeof(entry)), 0);
    assert_null(memory_image_open(io, TRUE, NULL, &error));
    assert_non_null(strstr(error->message, "'time travel\\033'"));
}

/* A file of some hundred KiB that says it is 1 TiB, all of it data. */
static void
a_table_that_all_share_is_neither_read_nor_checked_for_ever(void **state)
{
    g_autoptr(IoFile) io = memory_image_create_sample(3, 65536, 4 * 65536);
    g_autoptr(BlockNode) node = NULL;
    g_auto(Qcow2Report) report = {0};
    guint64 end, l2 = find_place(io, L2);
    char data[512];

    assert_int_equal(io_file_get_length(io, &end), 0);
    assert_int_equal(io_file_truncate(io, end + 2048 * 8), 0);
    memory_image_put64(io, 24, BIT(40));
    memory_image_put32(io, 36, 2048);
    memory_image_put64(io, 40, end);
    for (guint i = 0; i < 8192; i++)
        memory_image_put64(io, l2 + (guint64)i * 8, COPIED | (l2 + 65536));
    for (guint i = 0; i < 2048; i++)
        memory_image_put64(io, end + (guint64)i * 8, COPIED | l2);

    node = memory_image_open(io, TRUE, NULL, NULL);
    assert_non_null(node);
    assert_int_equal(block_node_read(node, BIT(39), data, sizeof(data)), -EIO);
    assert_true(qcow2_check(qcow2_node_get_image(node), &report, NULL));
    assert_true(report.corruptions > 0);
    assert_true(report.check_errors > 0); /* it gave up */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_has_its_fate),
        cmocka_unit_test(a_fault_is_told_in_words),
        cmocka_unit_test(a_file_cut_anywhere_is_refused_or_reads_what_is_left),
        cmocka_unit_test(a_table_that_the_file_lost_is_no_table),
        cmocka_unit_test(an_entry_past_the_end_stays_corrupt_when_the_file_grows),
        cmocka_unit_test(an_unknown_feature_is_called_by_the_name_the_image_has_for_it),
        cmocka_unit_test(a_table_that_all_share_is_neither_read_nor_checked_for_ever),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
