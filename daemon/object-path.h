/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Object paths */

#include <glib.h>

#define ROOT_PATH "/org/virtblock1"

/* To be freed; the contract tells how names are escaped. */
char *object_path_domain(const char *uuid);
char *object_path_disk(const char *uuid, const char *target);
char *object_path_snapshot(const char *uuid, const char *name);
char *object_path_job(const char *id);
