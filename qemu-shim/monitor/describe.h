/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Descriptions */

#include "qemu-shim/block/device.h"
#include "qemu-shim/job/job.h"

/* What the query commands return of one thing each: floating, an a{sv}. */
GVariant *describe_job(Job *job);       /* query-jobs */
GVariant *describe_block_job(Job *job); /* query-block-jobs */
/* BLOCK_JOB_COMPLETED, _CANCELLED */
GVariant *describe_job_event(Job *job, gboolean is_cancelled);
GVariant *describe_image(BlockNode *node, gboolean with_backing);
GVariant *describe_node(BlockNode *node, gboolean with_backing); /* query-named-block-nodes */
GVariant *describe_device(BlockDevice *device);                  /* query-block */
