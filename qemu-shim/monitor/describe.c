/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Descriptions */

#include "qemu-shim/monitor/describe.h"

#include <errno.h>

#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/filename.h"
#include "qemu-shim/block/node-io.h"

typedef struct {
    guint64 offset;
    guint64 length;
    guint64 speed_bps;
    int io_status;
    gboolean is_busy;
    gboolean is_paused;
} Progress;

static Progress
get_progress(Job *job)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&job->lock);

    return (Progress){
        .offset = job->offset,
        .length = job->length,
        .speed_bps = job->limit.speed_bps,
        .io_status = job->io_status,
        .is_busy = job->is_busy,
        .is_paused = job->is_paused,
    };
}

GVariant *
describe_job(Job *job)
{
    Progress progress = get_progress(job);
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "current-progress", "x", (gint64)progress.offset);
    g_variant_dict_insert(&dict, "status", "s", job_status_name(job->status));
    g_variant_dict_insert(&dict, "total-progress", "x", (gint64)progress.length);
    g_variant_dict_insert(&dict, "type", "s", job->type->name);
    g_variant_dict_insert(&dict, "id", "s", job->id);
    if (job->error != NULL)
        g_variant_dict_insert(&dict, "error", "s", job->error);
    return g_variant_dict_end(&dict);
}

static const char *
io_status_name(int io_status)
{
    if (io_status == 0)
        return "ok";
    return io_status == ENOSPC ? "nospace" : "failed";
}

GVariant *
describe_block_job(Job *job)
{
    Progress progress = get_progress(job);
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "auto-finalize", "b", job->auto_finalize);
    g_variant_dict_insert(&dict, "io-status", "s", io_status_name(progress.io_status));
    g_variant_dict_insert(&dict, "device", "s", job->id);
    g_variant_dict_insert(&dict, "auto-dismiss", "b", job->auto_dismiss);
    g_variant_dict_insert(&dict, "busy", "b", progress.is_busy);
    g_variant_dict_insert(&dict, "len", "x", (gint64)progress.length);
    g_variant_dict_insert(&dict, "offset", "x", (gint64)progress.offset);
    g_variant_dict_insert(&dict, "status", "s", job_status_name(job->status));
    g_variant_dict_insert(&dict, "paused", "b", progress.is_paused);
    g_variant_dict_insert(&dict, "speed", "x", (gint64)progress.speed_bps);
    g_variant_dict_insert(&dict, "ready", "b", FALSE);
    g_variant_dict_insert(&dict, "type", "s", job->type->name);
    if (job->error != NULL)
        g_variant_dict_insert(&dict, "error", "s", job->error);
    return g_variant_dict_end(&dict);
}

GVariant *
describe_job_event(Job *job, gboolean is_cancelled)
{
    Progress progress = get_progress(job);
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "device", "s", job->id);
    g_variant_dict_insert(&dict, "len", "x", (gint64)progress.length);
    g_variant_dict_insert(&dict, "offset", "x", (gint64)progress.offset);
    g_variant_dict_insert(&dict, "speed", "x", (gint64)progress.speed_bps);
    g_variant_dict_insert(&dict, "type", "s", job->type->name);
    if (job->error != NULL && !is_cancelled)
        g_variant_dict_insert(&dict, "error", "s", job->error);
    return g_variant_dict_end(&dict);
}

static void
merge(GVariantDict *dict, GVariant *members)
{
    g_autoptr(GVariant) owned = g_variant_ref_sink(members);
    GVariantIter iter;
    const char *name;
    GVariant *value;

    g_variant_iter_init(&iter, owned);
    while (g_variant_iter_next(&iter, "{&sv}", &name, &value)) {
        g_variant_dict_insert_value(dict, name, value);
        g_variant_unref(value);
    }
}

/* A device's size is in sectors. */
static guint64
get_virtual_size(BlockNode *node)
{
    return (block_node_get_length(node) + 511) / 512 * 512;
}

/* What only an image has, which shows through what stands on it. */
static void
describe_inside(BlockNode *node, GVariantDict *dict)
{
    const BlockDriver *driver = node->driver;

    if (driver->describe != NULL) {
        merge(dict, driver->describe(node));
    } else if (node->file != NULL) {
        describe_inside(node->file, dict);
        g_variant_dict_remove(dict, "format-specific");
    } else if (g_str_equal(driver->name, "file") || g_str_equal(driver->name, "host_device")) {
        g_variant_dict_insert(dict, "dirty-flag", "b", FALSE);
    }
}

/* To QEMU's queries what a filter stands on is a layer as well. */
static BlockNode *
get_below(BlockNode *node)
{
    return node->driver->is_filter ? node->file : node->backing;
}

static guint
count_layers_below(BlockNode *node)
{
    guint count = 0;

    for (node = get_below(node); node != NULL; node = get_below(node))
        count++;
    return count;
}

GVariant *
describe_image(BlockNode *node, gboolean with_backing)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);
    g_autofree char *filename = block_filename_make(node);
    guint64 actual_size;

    g_variant_dict_insert(&dict, "filename", "s", filename);
    g_variant_dict_insert(&dict, "format", "s", node->driver->name);
    g_variant_dict_insert(&dict, "virtual-size", "x", (gint64)get_virtual_size(node));
    if (io_file_get_allocated(block_node_as_io(node), &actual_size) == 0)
        g_variant_dict_insert(&dict, "actual-size", "x", (gint64)actual_size);
    describe_inside(node, &dict);

    if (node->backing_name != NULL)
        g_variant_dict_insert(&dict, "backing-filename", "s", node->backing_name);
    if (node->backing_filename != NULL)
        g_variant_dict_insert(&dict, "full-backing-filename", "s", node->backing_filename);
    if (node->backing_format != NULL)
        g_variant_dict_insert(&dict, "backing-filename-format", "s", node->backing_format);
    if (with_backing && get_below(node) != NULL)
        g_variant_dict_insert_value(&dict, "backing-image", describe_image(get_below(node), TRUE));
    return g_variant_dict_end(&dict);
}

GVariant *
describe_node(BlockNode *node, gboolean with_backing)
{
    static const char *const limits[] = {"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);
    g_autofree char *filename = block_filename_make(node);

    g_variant_dict_insert(&dict, "node-name", "s", node->name);
    g_variant_dict_insert(&dict, "drv", "s", node->driver->name);
    g_variant_dict_insert(&dict, "file", "s", filename);
    g_variant_dict_insert(&dict, "ro", "b", node->is_read_only);
    g_variant_dict_insert(&dict, "encrypted", "b", FALSE);
    g_variant_dict_insert(
        &dict, "detect_zeroes", "s", block_detect_zeroes_words[node->detect_zeroes]);
    g_variant_dict_insert(&dict, "write_threshold", "x", (gint64)0);
    /* Without its backing images a node has no depth, says QEMU. */
    g_variant_dict_insert(&dict,
                          "backing_file_depth",
                          "x",
                          with_backing ? (gint64)count_layers_below(node) : (gint64)0);
    if (node->backing != NULL) {
        g_autofree char *backing = block_filename_make(node->backing);

        g_variant_dict_insert(&dict, "backing_file", "s", backing);
    }
    for (guint i = 0; i < G_N_ELEMENTS(limits); i++)
        g_variant_dict_insert(&dict, limits[i], "x", (gint64)0);
    g_variant_dict_insert_value(
        &dict,
        "cache",
        g_variant_new_parsed("{'no-flush': <%b>, 'direct': <%b>, 'writeback': <true>}",
                             node->is_without_flush,
                             node->is_direct));
    g_variant_dict_insert_value(&dict, "image", describe_image(node, with_backing));
    return g_variant_dict_end(&dict);
}

GVariant *
describe_device(BlockDevice *device)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "device", "s", device->id);
    g_variant_dict_insert(&dict, "type", "s", "unknown");
    g_variant_dict_insert(&dict, "removable", "b", TRUE);
    g_variant_dict_insert(&dict, "locked", "b", FALSE);
    g_variant_dict_insert_value(&dict, "inserted", describe_node(device->root, TRUE));
    return g_variant_dict_end(&dict);
}
