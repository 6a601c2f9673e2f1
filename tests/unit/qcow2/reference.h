/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reference tools */

#include "qemu-shim/io/file.h"

/* qemu-img and qemu-io in a temporary folder, for tests that ask what QEMU says. */

/* Set-up and tear-down of a test; tests skip themselves where the tools are missing. */
int reference_set_up(void **state);
int reference_tear_down(void **state);
gboolean reference_is_there(void);

char *reference_path(const char *name);
/* Runs words in the folder, NULL at the end; returns the exit status and all that was printed. */
int reference_run(char **ret_output, const char *word, ...) G_GNUC_NULL_TERMINATED;
/* The same; fails the test unless the status is 0. */
#define reference_do(...) reference_check_status(reference_run(NULL, __VA_ARGS__))
void reference_check_status(int status);

/* A file of the folder in memory, and back. */
IoFile *reference_load(const char *name);
void reference_save(const char *name, IoFile *io);
