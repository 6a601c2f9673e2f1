/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Job object */

#include "driver/driver.h"
#include "virtblock-dbus.h"

#define JOB_OBJECT_TYPE (job_object_get_type())
G_DECLARE_FINAL_TYPE(JobObject, job_object, VB, JOB_OBJECT, VirtblockDBusBlockJobSkeleton)

/* While a job only goes on, its properties change at most once in this time. */
#define JOB_OBJECT_PROGRESS_INTERVAL_MS 500

JobObject *job_object_new(Driver *driver, Domain *domain, const Job *job);
void job_object_update(JobObject *object, const Job *job);
/* @job has ended: tells it. */
void job_object_end(JobObject *object, const Job *job);

/* What the object of @job shows, as a{sv}. */
GVariant *job_object_describe(const Job *job);
