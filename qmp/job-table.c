/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Job life cycle */

#include "qmp/job-table.h"
