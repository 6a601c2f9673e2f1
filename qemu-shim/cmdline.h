/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Command line */

#include <glib.h>

typedef enum {
    MONITOR_QMP,
    MONITOR_HMP,
} MonitorMode;

/* Where a monitor is spoken to. */
typedef struct {
    char *id;        /* of a -chardev; NULL: none */
    char *unix_path; /* NULL: TCP or stdio */
    char *host;      /* TCP */
    guint16 port;
    gboolean is_stdio;
    gboolean is_server;
} Endpoint;

typedef struct {
    Endpoint *endpoint; /* borrowed */
    MonitorMode mode;
} Monitor;

/* What a -drive or -blockdev asks for: options of the node, and an id of a device or NULL. */
typedef struct {
    char *id;
    GVariant *options; /* a{sv} */
} Drive;

typedef struct {
    gboolean is_help;
    gboolean is_version;
    gboolean is_stopped; /* -S */
    gboolean is_daemon;
    char *name;
    char *pid_file;
    GPtrArray *endpoints; /* of Endpoint, owned */
    GPtrArray *monitors;  /* of Monitor, owned */
    GPtrArray *objects;   /* of GVariant, owned: a{sv} as object-add takes it */
    GPtrArray *drives;    /* of Drive, owned, in their order */
} CommandLine;

/* @words without the program's name. Anything that is not understood is an error that names it. */
CommandLine *command_line_parse(char **words, GError **error);
void command_line_free(CommandLine *line);

extern const char command_line_help[];

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CommandLine, command_line_free)
