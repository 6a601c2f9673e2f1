/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sparse numbers */

#include "qemu-shim/io/file.h"

#define QCOW2_NUMBERS_PAGE 512u

/* Bytes that all tables of a process may hold when one more is loaded. */
#define QCOW2_NUMBERS_LIMIT (96u * 1024 * 1024)

/* A table of numbers in the host's order, of which only pages that are not all zeros are held. */
typedef struct {
    guint64 n_numbers;
    guint64 **pages; /* owned, each of QCOW2_NUMBERS_PAGE numbers; NULL: all are 0 */
} Qcow2Numbers;

void qcow2_numbers_free(Qcow2Numbers *numbers);
/* The @n_numbers at @offset; -errno, of which -EDQUOT: QCOW2_NUMBERS_LIMIT. */
int qcow2_numbers_load(IoFile *io, guint64 offset, guint64 n_numbers, Qcow2Numbers **ret_numbers);

guint64 qcow2_numbers_get(const Qcow2Numbers *numbers, guint64 index);
/* More of them, which are 0; -ENOMEM. */
int qcow2_numbers_extend(Qcow2Numbers *numbers, guint64 n_numbers);
void qcow2_numbers_set(Qcow2Numbers *numbers, guint64 index, guint64 value);
guint64 qcow2_numbers_count_pages(const Qcow2Numbers *numbers);
/* The first index from @index on with another number than 0; n_numbers: there is none. */
guint64 qcow2_numbers_find(const Qcow2Numbers *numbers, guint64 index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Qcow2Numbers, qcow2_numbers_free)
