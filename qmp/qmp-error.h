/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* QMP errors */

#include <glib.h>

/*
 * The errors of the wire: an error reply becomes a GError of this domain with its class as code
 * and its description as message, and the other way round.
 */
#define QMP_ERROR (qmp_error_quark())

typedef enum {
    QMP_ERROR_GENERIC_ERROR,
    QMP_ERROR_COMMAND_NOT_FOUND,
    QMP_ERROR_DEVICE_NOT_ACTIVE,
    QMP_ERROR_DEVICE_NOT_FOUND,
    QMP_ERROR_KVM_MISSING_CAP,
} QmpError;

GQuark qmp_error_quark(void);

/* "GenericError" and so on; an unknown class is a generic error. */
const char *qmp_error_class(QmpError code);
QmpError qmp_error_from_class(const char *name);
