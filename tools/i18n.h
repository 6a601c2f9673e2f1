/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Translation */

#include <libintl.h>

#define _(text)               gettext(text)
#define N_(text)              text
#define P_(one, many, number) ngettext(one, many, number)
