/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Job object */

#include "daemon/exporter.h"
#include "driver/driver.h"

typedef struct JobObject JobObject;

JobObject *job_object_new(Exporter *exporter, Driver *driver, Domain *domain, const Job *job);
/* Tells of progress, at most every half second. */
void job_object_update(JobObject *object, const Job *job);
/* Tells of the end and goes. */
void job_object_end(JobObject *object, const Job *job);

/* The properties of a job as Manager.ListJobs has them; floating, an a{sv}. */
GVariant *job_object_describe(const Job *job);
