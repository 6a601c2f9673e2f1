/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Commands */

#include "api/virtblock.h"
#include "tools/option.h"

/* What a command works with. */
typedef struct {
    VblkConnection *connection;
    gboolean is_quiet; /* leaves out what is said for people only */
} Context;

/*
 * Carries a command out. FALSE with an error, which the caller prints, or without one where the
 * command has said what there is to say.
 */
typedef gboolean (*CommandRun)(Context *context, const Arguments *arguments, GError **error);

typedef struct {
    const char *name;
    const char *summary; /* untranslated */
    const Option *options;
    CommandRun run;
} Command;

/* Tables that end with a command without a name; one for each file of commands. */
extern const Command domain_commands[];
extern const Command list_commands[];
extern const Command chain_commands[];
extern const Command snapshot_commands[];
extern const Command snapshot_list_commands[];
extern const Command pull_commands[];
extern const Command job_commands[];
extern const Command event_commands[];

/* For people, to standard output; left out with --quiet. */
void context_say(Context *context, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The domain that the option "domain" names, with virsh's words where there is none. */
VblkDomain *context_find_domain(Context *context, const Arguments *arguments, GError **error);

/* "shut off", in virsh's words. */
const char *domain_state_text(VblkDomain *domain);

/* The option that each command on a domain begins with. */
#define OPTION_DOMAIN                                            \
    {                                                            \
        "domain", OPTION_STRING, TRUE, N_("domain name or uuid") \
    }
#define OPTION_END                     \
    {                                  \
        NULL, OPTION_FLAG, FALSE, NULL \
    }
