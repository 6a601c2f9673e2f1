/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Debug filter */

#include "qemu-shim/block/blkdebug-driver.h"

#include <errno.h>
#include <string.h>

#include "api/vblk-error.h"
#include "qemu-shim/block/blkdebug-rules.h"
#include "qemu-shim/block/filename.h"
#include "qemu-shim/block/filter.h"

/* A rule file is small; what is larger is none. */
#define MAX_CONFIG_BYTES (1024 * 1024)

typedef struct {
    const char *key;
    guint64 value;
} Constraint;

enum {
    ALIGN,
    MAX_TRANSFER,
    OPT_WRITE_ZERO,
    MAX_WRITE_ZERO,
    OPT_DISCARD,
    MAX_DISCARD,
    N_CONSTRAINTS,
};

struct BlkdebugSettings {
    char *config; /* NULL: none */
    Constraint constraints[N_CONSTRAINTS];
    BlkdebugRules rules;
};

/* A breakpoint waits for its event, then holds one request. */
typedef struct {
    char *tag;
    BlockEvent event;
    gboolean is_hit;
    gboolean is_resumed;
} Breakpoint;

typedef struct {
    GMutex lock;
    GCond changed;
    BlkdebugRules rules;
    GPtrArray *breakpoints; /* of Breakpoint; a hit one is owned by the request that it holds */
    gboolean is_open;       /* nothing waits any more */
} Blkdebug;

static const char *const permission_words[] = {"consistent-read",
                                               "write",
                                               "write-unchanged",
                                               "resize",
                                               NULL};

static gboolean
take_permissions(BlockOptions *options, const char *key, GError **error)
{
    g_autoptr(BlockOptions) list = NULL;
    guint count = 0;

    if (!block_options_take_list(options, key, &list, &count, error))
        return FALSE;

    for (guint i = 0; i < count; i++) {
        g_autofree char *number = g_strdup_printf("%u", i);
        guint permission;

        if (!block_options_take_enum(list, number, permission_words, &permission, error))
            return FALSE;
    }

    return TRUE;
}

static gboolean
take_constraints(BlockOptions *options, BlkdebugSettings *settings, GError **error)
{
    const Constraint none[N_CONSTRAINTS] = {
        [ALIGN] = {"align", 0},
        [MAX_TRANSFER] = {"max-transfer", 0},
        [OPT_WRITE_ZERO] = {"opt-write-zero", 0},
        [MAX_WRITE_ZERO] = {"max-write-zero", 0},
        [OPT_DISCARD] = {"opt-discard", 0},
        [MAX_DISCARD] = {"max-discard", 0},
    };

    memcpy(settings->constraints, none, sizeof(none));
    for (guint i = 0; i < N_CONSTRAINTS; i++) {
        Constraint *constraint = &settings->constraints[i];

        if (!block_options_take_size(options, constraint->key, &constraint->value, error))
            return FALSE;
    }

    return TRUE;
}

BlkdebugSettings *
blkdebug_settings_take(BlockOptions *options, GError **error)
{
    g_autoptr(BlkdebugSettings) settings = g_new0(BlkdebugSettings, 1);

    blkdebug_rules_init(&settings->rules);
    if (!block_options_take_string(options, "config", &settings->config, error) ||
        !take_constraints(options, settings, error) ||
        !blkdebug_rules_take(&settings->rules, options, error) ||
        !take_permissions(options, "take-child-perms", error) ||
        !take_permissions(options, "unshare-child-perms", error))
        return NULL;
    return g_steal_pointer(&settings);
}

void
blkdebug_settings_free(BlkdebugSettings *settings)
{
    if (settings == NULL)
        return;

    blkdebug_rules_clear(&settings->rules);
    g_free(settings->config);
    g_free(settings);
}

/* As QEMU: below 2 GiB, and each most a multiple of its best and of the alignment. */
static gboolean
check_constraints(const BlkdebugSettings *settings, GError **error)
{
    guint64 alignment = MAX(settings->constraints[ALIGN].value, 1);

    for (guint i = 0; i < N_CONSTRAINTS; i++) {
        const Constraint *constraint = &settings->constraints[i];
        guint64 unit = alignment;
        gboolean is_good = constraint->value < G_MAXINT32;

        if (i == MAX_WRITE_ZERO || i == MAX_DISCARD)
            unit = MAX(alignment, settings->constraints[i - 1].value);
        if (i == ALIGN)
            is_good = is_good && (constraint->value & (constraint->value - 1)) == 0;
        if (is_good && constraint->value % unit == 0)
            continue;

        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Cannot meet constraints with %s %" G_GUINT64_FORMAT,
                    constraint->key,
                    constraint->value);
        return FALSE;
    }

    return TRUE;
}

/* The rules of the file stand before those of the options. */
static gboolean
read_config(const BlkdebugSettings *settings, BlkdebugRules *rules, GError **error)
{
    g_autoptr(IoFile) file = NULL;
    g_autofree char *text = NULL;
    guint64 length = 0;
    int status;

    if (settings->config == NULL)
        return TRUE;

    status = io_file_open(settings->config, IO_OPEN_READ_ONLY, &file);
    if (status == 0)
        status = io_file_get_length(file, &length);
    if (status == 0 && length > MAX_CONFIG_BYTES)
        status = -EFBIG;
    if (status == 0) {
        text = g_malloc0((gsize)length + 1);
        status = io_file_read(file, 0, text, (gsize)length);
    }
    if (status < 0) {
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_INVALID_ARGUMENT,
                    "Could not read blkdebug config file: %s",
                    g_strerror(-status));
        return FALSE;
    }

    return blkdebug_rules_parse(rules, text, settings->config, error);
}

static void
breakpoint_free(Breakpoint *breakpoint)
{
    g_free(breakpoint->tag);
    g_free(breakpoint);
}

static void
blkdebug_close(BlockNode *node)
{
    Blkdebug *self = node->state;

    /* A request holds the node, so none is left to wait. */
    g_ptr_array_set_free_func(self->breakpoints, (GDestroyNotify)breakpoint_free);
    g_ptr_array_unref(self->breakpoints);
    blkdebug_rules_clear(&self->rules);
    g_mutex_clear(&self->lock);
    g_cond_clear(&self->changed);
    g_free(self);
}

static Breakpoint *
find_breakpoint(Blkdebug *self, BlockEvent event)
{
    for (guint i = 0; i < self->breakpoints->len; i++) {
        Breakpoint *breakpoint = self->breakpoints->pdata[i];

        if (breakpoint->event == event && !breakpoint->is_hit)
            return breakpoint;
    }

    return NULL;
}

static void
blkdebug_raise(BlockNode *node, BlockEvent event)
{
    Blkdebug *self = node->state;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);
    Breakpoint *breakpoint = find_breakpoint(self, event);

    blkdebug_rules_raise(&self->rules, event);
    if (breakpoint == NULL)
        return;

    breakpoint->is_hit = TRUE;
    g_cond_broadcast(&self->changed);
    while (!breakpoint->is_resumed && !self->is_open)
        g_cond_wait(&self->changed, &self->lock);
    g_ptr_array_remove(self->breakpoints, breakpoint);
    breakpoint_free(breakpoint);
}

static int
check(BlockNode *node, BlkdebugRequest request, guint64 offset, guint64 length)
{
    Blkdebug *self = node->state;
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&self->lock);

    return blkdebug_rules_check(&self->rules, request, offset, length);
}

static int
blkdebug_read(BlockNode *node, guint64 offset, void *buffer, gsize length)
{
    int status = check(node, BLKDEBUG_READ, offset, length);

    return status < 0 ? status : filter_read(node, offset, buffer, length);
}

/* QEMU's core raises these for every node; only here do they mean a thing. */
static int
blkdebug_write(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    int status;

    blkdebug_raise(node, BLOCK_EVENT_PWRITEV);
    status = check(node, BLKDEBUG_WRITE, offset, length);
    if (status == 0)
        status = filter_write(node, offset, buffer, length);
    blkdebug_raise(node, BLOCK_EVENT_PWRITEV_DONE);
    return status;
}

static int
blkdebug_write_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    int status;

    blkdebug_raise(node, BLOCK_EVENT_PWRITEV_ZERO);
    status = check(node, BLKDEBUG_WRITE_ZEROES, offset, length);
    if (status == 0)
        status = filter_write_zeroes(node, offset, length);
    blkdebug_raise(node, BLOCK_EVENT_PWRITEV_DONE);
    return status;
}

static int
blkdebug_write_compressed(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    int status = check(node, BLKDEBUG_WRITE, offset, length);

    return status < 0 ? status : filter_write_compressed(node, offset, buffer, length);
}

static int
blkdebug_populate(BlockNode *node, guint64 offset, const void *buffer, gsize length)
{
    int status = check(node, BLKDEBUG_WRITE, offset, length);

    return status < 0 ? status : filter_populate(node, offset, buffer, length);
}

static int
blkdebug_populate_zeroes(BlockNode *node, guint64 offset, guint64 length)
{
    int status = check(node, BLKDEBUG_WRITE_ZEROES, offset, length);

    return status < 0 ? status : filter_populate_zeroes(node, offset, length);
}

static int
blkdebug_discard(BlockNode *node, guint64 offset, guint64 length)
{
    int status = check(node, BLKDEBUG_DISCARD, offset, length);

    return status < 0 ? status : filter_discard(node, offset, length);
}

static int
blkdebug_flush(BlockNode *node)
{
    int status = check(node, BLKDEBUG_FLUSH, 0, 0);

    return status < 0 ? status : filter_flush(node);
}

static int
blkdebug_get_status(BlockNode *node,
                    guint64 offset,
                    guint64 length,
                    BlockStatus *ret_status,
                    guint64 *ret_length)
{
    int status = check(node, BLKDEBUG_STATUS, offset, length);

    return status < 0 ? status : filter_get_status(node, offset, length, ret_status, ret_length);
}

/* QEMU tells no size on disk of this one. */
static int
blkdebug_get_allocated(BlockNode *node, guint64 *ret_bytes)
{
    return -ENOTSUP;
}

/* "blkdebug:CONFIG:IMAGE" says no more than these two. */
static char *
blkdebug_make_filename(BlockNode *node)
{
    g_auto(GVariantDict) rest = G_VARIANT_DICT_INIT(node->strong);
    g_autoptr(GVariant) others = NULL;
    g_autofree char *config = NULL;
    g_autofree char *image = block_filename_make(node->file);

    g_variant_dict_lookup(&rest, "config", "s", &config);
    g_variant_dict_remove(&rest, "config");
    others = g_variant_ref_sink(g_variant_dict_end(&rest));
    if (g_variant_n_children(others) > 0 || g_str_has_prefix(image, "json:"))
        return NULL;
    return g_strdup_printf("blkdebug:%s:%s", config != NULL ? config : "", image);
}

static const BlockDriver blkdebug_driver = {
    .name = "blkdebug",
    .is_filter = TRUE,
    .file_role = "image",
    .close = blkdebug_close,
    .read = blkdebug_read,
    .write = blkdebug_write,
    .write_zeroes = blkdebug_write_zeroes,
    .write_compressed = blkdebug_write_compressed,
    .populate = blkdebug_populate,
    .populate_zeroes = blkdebug_populate_zeroes,
    .discard = blkdebug_discard,
    .resize = filter_resize,
    .flush = blkdebug_flush,
    .get_status = blkdebug_get_status,
    .get_cluster_size = filter_get_cluster_size,
    .get_allocated = blkdebug_get_allocated,
    .make_filename = blkdebug_make_filename,
    .raise = blkdebug_raise,
};

BlockNode *
blkdebug_node_open(BlockNode *file,
                   gboolean is_read_only,
                   const BlkdebugSettings *settings,
                   GError **error)
{
    g_autoptr(BlockNode) node = filter_node_new(&blkdebug_driver, file, is_read_only);
    Blkdebug *self = g_new0(Blkdebug, 1);

    g_mutex_init(&self->lock);
    g_cond_init(&self->changed);
    self->breakpoints = g_ptr_array_new();
    blkdebug_rules_init(&self->rules);
    node->state = self;
    if (!read_config(settings, &self->rules, error) || !check_constraints(settings, error))
        return NULL;

    for (guint i = 0; i < settings->rules.rules->len; i++) {
        BlkdebugRule *rule = g_memdup2(settings->rules.rules->pdata[i], sizeof(BlkdebugRule));

        if (!blkdebug_rules_add(&self->rules, rule, error))
            return NULL;
    }
    blkdebug_rules_raise(&self->rules, BLOCK_EVENT_NONE);
    return g_steal_pointer(&node);
}

/* NULL: there is none. */
static Blkdebug *
find_debugger(BlockNode *node)
{
    while (node != NULL && node->driver != &blkdebug_driver)
        node = block_node_get_file(node);
    return node != NULL ? node->state : NULL;
}

int
blkdebug_break(BlockNode *node, const char *event, const char *tag)
{
    Blkdebug *self = find_debugger(node);
    Breakpoint *breakpoint;
    guint number = 0;

    if (self == NULL)
        return -ENOTSUP;
    while (blkdebug_event_words[number] != NULL &&
           !g_str_equal(blkdebug_event_words[number], event))
        number++;
    if (number == BLOCK_EVENT_COUNT)
        return -ENOENT;

    breakpoint = g_new0(Breakpoint, 1);
    breakpoint->tag = g_strdup(tag);
    breakpoint->event = (BlockEvent)number;
    /* The newest is the first to be hit. */
    g_mutex_lock(&self->lock);
    g_ptr_array_insert(self->breakpoints, 0, breakpoint);
    g_mutex_unlock(&self->lock);
    return 0;
}

/* Of those with @tag: lets the first that waits go on, or all; @with_others: the rest are gone. */
static int
let_go_locked(Blkdebug *self, const char *tag, gboolean with_others)
{
    int status = -ENOENT;

    for (guint i = self->breakpoints->len; i > 0; i--) {
        Breakpoint *breakpoint = self->breakpoints->pdata[i - 1];

        if (!g_str_equal(breakpoint->tag, tag) || breakpoint->is_resumed ||
            (!breakpoint->is_hit && !with_others))
            continue;
        status = 0;
        if (breakpoint->is_hit) {
            breakpoint->is_resumed = TRUE;
        } else {
            g_ptr_array_remove_index(self->breakpoints, i - 1);
            breakpoint_free(breakpoint);
        }
        if (!with_others)
            break;
    }

    g_cond_broadcast(&self->changed);
    return status;
}

static int
let_go(BlockNode *node, const char *tag, gboolean with_others)
{
    Blkdebug *self = find_debugger(node);
    int status;

    if (self == NULL)
        return -ENOTSUP;

    g_mutex_lock(&self->lock);
    status = let_go_locked(self, tag, with_others);
    g_mutex_unlock(&self->lock);
    return status;
}

int
blkdebug_remove_break(BlockNode *node, const char *tag)
{
    return let_go(node, tag, TRUE);
}

int
blkdebug_resume(BlockNode *node, const char *tag)
{
    return let_go(node, tag, FALSE);
}

static gboolean
is_suspended_locked(Blkdebug *self, const char *tag)
{
    for (guint i = 0; i < self->breakpoints->len; i++) {
        const Breakpoint *breakpoint = self->breakpoints->pdata[i];

        if (breakpoint->is_hit && !breakpoint->is_resumed && g_str_equal(breakpoint->tag, tag))
            return TRUE;
    }

    return FALSE;
}

gboolean
blkdebug_is_suspended(BlockNode *node, const char *tag)
{
    Blkdebug *self = find_debugger(node);
    gboolean is_suspended;

    if (self == NULL)
        return FALSE;

    g_mutex_lock(&self->lock);
    is_suspended = is_suspended_locked(self, tag);
    g_mutex_unlock(&self->lock);
    return is_suspended;
}

int
blkdebug_wait_suspended(BlockNode *node, const char *tag)
{
    Blkdebug *self = find_debugger(node);

    if (self == NULL)
        return -ENOTSUP;

    g_mutex_lock(&self->lock);
    while (!is_suspended_locked(self, tag) && !self->is_open)
        g_cond_wait(&self->changed, &self->lock);
    g_mutex_unlock(&self->lock);
    return 0;
}

void
blkdebug_open(BlockNode *node)
{
    Blkdebug *self = find_debugger(node);

    if (self == NULL)
        return;

    g_mutex_lock(&self->lock);
    self->is_open = TRUE;
    g_cond_broadcast(&self->changed);
    g_mutex_unlock(&self->lock);
}
