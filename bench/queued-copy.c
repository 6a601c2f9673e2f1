/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Copying limit */

/*
 * queued-copy SOURCE TARGET: what the disk allows when nothing but bytes is copied. Blocks of 1
 * MiB, DEPTH of them in flight, past the page cache, made durable at the end. Prints the seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#define BLOCK (1024 * 1024)
#define DEPTH 16
#define ALIGN 4096

typedef struct {
    int source;
    int target;
    gint64 length;
    gint64 next; /* atomic: the first byte that nobody copies yet */
    int error;   /* atomic: an errno, or 0 */
} Copy;

static gboolean
copy_block(const Copy *copy, void *buffer, gint64 offset)
{
    /* Whole blocks past the end too: unaligned lengths are not for O_DIRECT. */
    ssize_t count = pread(copy->source, buffer, BLOCK, offset);

    if (count < 0)
        return FALSE;
    count = (count + ALIGN - 1) / ALIGN * ALIGN;
    return pwrite(copy->target, buffer, (size_t)count, offset) == count;
}

static gpointer
copy_blocks(gpointer data)
{
    Copy *copy = data;
    g_autofree void *memory = g_malloc(BLOCK + ALIGN);
    void *buffer = (void *)(((gsize)memory + ALIGN - 1) / ALIGN * ALIGN);
    gint64 offset;

    while ((offset = __atomic_fetch_add(&copy->next, BLOCK, __ATOMIC_RELAXED)) < copy->length) {
        if (!copy_block(copy, buffer, offset)) {
            g_atomic_int_set(&copy->error, errno != 0 ? errno : EIO);
            break;
        }
    }

    return NULL;
}

static int
run(Copy *copy)
{
    GThread *threads[DEPTH];

    for (guint i = 0; i < DEPTH; i++)
        threads[i] = g_thread_new("copy", copy_blocks, copy);
    for (guint i = 0; i < DEPTH; i++)
        g_thread_join(threads[i]);

    if (copy->error == 0 && fdatasync(copy->target) < 0)
        copy->error = errno;
    return copy->error;
}

int
main(int argc, char **argv)
{
    Copy copy = {.source = -1};
    struct stat status;
    gint64 begin = g_get_monotonic_time();

    if (argc != 3) {
        fputs("usage: queued-copy SOURCE TARGET\n", stderr);
        return 2;
    }

    copy.source = open(argv[1], O_RDONLY | O_DIRECT | O_CLOEXEC);
    copy.target = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC | O_DIRECT | O_CLOEXEC, 0600);
    if (copy.source < 0 || copy.target < 0 || fstat(copy.source, &status) < 0) {
        fprintf(stderr, "queued-copy: %s to %s: %s\n", argv[1], argv[2], g_strerror(errno));
        return 1;
    }

    /* Room beforehand: file systems let only one writer at a time make a file longer. */
    copy.length = status.st_size;
    if (posix_fallocate(copy.target, 0, copy.length) != 0) {
        fprintf(stderr, "queued-copy: %s: no space\n", argv[2]);
        return 1;
    }
    if (run(&copy) != 0) {
        fprintf(stderr, "queued-copy: %s\n", g_strerror(copy.error));
        return 1;
    }

    printf("%.6f\n", (double)(g_get_monotonic_time() - begin) / G_USEC_PER_SEC);
    return 0;
}
