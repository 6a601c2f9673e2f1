/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Image tools */

#include <glib.h>

#include "qemu-shim/block/graph.h"
#include "qemu-shim/block/qcow2/create.h"

/* qemu-shim create|info|check|compare|convert|map|bench ...: returns the exit status. */
int tool_main(int argc, char **argv);

/* Each command, in a file of its own; argv[0] is its name. */
int tool_create(int argc, char **argv);
int tool_info(int argc, char **argv);
int tool_check(int argc, char **argv);
int tool_compare(int argc, char **argv);
int tool_map(int argc, char **argv);
int tool_convert(int argc, char **argv);
int tool_bench(int argc, char **argv);

/* An image for looking at: by @format, or by the file's ending where that is NULL; never by its
 * content. @is_alone: without its backing chain. Says what is wrong on standard error. */
BlockNode *tool_open(BlockGraph *graph, const char *path, const char *format, gboolean is_alone);
/* Without its chain, for a repair or to look. */
BlockNode *
tool_open_alone(BlockGraph *graph, const char *path, const char *format, gboolean is_writable);
/* For writing, with its chain. */
BlockNode *tool_open_writable(BlockGraph *graph, const char *path, const char *format);
/* What -o says; NULL: nothing. */
gboolean tool_parse_create_options(const char *text, Qcow2CreateOptions *options);
/* A new image; returns the exit status. */
int tool_write_image(const char *path, const char *format, const Qcow2CreateOptions *options);
/* "1G", "512", "10k": bytes. */
gboolean tool_parse_size(const char *text, guint64 *ret);
void tool_say_error(const GError *error);
/* "64 MiB" as qemu-img prints sizes. */
char *tool_format_size(guint64 bytes);
