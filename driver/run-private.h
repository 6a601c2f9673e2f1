/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Run inside */

#include "driver/run.h"

/* For run.c, which gives the commands, run-end.c, which makes an outcome count, and run-calls.c,
 * which talks to runs. */
struct Run {
    gatomicrefcount references;
    Driver *driver; /* borrowed; NULL once the job was left to its peer */
    Domain *domain; /* owned */
    Disk *disk;     /* borrowed from the domain; NULL once the job has ended */
    Job *job;       /* borrowed from the disk; NULL once it has ended */
    Plan *plan;
    Chain *chain;
    Peer *peer; /* NULL once it has gone */
    gulong event, closed;
    guint n_reattached;          /* how often it was lost and found again */
    guint step;                  /* of the plan, that is under way */
    gboolean is_waiting;         /* the step's command was answered; the job's status ends it */
    gboolean is_held;            /* the step's command waits for how a cancel turns out */
    gboolean is_querying;        /* a query is under way */
    gboolean is_outdated;        /* and it may be older than an event */
    gboolean is_cancelled;       /* by us */
    gboolean is_cancel_accepted; /* by the peer */
    gboolean is_met_again;       /* what was sent before is not known */
    gboolean is_finalized;       /* the command that makes the job count may have left */
    gboolean is_resumed;         /* met again, and nothing was seen of it yet */
    gboolean is_ending;          /* the outcome is known */
    const Step *failed;          /* the step that is undone, borrowed from the plan; NULL: none */
    char *failure;               /* why */
    guint poll;                  /* source; 0: none */
    GTask *starting;             /* the call that started us; NULL once answered */
    GPtrArray *aborts;           /* of GTask, owned: calls that wait for the end */
    GPtrArray *events;           /* of Event, owned: stored, to be told; NULL before */
};

Run *run_ref(Run *run);
void run_unref(Run *run);
const Step *run_get_step(const Run *run);
void run_tell_changed(Run *run);

/* Gives the command of the step that is under way. */
void run_begin_step(Run *run);
/* Asks the peer for the job, unless it was just asked. */
void run_ask(Run *run);
/* What query-jobs said. */
void run_take_jobs(Run *run, GVariant *jobs);
/* Hears no more of the peer. */
void run_forget_signals(Run *run);
/* The same, and closes our end of its monitor. */
void run_drop_peer(Run *run);

/* The outcome is known: it is stored, then told, then the peer may forget the job. */
void run_finish(Run *run, JobState outcome, const char *message);
/* The peer does not tell how the job ended; the image does. @reason is for people. */
void run_judge_image(Run *run, const char *reason);
/* Nothing is left to do: the peer may go, and we too. */
void run_wind_down(Run *run);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Run, run_unref)
