/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Sweeping */

#include "driver/driver-private.h"

/*
 * Monitors that a daemon left which was killed, and that the store has no job for: what serves them
 * was looking at images, or its job is recorded. Those whose jobs have all ended are told to quit;
 * a job that runs and is not known is none of ours, and is left alone. Borrows @contents until it
 * returns; goes on behind the caller's back.
 */
void sweep(Driver *driver, const StoreContents *contents);
