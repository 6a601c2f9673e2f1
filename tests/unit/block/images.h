/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Test images */

#include "qemu-shim/block/graph.h"

/* A temporary folder for each test, as its set-up and tear-down. */
int images_set_up(void **state);
int images_tear_down(void **state);

char *images_path(const char *name);
/* An empty qcow2 image of 64 KiB in the folder, with the header's backing name and format. */
void images_create(const char *name, const char *backing_name, const char *backing_format);
/* The same without a recorded format, which our own creation refuses. */
void images_create_without_format(const char *name, const char *backing_name);
/* Exchanges bytes of a header, of which there must be some, for as many others. */
void images_patch(const char *name, const void *from, const void *to, gsize length);
/* A file with @content. */
void images_write(const char *name, const char *content);
char *images_checksum(const char *name);

/* {driver: qcow2, node-name: @node_name, file: {driver: file, filename: @name in the folder}} */
GVariant *images_options(const char *node_name, const char *name);
GVariant *images_parse(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* Checks code and a part of the message, and clears. */
#define images_assert_error(error, code, text) images_check_error(&(error), (int)(code), (text))
void images_check_error(GError **error, int code, const char *text);
