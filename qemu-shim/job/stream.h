/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stream job */

#include "qemu-shim/block/graph.h"
#include "qemu-shim/job/job.h"

typedef struct {
    BlockNode *top;
    BlockNode *base;          /* NULL: to the bottom */
    const char *backing_name; /* to be recorded; NULL: the base's own name */
} StreamOptions;

/* Copies what lies between top and base up into top, which then stands on base alone. */
Job *stream_start(JobList *list,
                  BlockGraph *graph,
                  const JobOptions *job_options,
                  const StreamOptions *options,
                  GError **error);
