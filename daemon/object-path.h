/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Object paths */

#include <glib.h>

#define OBJECT_PATH_ROOT "/org/virtblock1"
#define OBJECT_PATH_NONE "/"

/* As the contract lays them out; bytes outside [A-Za-z0-9] as _xx, a UUID's dashes as _. */
char *object_path_of_domain(const char *uuid);
char *object_path_of_disk(const char *uuid, const char *target);
char *object_path_of_snapshot(const char *uuid, const char *name);
char *object_path_of_job(const char *id);
