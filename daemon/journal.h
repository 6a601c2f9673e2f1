/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Journal */

#include "driver/store.h"

/*
 * Jobs, events and monitors in one SQLite database, and what is still to be done to files. Used by
 * one thread. Limits: the newest JOURNAL_MAX_EVENTS events and JOURNAL_MAX_ENDED_JOBS ended jobs
 * are kept; an event's number is one more than that of the event before it, for ever.
 */
#define JOURNAL_MAX_EVENTS     100000
#define JOURNAL_MAX_ENDED_JOBS 10000

typedef struct Journal Journal;

Journal *journal_open(const char *path, GError **error);
void journal_free(Journal *journal);

/*
 * All of @batch and the intent to carry out @file_changes (of FileChange), or nothing. Earlier
 * intents are forgotten. Gives the batch's events their numbers.
 */
gboolean journal_commit(Journal *journal,
                        const StoreBatch *batch,
                        const GPtrArray *file_changes,
                        GError **error);
/* The intents of the last commit, of FileChange, owned, in order. */
GPtrArray *journal_get_file_changes(Journal *journal, GError **error);

/* Adds monitors and live jobs, and tells which of the snapshots is current. */
gboolean journal_load(Journal *journal, StoreContents *contents, GError **error);

guint64 journal_get_last_sequence(Journal *journal);
/* Of Event and of Job, owned; events in order, jobs newest first. */
GPtrArray *journal_list_events(Journal *journal, guint64 after, guint limit, GError **error);
GPtrArray *journal_list_ended_jobs(Journal *journal, guint limit, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Journal, journal_free)
