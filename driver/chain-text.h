/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Stored chains */

#include "driver/chain.h"

/* A chain as text for the store, and back; NULL with an error where the text is none. */
char *chain_to_text(const Chain *chain);
Chain *chain_from_text(const char *text, GError **error);
