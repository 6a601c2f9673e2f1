/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Turns */

#include "driver/turn.h"

#include "driver/domain-private.h"

typedef struct {
    TurnFunc function;
    gpointer user_data;
} Turn;

void
turn_enter(Domain *domain, TurnFunc function, gpointer user_data)
{
    Turn *turn = g_new(Turn, 1);

    *turn = (Turn){function, user_data};
    g_queue_push_tail(&domain->turns, turn);
    if (domain->turns.length == 1)
        function(user_data);
}

void
turn_leave(Domain *domain)
{
    g_autoptr(Domain) hold = domain_ref(domain);
    g_autofree Turn *last = g_queue_pop_head(&domain->turns);
    Turn *next = g_queue_peek_head(&domain->turns);

    g_assert(last != NULL);
    if (next != NULL)
        next->function(next->user_data);
}
