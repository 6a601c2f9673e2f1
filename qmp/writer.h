/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* JSON writer */

#include <glib.h>

/* Text of a QEMU is ASCII, and so is ours where it takes QEMU's place. */
typedef enum {
    QMP_STYLE_SHORT,  /* one line without spaces, letters as they are: for people */
    QMP_STYLE_WIRE,   /* one line, each value as a monitor of QEMU 7.2 writes it */
    QMP_STYLE_PRETTY, /* a line for each member, as qemu-img writes it */
} QmpStyle;

/*
 * Appends @value, of the types that qmp/value.h tells, to @text. json-glib's own generator is not
 * used because 1.6 writes 1e22 as "1e+22.0", which no parser takes.
 */
void qmp_writer_append(GString *text, GVariant *value, QmpStyle style);
