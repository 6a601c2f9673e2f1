/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making jobs */

#include "api/vblk-block-job.h"
#include "api/vblk-link.h"

/* A VblkBuild. */
GObject *vblk_block_job_build(VblkLink *link, const char *path, GVariant *properties);

/* From a member of the answer of Manager.ListJobs. */
VblkBlockJob *vblk_block_job_build_listed(VblkLink *link, GVariant *properties);

/*
 * The answer to @task is the job that @method of the domain at @domain_path starts. A job that has
 * ended, and gone, before we could look at it is found among those that have ended.
 */
void vblk_block_job_start(VblkLink *link,
                          const char *domain_path,
                          const char *method,
                          GVariant *parameters,
                          GTask *task);

/* @id as the last element of an object's path. */
char *vblk_block_job_escape_id(const char *id);
