/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Driver inside */

#include "driver/domain-private.h"
#include "driver/driver.h"

/* For the driver's own files: each is a part of what Driver does. */
struct _Driver {
    GObject parent;

    Store *store;
    char *runtime_dir;
    char *shim_path;
    GHashTable *domains; /* UUID -> Domain, a reference */
    GPtrArray *runs;     /* of Run, borrowed: jobs that are live here */
    GPtrArray *coming;   /* of Domain, borrowed: definitions that are not stored yet */
    guint n_calls;       /* that are under way */
    guint64 last_job_number;
};

/* Signals, by the names of driver.h. */
void driver_tell_domain(Driver *driver, const char *signal, Domain *domain);
void driver_tell_job(Driver *driver, const char *signal, Domain *domain, Job *job);
void driver_tell_snapshot(Driver *driver, const char *signal, Domain *domain, Snapshot *snapshot);
void driver_tell_events(Driver *driver, GPtrArray *events);

/* While a call is under way the daemon does not go. */
void driver_begin_call(Driver *driver);
void driver_end_call(Driver *driver);

/* A path for a monitor's socket that no other has. */
char *driver_next_socket(Driver *driver, const char *name);
