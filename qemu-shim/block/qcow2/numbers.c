/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sparse numbers */

#include "qemu-shim/block/qcow2/numbers.h"

#include <errno.h>

#include "qemu-shim/io/zero.h"

/*
 * The L1 table of a disk of 20 TiB takes 320 KiB, and a chain has up to 200 of them, most nearly
 * empty: an overlay points only at what was written in it. So a table is held by pages of 4 KiB,
 * and a page that says nothing takes no memory.
 *
 * What is held has a limit for the process, not for a table: a file of 32 MiB can be one L1 table
 * of garbage, and a chain of them is as long as whoever made it likes. Nothing is loaded past it;
 * what is written later is not refused, for that much the caller has on disk as well.
 */
static gsize held_pages; /* atomic */

#define PAGE_BYTES  (QCOW2_NUMBERS_PAGE * sizeof(guint64))
#define PAGES_LIMIT (QCOW2_NUMBERS_LIMIT / PAGE_BYTES)

/* Read at once: many pages, as few calls as that takes. */
#define PIECE_PAGES ((guint64)16)

static guint64
count_slots(guint64 n_numbers)
{
    return n_numbers / QCOW2_NUMBERS_PAGE + (n_numbers % QCOW2_NUMBERS_PAGE != 0);
}

static void
page_free(guint64 *page)
{
    if (page != NULL)
        g_atomic_pointer_add(&held_pages, -1);
    g_free(page);
}

void
qcow2_numbers_free(Qcow2Numbers *numbers)
{
    if (numbers == NULL)
        return;

    for (guint64 i = 0; i < count_slots(numbers->n_numbers); i++)
        page_free(numbers->pages[i]);
    g_free(numbers->pages);
    g_free(numbers);
}

/* @big: @count numbers as they are in the file. */
static int
keep_page(Qcow2Numbers *numbers, guint64 slot, const guint64 *big, guint64 count)
{
    guint64 *page;

    if (buffer_is_zero(big, (gsize)count * sizeof(*big)))
        return 0;

    if ((gsize)g_atomic_pointer_get(&held_pages) >= PAGES_LIMIT)
        return -EDQUOT;
    page = g_try_new0(guint64, QCOW2_NUMBERS_PAGE);
    if (page == NULL)
        return -ENOMEM;
    g_atomic_pointer_add(&held_pages, 1);
    for (guint64 i = 0; i < count; i++)
        page[i] = GUINT64_FROM_BE(big[i]);
    numbers->pages[slot] = page;
    return 0;
}

int
qcow2_numbers_load(IoFile *io, guint64 offset, guint64 n_numbers, Qcow2Numbers **ret_numbers)
{
    g_autoptr(Qcow2Numbers) numbers = g_new0(Qcow2Numbers, 1);
    g_autofree guint64 *piece = NULL;
    guint64 most = MIN(n_numbers, PIECE_PAGES * QCOW2_NUMBERS_PAGE);
    int status = 0;

    numbers->pages = g_try_new0(guint64 *, count_slots(n_numbers) + 1);
    piece = g_try_new(guint64, most + 1);
    if (numbers->pages == NULL || piece == NULL)
        return -ENOMEM;
    numbers->n_numbers = n_numbers;

    for (guint64 i = 0; i < n_numbers && status == 0; i += most) {
        guint64 count = MIN(most, n_numbers - i);

        status = io_file_read(io, offset + i * 8, piece, (gsize)count * 8);
        for (guint64 at = 0; at < count && status == 0; at += QCOW2_NUMBERS_PAGE)
            status = keep_page(numbers,
                               (i + at) / QCOW2_NUMBERS_PAGE,
                               piece + at,
                               MIN(count - at, QCOW2_NUMBERS_PAGE));
    }
    if (status < 0)
        return status;

    *ret_numbers = g_steal_pointer(&numbers);
    return 0;
}

guint64
qcow2_numbers_get(const Qcow2Numbers *numbers, guint64 index)
{
    const guint64 *page;

    g_assert(index < numbers->n_numbers);
    page = numbers->pages[index / QCOW2_NUMBERS_PAGE];
    return page != NULL ? page[index % QCOW2_NUMBERS_PAGE] : 0;
}

int
qcow2_numbers_extend(Qcow2Numbers *numbers, guint64 n_numbers)
{
    guint64 n_old = count_slots(numbers->n_numbers);
    guint64 **pages;

    g_assert(n_numbers >= numbers->n_numbers);
    pages = g_try_renew(guint64 *, numbers->pages, count_slots(n_numbers) + 1);
    if (pages == NULL)
        return -ENOMEM;

    for (guint64 i = n_old; i < count_slots(n_numbers); i++)
        pages[i] = NULL;
    numbers->pages = pages;
    numbers->n_numbers = n_numbers;
    return 0;
}

void
qcow2_numbers_set(Qcow2Numbers *numbers, guint64 index, guint64 value)
{
    guint64 **page;

    g_assert(index < numbers->n_numbers);
    page = &numbers->pages[index / QCOW2_NUMBERS_PAGE];
    if (*page == NULL && value != 0) {
        *page = g_new0(guint64, QCOW2_NUMBERS_PAGE);
        g_atomic_pointer_add(&held_pages, 1);
    }
    if (*page != NULL)
        (*page)[index % QCOW2_NUMBERS_PAGE] = value;
}

guint64
qcow2_numbers_count_pages(const Qcow2Numbers *numbers)
{
    guint64 n_pages = 0;

    for (guint64 i = 0; i < count_slots(numbers->n_numbers); i++)
        n_pages += numbers->pages[i] != NULL;
    return n_pages;
}

guint64
qcow2_numbers_find(const Qcow2Numbers *numbers, guint64 index)
{
    while (index < numbers->n_numbers) {
        const guint64 *page = numbers->pages[index / QCOW2_NUMBERS_PAGE];

        if (page == NULL)
            index += QCOW2_NUMBERS_PAGE - index % QCOW2_NUMBERS_PAGE;
        else if (page[index % QCOW2_NUMBERS_PAGE] == 0)
            index++;
        else
            return index;
    }

    return numbers->n_numbers;
}
