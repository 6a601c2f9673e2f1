/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Plans */

#include "driver/chain.h"
#include "driver/job.h"

/*
 * What is to be done, as a list of QMP commands with what ends each and what undoes it. A plan is
 * made by pure functions from the request, the chain and what the peer can do; it is the very
 * list that the executor runs and --dry-run prints.
 *
 * A job never finishes by itself: QEMU drops the backing file before the L2 tables are on disk. So
 * a pull is
 *
 *   block-stream (auto-finalize and auto-dismiss off)   until pending
 *   blockdev-reopen with unchanged options              flushes; its error cancels the job
 *   job-finalize                                        until concluded
 *   STEP_RECORD                                         outcome, chain and XML stored
 *   job-dismiss
 *   blockdev-del of the layers that were dropped
 */
typedef enum {
    STEP_COMMAND, /* one QMP command; it ends with its answer */
    STEP_JOB,     /* one QMP command; it ends when the job reaches a status of `until` */
    STEP_RECORD,  /* nothing is sent: the outcome is made durable */
} StepKind;

typedef struct {
    StepKind kind;
    char *command;       /* NULL for STEP_RECORD */
    GVariant *arguments; /* a{sv}, owned */
    guint until;         /* STEP_JOB: bits 1 << JobStatus */
    char *undo_command;  /* given when this step fails; NULL: none */
    GVariant *undo_arguments;
    gboolean may_fail; /* a failure is logged and the plan goes on */
} Step;

typedef struct {
    JobType type;
    char *job_id;
    guint top;  /* position of the layer that takes the data */
    guint base; /* position of the layer that stays below; G_MAXUINT: none */
    gboolean keeps_relative;
    GPtrArray *steps; /* of Step, owned */
    Chain *result;    /* the chain when all steps are done */
} Plan;

/* What the peer said it can do; asked, never guessed from its name. */
typedef struct {
    gboolean has_block_stream;
    gboolean has_auto_finalize;
    gboolean has_reopen;
    /* QEMU (7.2 at least) lets the base's data through past the end of a shorter layer that a
     * stream drops: what read as zeros reads otherwise after it. */
    gboolean can_drop_short_layers;
} PeerCapabilities;

typedef struct {
    const char *job_id;
    const char *target;
    guint base; /* position in the chain; G_MAXUINT: pull all */
    gboolean keeps_relative;
    guint64 bandwidth_bps;
} PullRequest;

/* NULL with a refusal that names the disk and what to do. */
Plan *plan_pull(const PullRequest *request,
                const Chain *chain,
                const PeerCapabilities *capabilities,
                GError **error);
void plan_free(Plan *plan);

/* One line for each step, for --dry-run and debug logs:
 * "block-stream job-id=pull-vda-1 device=virtblock-1-format ... until pending". */
char *plan_describe(const Plan *plan);

/* Names of the nodes of layer @index: "virtblock-3-format", "virtblock-3-storage". */
char *plan_format_node(guint index);
char *plan_storage_node(guint index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Plan, plan_free)
