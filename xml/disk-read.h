/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Disk reader */

#include <libxml/tree.h>

#include "xml/disk-xml.h"

/* What we model of a disk element; refuses a disk that could not be told apart or read. */
DiskXml *disk_read(const xmlNode *disk, GError **error);
