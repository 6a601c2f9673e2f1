/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Process state */

#include <gio/gio.h>

#include "qemu-shim/block/device.h"
#include "qemu-shim/job/job.h"

/* What the commands work on: the graph, the devices, the jobs and who listens. Main thread only. */
typedef struct {
    BlockGraph *graph;
    BlockDevices *devices;
    JobList *jobs;
    GHashTable *objects; /* of char *: what object-add made, for monitor/object.h */
    GPtrArray *servers;  /* of QmpServer, owned: the QMP monitors that are connected */
    GPtrArray *sockets;  /* of char *, owned: socket files that go when we go */
    GMainLoop *loop;
    char *name;            /* -name; NULL: none */
    gboolean is_running;   /* as if there were a guest: stop and cont */
    gboolean is_prelaunch; /* began stopped and has not run yet */
    gboolean is_quitting;
} Shim;

/* The version of QEMU whose behaviour this is. */
#define SHIM_QEMU_VERSION 7002000
#define SHIM_PACKAGE      "virtblock qemu-shim " VIRTBLOCK_VERSION

Shim *shim_new(GMainLoop *loop);
void shim_free(Shim *shim);

/* "running", "paused" or "prelaunch". */
const char *shim_get_run_state(const Shim *shim);
/* To every QMP monitor. */
void shim_send_event(Shim *shim, const char *name, GVariant *data);
/* Cancels what runs and ends the main loop when all of it has ended. */
void shim_quit(Shim *shim, const char *reason);
