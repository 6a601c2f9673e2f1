/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Service */

#include "daemon/paths.h"

typedef struct {
    const Paths *paths;
    gboolean is_session;
    guint idle_timeout_s; /* 0: never goes by itself */
} ServiceConfig;

/*
 * All of the daemon, from the lock on its state to its end: serves until a signal asks it to stop,
 * or until nobody needed it for the idle timeout. Jobs run on without it.
 */
gboolean service_run(const ServiceConfig *config, GError **error);
