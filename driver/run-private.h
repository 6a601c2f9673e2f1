/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Run inside */

#include "driver/run.h"

/* For run.c, which carries plans out, and run-calls.c, which talks to runs. */
struct Run {
    gatomicrefcount references;
    Driver *driver; /* borrowed, outlives us */
    Domain *domain; /* owned */
    Disk *disk;     /* borrowed from the domain */
    Job *job;       /* borrowed from the disk */
    Plan *plan;
    Chain *chain;
    Peer *peer; /* NULL once it has gone */
    gulong event, closed;
    guint step;          /* of the plan, that is under way */
    gboolean is_waiting; /* the step's command was answered; the job's status ends it */
    gboolean is_querying;
    gboolean is_cancelled; /* by us */
    gboolean is_finalized; /* the command that makes the job count may have left */
    gboolean is_resumed;   /* after a restart, and nothing was seen of it yet */
    gboolean is_ending;    /* the outcome is known */
    guint poll;            /* source; 0: none */
    GTask *starting;       /* the call that started us; NULL once answered */
    GPtrArray *aborts;     /* of GTask, owned: calls that wait for the end */
};

Run *run_ref(Run *run);
void run_unref(Run *run);
/* Asks the peer for the job, unless it was just asked. */
void run_ask(Run *run);
/* What query-jobs said. */
void run_take_jobs(Run *run, GVariant *jobs);
void run_tell_changed(Run *run);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_unref)
