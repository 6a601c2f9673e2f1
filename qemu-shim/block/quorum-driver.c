/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Quorum */

#include "qemu-shim/block/quorum-driver.h"

#include <errno.h>
#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/driver.h"
#include "qemu-shim/block/node-io.h"

#define SECTOR_BYTES 512

typedef struct {
    QuorumSettings settings;
    BlockReporter reporter;
} Quorum;

/* What each child said to one request. */
typedef struct {
    BlockNode *node;  /* the quorum */
    const char *kind; /* "read", "write" or "flush" */
    guint64 offset;
    guint64 length;
    GPtrArray *children; /* of BlockNode, referenced */
    int *statuses;
    char **buffers; /* of a read; NULL where a child failed or was not asked */
} Poll;

static void
poll_init(Poll *poll, BlockNode *node, const char *kind, guint64 offset, guint64 length)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&node->lock);

    *poll = (Poll){.node = node, .kind = kind, .offset = offset, .length = length};
    poll->children = g_ptr_array_new_with_free_func((GDestroyNotify)block_node_unref);
    for (guint i = 0; i < node->children->len; i++) {
        const BlockChild *child = node->children->pdata[i];

        g_ptr_array_add(poll->children, block_node_ref(child->node));
    }
    poll->statuses = g_new0(int, poll->children->len);
    poll->buffers = g_new0(char *, poll->children->len + 1);
}

static void
poll_clear(Poll *poll)
{
    for (guint i = 0; i < poll->children->len; i++)
        g_free(poll->buffers[i]);
    g_free(poll->buffers);
    g_free(poll->statuses);
    g_ptr_array_unref(poll->children);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Poll, poll_clear)

static void
insert_sectors(const Poll *poll, GVariantDict *dict)
{
    guint64 first = poll->offset / SECTOR_BYTES;
    guint64 last = (poll->offset + poll->length + SECTOR_BYTES - 1) / SECTOR_BYTES;

    g_variant_dict_insert(dict, "sector-num", "x", (gint64)first);
    g_variant_dict_insert(dict, "sectors-count", "x", (gint64)(last - first));
}

static void
report(const Poll *poll, const char *event, GVariantDict *dict)
{
    const Quorum *self = poll->node->state;
    g_autoptr(GVariant) data = NULL;

    insert_sectors(poll, dict);
    data = g_variant_ref_sink(g_variant_dict_end(dict));
    if (self->reporter.function != NULL)
        self->reporter.function(event, data, self->reporter.user_data);
}

/* A child that failed, or (status 0) was voted down. */
static void
report_bad(const Poll *poll, guint number, int status)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "type", "s", poll->kind);
    if (status < 0)
        g_variant_dict_insert(&dict, "error", "s", g_strerror(-status));
    g_variant_dict_insert(
        &dict, "node-name", "s", block_node_get_name(poll->children->pdata[number]));
    report(poll, "QUORUM_REPORT_BAD", &dict);
}

static int
report_failure(const Poll *poll, int status)
{
    GVariantDict dict = G_VARIANT_DICT_INIT(NULL);

    g_variant_dict_insert(&dict, "reference", "s", block_node_get_name(poll->node));
    report(poll, "QUORUM_FAILURE", &dict);
    return status;
}

/* The error that most of those that failed have; 0: none failed. */
static int
vote_error(const Poll *poll)
{
    int winner = 0;
    guint most = 0;

    for (guint i = 0; i < poll->children->len; i++) {
        guint count = 0;

        for (guint j = 0; j < poll->children->len; j++)
            count += poll->statuses[i] < 0 && poll->statuses[j] == poll->statuses[i];
        if (count > most) {
            most = count;
            winner = poll->statuses[i];
        }
    }

    return winner;
}

/* 0 where enough succeeded; the others are told of. */
static int
count_successes(const Poll *poll)
{
    const Quorum *self = poll->node->state;
    gint64 successes = 0;

    for (guint i = 0; i < poll->children->len; i++)
        successes += poll->statuses[i] == 0;
    if (successes < self->settings.threshold)
        return report_failure(poll, vote_error(poll));

    for (guint i = 0; i < poll->children->len; i++) {
        if (poll->statuses[i] < 0)
            report_bad(poll, i, poll->statuses[i]);
    }
    return 0;
}

static int
ask_child(const Poll *poll, guint number)
{
    poll->buffers[number] = g_try_malloc((gsize)poll->length);
    if (poll->buffers[number] == NULL)
        return -ENOMEM;

    poll->statuses[number] = block_node_read(
        poll->children->pdata[number], poll->offset, poll->buffers[number], (gsize)poll->length);
    if (poll->statuses[number] < 0)
        g_clear_pointer(&poll->buffers[number], g_free);
    return 0;
}

static int
read_first(const Poll *poll, void *buffer)
{
    for (guint i = 0; i < poll->children->len; i++) {
        int status = block_node_read(
            poll->children->pdata[i], poll->offset, buffer, (gsize)poll->length);

        if (status == 0)
            return 0;
        poll->statuses[i] = status;
        report_bad(poll, i, status);
    }

    return report_failure(poll, vote_error(poll));
}

static gboolean
is_same(const Poll *poll, guint one, guint other)
{
    return poll->buffers[one] != NULL && poll->buffers[other] != NULL &&
           memcmp(poll->buffers[one], poll->buffers[other], (gsize)poll->length) == 0;
}

/* The child with whom most agree, and how many those are; the first of several such. */
static guint
find_winner(const Poll *poll, gint64 *ret_votes)
{
    guint winner = 0;

    *ret_votes = 0;
    for (guint i = 0; i < poll->children->len; i++) {
        gint64 votes = 0;

        for (guint j = 0; j < poll->children->len; j++)
            votes += is_same(poll, i, j);
        if (votes > *ret_votes) {
            *ret_votes = votes;
            winner = i;
        }
    }

    return winner;
}

static void
tell_losers(const Poll *poll, guint winner)
{
    const Quorum *self = poll->node->state;

    for (guint i = 0; i < poll->children->len; i++) {
        BlockNode *child = poll->children->pdata[i];

        if (poll->buffers[i] == NULL || is_same(poll, i, winner))
            continue;
        report_bad(poll, i, 0);
        if (self->settings.rewrites && !poll->node->is_read_only &&
            block_node_write(child, poll->offset, poll->buffers[winner], (gsize)poll->length) < 0)
            g_debug("cannot write back to '%s'", child->filename);
    }
}

static int
quorum_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    const Quorum *self = node->state;
    g_auto(Poll) poll = {0};
    gint64 votes;
    guint winner;
    int status = 0;

    poll_init(&poll, node, "read", offset, length);
    if (self->settings.is_fifo)
        return read_first(&poll, buffer);

    for (guint i = 0; status == 0 && i < poll.children->len; i++)
        status = ask_child(&poll, i);
    if (status == 0)
        status = count_successes(&poll);
    if (status < 0)
        return status;

    winner = find_winner(&poll, &votes);
    if (votes < self->settings.threshold)
        return report_failure(&poll, -EIO);
    tell_losers(&poll, winner);
    g_assert(poll.buffers[winner] != NULL); /* it has votes */
    memcpy(buffer, poll.buffers[winner], length);
    return 0;
}

static int
quorum_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    g_auto(Poll) poll = {0};

    poll_init(&poll, node, "write", offset, length);
    for (guint i = 0; i < poll.children->len; i++)
        poll.statuses[i] = block_node_write(poll.children->pdata[i], offset, buffer, length);
    return count_successes(&poll);
}

static int
quorum_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    g_auto(Poll) poll = {0};

    poll_init(&poll, node, "write", offset, length);
    for (guint i = 0; i < poll.children->len; i++)
        poll.statuses[i] = block_node_write_zeroes(poll.children->pdata[i], offset, length);
    return count_successes(&poll);
}

static int
quorum_flush(BlockNode *node)
{
    g_auto(Poll) poll = {0};

    poll_init(&poll, node, "flush", 0, 0);
    for (guint i = 0; i < poll.children->len; i++)
        poll.statuses[i] = block_node_flush(poll.children->pdata[i]);
    return count_successes(&poll);
}

static int
quorum_resize(BlockNode *node, guint64 length)
{
    g_auto(Poll) poll = {0};
    int status = 0;

    poll_init(&poll, node, "write", 0, 0);
    for (guint i = 0; status == 0 && i < poll.children->len; i++)
        status = block_node_resize(poll.children->pdata[i], length);
    return status;
}

/* Zeros where all children have zeros. */
static int
quorum_get_status(BlockNode *node,
                  guint64 offset,
                  guint64 length,
                  BlockStatus *ret_status,
                  guint64 *ret_length)
{
    g_auto(Poll) poll = {0};

    poll_init(&poll, node, "read", offset, length);
    *ret_status = BLOCK_STATUS_ZERO;
    *ret_length = length;
    for (guint i = 0; i < poll.children->len; i++) {
        gboolean is_data = TRUE;
        guint64 extent = length;

        /* One that cannot tell has data: the vote is on reading. */
        if (io_file_get_extent(
                block_node_as_io(poll.children->pdata[i]), offset, &is_data, &extent) < 0)
            is_data = TRUE;
        if (is_data)
            *ret_status = BLOCK_STATUS_DATA;
        *ret_length = MIN(*ret_length, extent);
    }

    return 0;
}

static int
quorum_get_allocated(BlockNode *node, guint64 *ret_bytes)
{
    g_auto(Poll) poll = {0};
    int status = 0;

    poll_init(&poll, node, "read", 0, 0);
    *ret_bytes = 0;
    for (guint i = 0; status == 0 && i < poll.children->len; i++) {
        guint64 bytes = 0;

        status = io_file_get_allocated(block_node_as_io(poll.children->pdata[i]), &bytes);
        *ret_bytes += bytes;
    }

    return status;
}

static void
quorum_close(BlockNode *node)
{
    g_free(node->state);
}

static const BlockDriver quorum_driver = {
    .name = "quorum",
    .is_quorum = TRUE,
    .close = quorum_close,
    .read = quorum_read,
    .write = quorum_write,
    .write_zeroes = quorum_write_zeroes,
    .resize = quorum_resize,
    .flush = quorum_flush,
    .get_status = quorum_get_status,
    .get_allocated = quorum_get_allocated,
};

static gboolean
refuse(GError **error, const char *message)
{
    g_set_error_literal(error, VBLK_ERROR, VBLK_ERROR_INVALID_ARGUMENT, message);
    return FALSE;
}

gboolean
quorum_settings_take(BlockOptions *options, QuorumSettings *settings, GError **error)
{
    static const char *const patterns[] = {"quorum", "fifo", NULL};
    guint pattern = 0;

    if (!block_options_contain(options, "vote-threshold")) {
        block_options_set_missing(options, "vote-threshold", error);
        return FALSE;
    }
    if (!block_options_take_boolean(options, "blkverify", &settings->is_verifying, error) ||
        !block_options_take_integer(
            options, "vote-threshold", G_MININT64, G_MAXINT64, &settings->threshold, error) ||
        !block_options_take_boolean(options, "rewrite-corrupted", &settings->rewrites, error) ||
        !block_options_take_enum(options, "read-pattern", patterns, &pattern, error))
        return FALSE;

    settings->is_fifo = pattern == 1;
    return TRUE;
}

/* In QEMU's words and order. */
static gboolean
check_settings(const GPtrArray *children, const QuorumSettings *settings, GError **error)
{
    guint64 length = block_node_get_length(children->pdata[0]);

    if (settings->threshold < 1)
        return refuse(error, "Parameter 'vote-threshold' expects a value >= 1");
    if (settings->threshold > children->len)
        return refuse(error, "threshold may not exceed children count");
    if (!settings->is_fifo && settings->is_verifying &&
        (children->len != 2 || settings->threshold != 2))
        return refuse(error,
                      "blkverify=on can only be set if there are exactly two files and "
                      "vote-threshold is 2");
    if (!settings->is_fifo && settings->is_verifying && settings->rewrites)
        return refuse(error, "rewrite-corrupted=on cannot be used with blkverify=on");

    for (guint i = 1; i < children->len; i++) {
        if (block_node_get_length(children->pdata[i]) != length)
            return refuse(error, "Could not refresh total sector count: Input/output error");
    }
    return TRUE;
}

BlockNode *
quorum_node_open(const GPtrArray *children,
                 gboolean is_read_only,
                 const QuorumSettings *settings,
                 const BlockReporter *reporter,
                 GError **error)
{
    g_autoptr(BlockNode) node = NULL;
    Quorum *self;

    if (!check_settings(children, settings, error))
        return NULL;

    node = block_node_new(&quorum_driver, "quorum", NULL);
    self = g_new0(Quorum, 1);
    self->settings = *settings;
    self->reporter = *reporter;
    node->state = self;
    node->length = block_node_get_length(children->pdata[0]);
    node->is_read_only = is_read_only;
    for (guint i = 0; i < children->len; i++) {
        g_autofree char *role = g_strdup_printf("children.%u", i);

        block_node_add_child(node, role, children->pdata[i]);
    }

    return g_steal_pointer(&node);
}

gboolean
quorum_node_replace_child(BlockNode *node, BlockNode *old, BlockNode *replacement)
{
    BlockNode *last = NULL;

    if (!node->driver->is_quorum || block_node_get_length(replacement) != node->length)
        return FALSE;

    g_mutex_lock(&node->lock);
    for (guint i = 0; i < node->children->len && last == NULL; i++) {
        BlockChild *child = node->children->pdata[i];

        if (child->node == old) {
            last = child->node;
            child->node = block_node_ref(replacement);
        }
    }
    g_mutex_unlock(&node->lock);

    block_node_unref(last);
    return last != NULL;
}
