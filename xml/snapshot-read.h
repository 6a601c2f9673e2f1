/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Snapshot reader */

#include <libxml/tree.h>

#include "xml/snapshot-xml.h"

SnapshotXml *snapshot_read(const xmlNode *root, GError **error);
