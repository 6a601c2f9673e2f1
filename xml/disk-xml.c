/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Disk elements */

#include "xml/disk-xml.h"
