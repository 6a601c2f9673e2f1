/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Header extensions */

#include "qemu-shim/block/qcow2/header.h"

/* @end: of the room for them: where the backing name begins, or the cluster ends. */
gboolean qcow2_extensions_parse(Qcow2Header *header,
                                const guint8 *bytes,
                                guint64 end,
                                const char *path,
                                GError **error);
/* All of them, with the backing format and the end mark. */
void qcow2_extensions_append(const Qcow2Header *header, GByteArray *bytes);

/* What the image calls the incompatible feature of @bit; NULL: it does not say. */
char *qcow2_extensions_name_feature(const Qcow2Header *header, guint bit);
