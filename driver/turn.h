/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Turns */

#include "driver/domain.h"

/*
 * What the store has of a domain is written anew from the model, and the model follows when it is
 * durable. Two who did that at once would each write a document without the other's change. So each
 * waits for its turn: it reads the model, commits, changes the model, and only then leaves.
 */
typedef void (*TurnFunc)(gpointer user_data);

/* Calls @function when nobody else has the turn, perhaps at once. @user_data holds @domain. */
void turn_enter(Domain *domain, TurnFunc function, gpointer user_data);
/* The next one's function is called before this returns. */
void turn_leave(Domain *domain);
