/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Direct I/O */

#include <glib.h>

/*
 * Large aligned requests go to the disk directly: what a job copies once is not worth the copy into
 * the page cache, nor what it would push out of there. What is in the cache already is read from
 * there. All else takes the ordinary way; the kernel keeps the two ways in step on one file.
 *
 * Each call does what it can and says how much; the caller does the rest in the ordinary way, which
 * also finds out what is wrong where something is.
 */

/* The same file once more, for direct I/O; -1 where its file system has none. */
int direct_open(int fd, gboolean is_writable);
/* Bytes from the beginning of the request that are done. @direct_fd may be -1. */
gsize direct_read(int direct_fd, int fd, guint64 offset, void *buffer, gsize length);
gsize direct_write(int direct_fd, guint64 offset, const void *buffer, gsize length);
