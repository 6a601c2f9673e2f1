/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copying pieces */

#include "qemu-shim/job/copy.h"

#include <errno.h>
#include <stdlib.h>

/* Enough that the disk always has a read and a write to do and each core something to unpack. */
#define MAX_IN_FLIGHT 4
#define MAX_THREADS   6
#define ALIGNMENT     4096

typedef struct {
    Job *job;
    const CopyOps *ops;

    GMutex lock; /* protects what follows */
    GCond wake;
    guint n_in_flight;
    GQueue failed; /* of Flight, owned */
} Copier;

/* A piece on its way. */
typedef struct {
    Copier *copier;
    CopyPiece piece;
    int status;
    gboolean is_read; /* what failed */
} Flight;

/* A thread's buffer, which goes with the thread. */
static GPrivate thread_buffer = G_PRIVATE_INIT(free);

static void *
get_buffer(void)
{
    void *buffer = g_private_get(&thread_buffer);

    if (buffer == NULL) {
        buffer = aligned_alloc(ALIGNMENT, COPY_MAX_PIECE);
        g_private_set(&thread_buffer, buffer);
    }
    return buffer;
}

static void
land(Flight *flight)
{
    Copier *copier = flight->copier;

    g_mutex_lock(&copier->lock);
    copier->n_in_flight--;
    if (flight->status < 0)
        g_queue_push_tail(&copier->failed, flight);
    else
        g_free(flight);
    g_cond_signal(&copier->wake);
    g_mutex_unlock(&copier->lock);
}

static void
fly(gpointer data, gpointer user_data)
{
    Flight *flight = data;
    Job *job = flight->copier->job;
    void *buffer = get_buffer();

    flight->is_read = TRUE;
    flight->status = buffer == NULL
                         ? -ENOMEM
                         : flight->copier->ops->copy(job, &flight->piece, buffer, &flight->is_read);
    if (flight->status == 0)
        job_advance(job, flight->piece.length, 0);
    land(flight);
}

static GThreadPool *
get_pool(void)
{
    static gsize once;
    static GThreadPool *pool;

    if (g_once_init_enter(&once)) {
        pool = g_thread_pool_new(fly, NULL, MAX_THREADS, FALSE, NULL);
        g_once_init_leave(&once, 1);
    }
    return pool;
}

/* Where no thread can be had the pool keeps the piece until one is free. */
static void
take_off(Copier *copier, Flight *flight)
{
    g_mutex_lock(&copier->lock);
    copier->n_in_flight++;
    g_mutex_unlock(&copier->lock);
    g_thread_pool_push(get_pool(), flight, NULL);
}

/* Until at most @count are in flight; FALSE: a piece has failed. */
static gboolean
wait_for(Copier *copier, guint count)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&copier->lock);

    while (copier->n_in_flight > count)
        g_cond_wait(&copier->wake, &copier->lock);
    return g_queue_is_empty(&copier->failed);
}

static int
compare_offsets(gconstpointer left, gconstpointer right, gpointer user_data)
{
    const Flight *a = left;
    const Flight *b = right;

    return a->piece.offset < b->piece.offset ? -1 : 1;
}

/* One piece's failure, as on-error has it: TRUE: try again. */
static gboolean
handle_failure(Copier *copier, const Flight *flight, int *ret_status)
{
    Job *job = copier->job;
    int status = flight->status;

    if (job_handle_error(job, flight->is_read, &status))
        return TRUE;

    *ret_status = status;
    if (copier->ops->skip != NULL)
        copier->ops->skip(job, &flight->piece, flight->status);
    if (status == 0)
        job_advance(job, flight->piece.length, 0);
    return FALSE;
}

/*
 * Called with nothing in flight: the failures in the order of the disk, as if only one piece were
 * copied at a time. The first one is told of; the others get another try, since what stopped the
 * first may be mended by then.
 */
static int
handle_failures(Copier *copier)
{
    Flight *first;
    int status = 0;

    g_queue_sort(&copier->failed, compare_offsets, NULL);
    first = g_queue_pop_head(&copier->failed);
    if (handle_failure(copier, first, &status))
        g_queue_push_head(&copier->failed, first);
    else
        g_free(first);
    return status;
}

/* Pays and starts; waits first where the limit or a pause says so. FALSE: cancelled. */
static gboolean
start(Copier *copier, Flight *flight)
{
    if (job_is_held(copier->job))
        wait_for(copier, 0);
    if (!job_may_go_on(copier->job)) {
        g_free(flight);
        return FALSE;
    }

    job_advance(copier->job, 0, flight->piece.cost);
    take_off(copier, flight);
    return TRUE;
}

static Flight *
flight_new(Copier *copier, const CopyPiece *piece)
{
    Flight *flight = g_new0(Flight, 1);

    flight->copier = copier;
    flight->piece = *piece;
    return flight;
}

/* What failed is tried again one by one. */
static int
retry_failures(Copier *copier)
{
    while (!wait_for(copier, 0)) {
        int status = handle_failures(copier);
        Flight *flight = g_queue_pop_head(&copier->failed);

        if (status < 0) {
            g_free(flight);
            return status;
        }
        if (flight != NULL && !start(copier, flight))
            return -ECANCELED;
    }

    return 0;
}

/* Finds and starts the next piece. */
static int
advance(Copier *copier, CopyNext *ret_next)
{
    CopyPiece piece = {0};
    int status;

    if (job_is_held(copier->job))
        wait_for(copier, 0);
    if (!job_may_go_on(copier->job))
        return -ECANCELED;

    status = copier->ops->find_next(copier->job, &piece, ret_next);
    if (status < 0) {
        Flight *flight = flight_new(copier, &piece);

        flight->status = status;
        flight->is_read = TRUE;
        *ret_next = COPY_NEXT_PIECE;
        g_mutex_lock(&copier->lock);
        g_queue_push_tail(&copier->failed, flight);
        g_mutex_unlock(&copier->lock);
        return 0;
    }

    if (*ret_next == COPY_NEXT_NOTHING)
        job_advance(copier->job, piece.length, 0);
    if (*ret_next == COPY_NEXT_PIECE && !start(copier, flight_new(copier, &piece)))
        return -ECANCELED;
    return 0;
}

static int
run(Copier *copier)
{
    CopyNext next = COPY_NEXT_PIECE;
    int status = 0;

    while (status == 0 && next != COPY_NEXT_END) {
        status = advance(copier, &next);
        if (status == 0 && !wait_for(copier, next == COPY_NEXT_END ? 0 : MAX_IN_FLIGHT - 1))
            status = retry_failures(copier);
    }

    wait_for(copier, 0);
    return status;
}

int
copy_run(Job *job, const CopyOps *ops)
{
    Copier copier = {.job = job, .ops = ops};
    int status;

    g_mutex_init(&copier.lock);
    g_cond_init(&copier.wake);
    g_queue_init(&copier.failed);

    status = run(&copier);

    g_queue_clear_full(&copier.failed, g_free);
    g_cond_clear(&copier.wake);
    g_mutex_clear(&copier.lock);
    return status;
}
