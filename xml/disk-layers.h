/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Layer writer */

#include <libxml/tree.h>

#include "xml/disk-xml.h"

/* Makes the disk element @node, of which @disk was read, name @layers; half done on an error. */
gboolean disk_write_layers(xmlNode *node,
                           const DiskXml *disk,
                           GPtrArray *layers,
                           gboolean is_complete,
                           GError **error);
