/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QMP errors */

#include "qmp/qmp-error.h"

G_DEFINE_QUARK(qmp_error, qmp_error)

static const char *const classes[] = {
    "GenericError",
    "CommandNotFound",
    "DeviceNotActive",
    "DeviceNotFound",
    "KVMMissingCap",
};

const char *
qmp_error_class(QmpError code)
{
    return classes[code];
}

QmpError
qmp_error_from_class(const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(classes); i++) {
        if (g_strcmp0(classes[i], name) == 0)
            return (QmpError)i;
    }

    return QMP_ERROR_GENERIC_ERROR;
}
