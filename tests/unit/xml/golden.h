/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Golden files */

#include <glib.h>

/* Full paths of the data files that end in @suffix, sorted. */
GStrv golden_list(const char *suffix);

/* The content of the data file @path; the test fails where it cannot be read. */
char *golden_read(const char *path);
/* @path with @suffix exchanged for @other. */
char *golden_sibling(const char *path, const char *suffix, const char *other);

/* Compares @actual with the file, or writes the file where VBLK_TEST_REGENERATE is set. */
void golden_compare(const char *path, const char *actual);
