/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Image chain */

#include "driver/chain.h"
