/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Crash tests */

/*
 * A run is recorded, then every state is built in which a power cut can leave the file: all that
 * was flushed, and of what came after it every subset, or where that is too many every prefix, all
 * but one, one alone, and random halves.
 * In each the image must open, have no corruption, and read as the guest may expect: what it wrote
 * before a flush that succeeded, or anything it wrote there since.
 *
 * That the explorer can see is shown by leaving out one flush at a time: it must object to each.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "qemu-shim/block/qcow2/qcow2-driver.h"
#include "tests/unit/qcow2/memory-image.h"
#include "tests/unit/qcow2/recorder.h"

#define CLUSTER   512u
#define DISK      (48u * 1024)
#define N_CLUSTER (DISK / CLUSTER)
/* 64 entries of the refcount table, for 256 clusters each, is what it has in one cluster. */
#define TABLE_GROWS_AT (64 * 256 - 12)

/* Epochs of so few records are tried in all their subsets, others in so many random ones. */
#define MOST_FOR_ALL 8
#define N_RANDOM     600

/* What the guest wrote, and from which record on it may be there. */
typedef struct {
    guint n_records;
    guint cluster;
    guint8 value;
} GuestWrite;

typedef struct {
    guint32 version;
    guint64 batch_limit; /* in clusters; 0: 8 */
    guint64 next_free; /* where the file is made to end, to reach the growth of tables; 0: there */
    guint64 skip_flush;

    guint8 base[DISK];
    IoFile *base_io;
    BlockNode *base_node;
    GBytes *start;
    Recorder *recorder;
    GArray *writes;  /* of GuestWrite */
    GArray *flushes; /* of guint pairs: records when it returned, writes before it */
    guint64 n_flushes;
    guint unflushed; /* records after the last flush, when the run said it was done */

    guint64 n_states;
    char *objection; /* the first; NULL: none */
} Run;

static void
run_clear(Run *run)
{
    block_node_unref(run->base_node);
    io_file_close(run->base_io);
    g_clear_pointer(&run->start, g_bytes_unref);
    recorder_free(run->recorder);
    g_clear_pointer(&run->writes, g_array_unref);
    g_clear_pointer(&run->flushes, g_array_unref);
    g_free(run->objection);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Run, run_clear)

static void
prepare(Run *run)
{
    Qcow2CreateOptions options = {
        .size = DISK,
        .cluster_size = CLUSTER,
        .version = run->version,
        .backing_name = "base",
        .backing_format = "raw",
    };
    g_autoptr(IoFile) overlay = memory_image_create(&options);

    /* Some clusters of the base are zeros, so that these are copied up too. */
    for (guint i = 0; i < DISK; i++)
        run->base[i] = i / CLUSTER % 7 == 3 ? 0 : (guint8)(1 + i / CLUSTER);
    run->base_io = io_file_new_memory(run->base, DISK);
    run->base_node = memory_image_open_raw(run->base_io, TRUE);
    run->start = memory_image_get_bytes(overlay);
    run->writes = g_array_new(FALSE, FALSE, sizeof(GuestWrite));
    run->flushes = g_array_new(FALSE, FALSE, 2 * sizeof(guint));
}

static int
guest_write(Run *run, BlockNode *node, guint cluster, guint n_clusters, guint8 value)
{
    g_autofree guint8 *data = g_malloc((gsize)n_clusters * CLUSTER);

    memset(data, value, (gsize)n_clusters * CLUSTER);
    for (guint i = 0; i < n_clusters; i++) {
        GuestWrite entry = {run->recorder->records->len, cluster + i, value};

        g_array_append_val(run->writes, entry);
    }
    if (value == 0)
        return block_node_write_zeroes(node, cluster * CLUSTER, n_clusters * CLUSTER);
    return block_node_write(node, cluster * CLUSTER, data, n_clusters * CLUSTER);
}

static int
guest_flush(Run *run, BlockNode *node)
{
    guint before = run->writes->len;
    int status = block_node_flush(node);
    guint pair[2] = {run->recorder->records->len, before};

    if (status == 0)
        g_array_append_vals(run->flushes, pair, 1);
    return status;
}

static int
copy_up(BlockNode *node, guint cluster, guint n_clusters)
{
    guint8 data[DISK];
    int status = block_node_read(node, cluster * CLUSTER, data, n_clusters * CLUSTER);

    return status < 0 ? status
                      : block_node_populate(node, cluster * CLUSTER, data, n_clusters * CLUSTER);
}

/* What a run does, in order: the pivot follows. */
typedef enum {
    COPY_UP,
    GUEST_WRITE,
    GUEST_FLUSH,
} Act;

typedef struct {
    Act act;
    guint cluster;
    guint n_clusters;
    guint8 value; /* 0: zeros */
} Step;

/* A stream with a guest at work, in places that are copied, are not yet, and are written again. */
static const Step steps[] = {
    {COPY_UP, 0, 20},
    {GUEST_WRITE, 4, 3, 0xa1},
    {GUEST_WRITE, 30, 2, 0xa2},
    {GUEST_FLUSH},
    {GUEST_WRITE, 33, 2, 0xa3},
    {COPY_UP, 20, 50},
    {GUEST_WRITE, 31, 1, 0},
    {GUEST_FLUSH},
    {GUEST_WRITE, 5, 1, 0xa4},
    {GUEST_WRITE, 80, 2, 0xa5},
    {GUEST_FLUSH},
    {GUEST_WRITE, 31, 1, 0xa6},
    {GUEST_WRITE, 81, 3, 0xa7},
    {COPY_UP, 70, N_CLUSTER - 70},
};

static int
do_step(Run *run, BlockNode *node, const Step *step)
{
    switch (step->act) {
    case COPY_UP:
        return copy_up(node, step->cluster, step->n_clusters);
    case GUEST_WRITE:
        return guest_write(run, node, step->cluster, step->n_clusters, step->value);
    case GUEST_FLUSH:
        return guest_flush(run, node);
    }

    g_assert_not_reached();
}

static int
act(Run *run, BlockNode *node)
{
    for (guint i = 0; i < G_N_ELEMENTS(steps); i++) {
        int status = do_step(run, node, &steps[i]);

        if (status < 0)
            return status;
    }

    return block_node_change_backing_name(node, NULL, NULL);
}

static int
perform(Run *run)
{
    g_autoptr(BlockNode) node = NULL;
    g_autoptr(GError) error = NULL;
    Qcow2Image *image;
    int status;

    node = memory_image_open(&run->recorder->file, FALSE, run->base_node, &error);
    if (node == NULL)
        return -EIO; /* a failing file */
    image = qcow2_node_get_image(node);
    image->skip_flush = run->skip_flush;
    image->batch_limit = (run->batch_limit != 0 ? run->batch_limit : 8) * CLUSTER;
    if (run->next_free != 0)
        image->next_free = run->next_free;

    status = act(run, node);
    run->n_flushes = image->flushes;
    run->unflushed = 0;
    for (guint i = 0; status == 0 && i < run->recorder->records->len; i++) {
        RecordKind kind = g_array_index(run->recorder->records, Record, i).kind;

        run->unflushed = kind == RECORD_FLUSH ? 0 : run->unflushed + 1;
    }
    /* What closing does is not the run's. */
    image->flush_error = -EIO;
    return status;
}

static gboolean G_GNUC_PRINTF(2, 3) object(Run *run, const char *format, ...)
{
    va_list list;

    if (run->objection == NULL) {
        va_start(list, format);
        run->objection = g_strdup_vprintf(format, list);
        va_end(list);
    }
    return FALSE;
}

/* Whether @value may be read from @cluster after a power cut when there were @n_done records. */
static gboolean
is_expected(const Run *run, guint cluster, guint8 value, guint n_done)
{
    guint n_acknowledged = 0;
    guint8 settled = run->base[cluster * CLUSTER];
    gboolean is_expected = FALSE;

    for (guint i = 0; i < run->flushes->len; i++) {
        const guint *pair = (const guint *)(gpointer)run->flushes->data + (gsize)i * 2;

        if (pair[0] <= n_done)
            n_acknowledged = pair[1];
    }
    for (guint i = 0; i < run->writes->len; i++) {
        const GuestWrite *entry = &g_array_index(run->writes, GuestWrite, i);

        if (entry->cluster != cluster)
            continue;
        if (i < n_acknowledged)
            settled = entry->value;
        else if (entry->n_records < n_done)
            is_expected = is_expected || value == entry->value;
    }

    return is_expected || value == settled;
}

static gboolean
judge_content(Run *run, BlockNode *node, guint n_done)
{
    guint8 data[DISK];

    if (block_node_read(node, 0, data, DISK) < 0)
        return object(run, "cannot be read");
    for (guint i = 0; i < N_CLUSTER; i++) {
        const guint8 *at = data + (gsize)i * CLUSTER;

        if (memcmp(at, at + 1, CLUSTER - 1) != 0 || !is_expected(run, i, at[0], n_done))
            return object(run, "cluster %u reads 0x%02x...0x%02x", i, at[0], at[CLUSTER - 1]);
    }

    return TRUE;
}

static gboolean
judge(Run *run, IoFile *io, guint n_done)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(BlockNode) node = memory_image_open(io, TRUE, NULL, &error);
    g_auto(Qcow2Report) report = {0};

    run->n_states++;
    if (node == NULL)
        return object(run, "cannot be opened: %s", error->message);
    if (node->backing_name != NULL)
        block_node_set_backing(node, run->base_node);
    if (!qcow2_check(qcow2_node_get_image(node), &report, &error))
        return object(run, "cannot be checked: %s", error->message);
    if (report.corruptions > 0 || report.check_errors > 0)
        return object(run, "%s", (char *)g_ptr_array_index(report.findings, 0));
    return judge_content(run, node, n_done);
}

/* Of the records of an epoch, those that @has says. */
typedef gboolean (*Choice)(GRand *random, guint i, guint parameter);

static gboolean
is_before(GRand *random, guint i, guint parameter)
{
    return i < parameter;
}

static gboolean
is_other(GRand *random, guint i, guint parameter)
{
    return i != parameter;
}

static gboolean
is_it(GRand *random, guint i, guint parameter)
{
    return i == parameter;
}

static gboolean
is_in_set(GRand *random, guint i, guint parameter)
{
    return (parameter >> i & 1) != 0;
}

static gboolean
is_drawn(GRand *random, guint i, guint parameter)
{
    return g_rand_boolean(random);
}

static gboolean
try_state(Run *run,
          GRand *random,
          GBytes *durable,
          guint begin,
          guint end,
          Choice has,
          guint parameter)
{
    gsize length;
    const void *data = g_bytes_get_data(durable, &length);
    g_autoptr(IoFile) io = io_file_new_memory(data, length);

    for (guint i = begin; i < end; i++) {
        if (has(random, i - begin, parameter))
            recorder_apply(&g_array_index(run->recorder->records, Record, i), io);
    }
    return judge(run, io, end);
}

/* The records from @begin to @end came after one flush and before the next. */
static gboolean
explore_epoch(Run *run, GRand *random, GBytes *durable, guint begin, guint end)
{
    guint n_records = end - begin;
    gboolean is_good = TRUE;

    for (guint i = 0; is_good && n_records <= MOST_FOR_ALL && i < 1u << n_records; i++)
        is_good = try_state(run, random, durable, begin, end, is_in_set, i);
    if (n_records <= MOST_FOR_ALL)
        return is_good;

    for (guint i = 0; is_good && i <= n_records; i++)
        is_good = try_state(run, random, durable, begin, end, is_before, i);
    for (guint i = 0; is_good && i < n_records; i++)
        is_good = try_state(run, random, durable, begin, end, is_other, i) &&
                  try_state(run, random, durable, begin, end, is_it, i);
    for (guint i = 0; is_good && i < N_RANDOM; i++)
        is_good = try_state(run, random, durable, begin, end, is_drawn, i);
    return is_good;
}

static gboolean
explore(Run *run)
{
    gsize length;
    const void *data = g_bytes_get_data(run->start, &length);
    g_autoptr(IoFile) durable = io_file_new_memory(data, length);
    g_autoptr(GRand) random = g_rand_new_with_seed(7);
    GArray *records = run->recorder->records;
    guint begin = 0;
    gboolean is_good = TRUE;

    for (guint i = 0; is_good && i <= records->len; i++) {
        g_autoptr(GBytes) bytes = NULL;

        if (i < records->len && g_array_index(records, Record, i).kind != RECORD_FLUSH)
            continue;
        bytes = memory_image_get_bytes(durable);
        is_good = explore_epoch(run, random, bytes, begin, i);
        for (guint k = begin; k < i; k++)
            recorder_apply(&g_array_index(records, Record, k), durable);
        begin = i + 1;
    }
    if (is_good && run->unflushed > 0)
        is_good = object(run, "%u writes are not durable at the end", run->unflushed);
    return is_good;
}

static void
assert_survives(guint32 version, guint64 next_free)
{
    static const guint64 limits[] = {1, 2, 4, 8, 16, 30, 1000};
    guint64 n_states = 0;

    for (guint i = 0; i < G_N_ELEMENTS(limits); i++) {
        g_auto(Run) run = {.version = version, .next_free = next_free, .batch_limit = limits[i]};

        prepare(&run);
        run.recorder = recorder_new(run.start);
        assert_int_equal(perform(&run), 0);
        if (!explore(&run))
            fail_msg("batches of %" G_GUINT64_FORMAT ", state %" G_GUINT64_FORMAT ": %s",
                     limits[i],
                     run.n_states,
                     run.objection);
        n_states += run.n_states;
    }
    print_message("# %" G_GUINT64_FORMAT " states\n", n_states);
}

static void
every_state_after_a_power_cut_reads_as_the_guest_left_it(void **state)
{
    assert_survives(3, 0);
    assert_survives(2, 0);
}

static void
a_refcount_table_that_grows_survives_a_power_cut(void **state)
{
    assert_survives(3, TABLE_GROWS_AT);
}

static guint
count_flushes_not_missed(guint32 version, guint64 next_free)
{
    guint64 n_flushes = 1;
    guint n_not_missed = 0;

    for (guint64 skip = 1; skip <= n_flushes; skip++) {
        g_auto(Run) run = {.version = version, .next_free = next_free, .skip_flush = skip};

        prepare(&run);
        run.recorder = recorder_new(run.start);
        assert_int_equal(perform(&run), 0);
        n_flushes = run.n_flushes;
        if (explore(&run)) {
            print_message("# flush %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " is not missed\n",
                          skip,
                          n_flushes);
            n_not_missed++;
        }
    }

    assert_true(n_flushes > 10);
    return n_not_missed;
}

static void
each_flush_that_is_left_out_is_noticed(void **state)
{
    assert_int_equal(count_flushes_not_missed(3, 0), 0);
    assert_int_equal(count_flushes_not_missed(2, 0), 0);
    /* The old table is given back after the next batch's barrier, and a flush too many. */
    assert_int_equal(count_flushes_not_missed(3, TABLE_GROWS_AT), 1);
}

/* One operation of the file fails, once or from then on. */
static gboolean
survives_error(guint64 fail_at, gboolean is_failing_on, int error)
{
    g_auto(Run) run = {.version = 3};
    int status;

    prepare(&run);
    run.recorder = recorder_new(run.start);
    run.recorder->fail_at = fail_at;
    run.recorder->is_failing_on = is_failing_on;
    run.recorder->error = error;
    status = perform(&run);
    if (run.recorder->n_operations < fail_at)
        return FALSE;

    assert_int_equal(status, error);
    if (!explore(&run))
        fail_msg("failure %" G_GUINT64_FORMAT ": %s", fail_at, run.objection);
    return TRUE;
}

static void
an_error_of_the_file_is_told_and_harms_nothing(void **state)
{
    guint64 fail_at = 1;

    while (survives_error(fail_at, FALSE, -ENOSPC) && survives_error(fail_at, TRUE, -EIO))
        fail_at++;
    assert_true(fail_at > 20);
}

static void
a_flush_that_failed_is_not_tried_again(void **state)
{
    g_auto(Run) run = {.version = 3};
    g_autoptr(BlockNode) node = NULL;
    guint64 n_operations;

    prepare(&run);
    run.recorder = recorder_new(run.start);
    node = memory_image_open(&run.recorder->file, FALSE, run.base_node, NULL);
    assert_int_equal(copy_up(node, 0, 8), 0);
    run.recorder->is_failing_flush = TRUE;
    run.recorder->error = -EIO;
    assert_int_equal(block_node_flush(node), -EIO);
    n_operations = run.recorder->n_operations;
    assert_int_equal(block_node_flush(node), -EIO);
    assert_int_equal(block_node_change_backing_name(node, NULL, NULL), -EIO);
    g_clear_pointer(&node, block_node_unref);
    for (guint i = 0; i < run.recorder->records->len; i++)
        assert_int_not_equal(g_array_index(run.recorder->records, Record, i).kind, RECORD_FLUSH);
    assert_true(run.recorder->n_operations <= n_operations + 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_after_a_power_cut_reads_as_the_guest_left_it),
        cmocka_unit_test(a_refcount_table_that_grows_survives_a_power_cut),
        cmocka_unit_test(each_flush_that_is_left_out_is_noticed),
        cmocka_unit_test(an_error_of_the_file_is_told_and_harms_nothing),
        cmocka_unit_test(a_flush_that_failed_is_not_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
