/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Error domain */

#include "api/vblk-error.h"

#include <gio/gio.h>

#define NAME(word) "org.virtblock1.Error." word

static const GDBusErrorEntry entries[] = {
    {VBLK_ERROR_FAILED, NAME("Failed")},
    {VBLK_ERROR_INTERNAL, NAME("Internal")},
    {VBLK_ERROR_INVALID_ARGUMENT, NAME("InvalidArgument")},
    {VBLK_ERROR_OPERATION_INVALID, NAME("OperationInvalid")},
    {VBLK_ERROR_OPERATION_UNSUPPORTED, NAME("OperationUnsupported")},
    {VBLK_ERROR_CONFIG_UNSUPPORTED, NAME("ConfigUnsupported")},
    {VBLK_ERROR_NO_DOMAIN, NAME("NoDomain")},
    {VBLK_ERROR_NO_SNAPSHOT, NAME("NoSnapshot")},
    {VBLK_ERROR_DOMAIN_EXISTS, NAME("DomainExists")},
    {VBLK_ERROR_BLOCK_COPY_ACTIVE, NAME("BlockCopyActive")},
    {VBLK_ERROR_XML, NAME("XML")},
    {VBLK_ERROR_IMAGE_MISSING, NAME("ImageMissing")},
    {VBLK_ERROR_IMAGE_ACCESS, NAME("ImageAccess")},
    {VBLK_ERROR_IMAGE_INVALID, NAME("ImageInvalid")},
    {VBLK_ERROR_IMAGE_IN_USE, NAME("ImageInUse")},
    {VBLK_ERROR_NO_SPACE, NAME("NoSpace")},
    {VBLK_ERROR_TIMEOUT, NAME("Timeout")},
    {VBLK_ERROR_CANCELLED, NAME("Cancelled")},
    {VBLK_ERROR_ACCESS_DENIED, NAME("AccessDenied")},
    {VBLK_ERROR_NO_CONNECTION, NAME("NoConnection")},
    {VBLK_ERROR_LIMIT, NAME("Limit")},
};

G_STATIC_ASSERT(G_N_ELEMENTS(entries) == VBLK_N_ERRORS);

GQuark
vblk_error_quark(void)
{
    static gsize quark;

    g_dbus_error_register_error_domain("vblk-error-quark", &quark, entries, G_N_ELEMENTS(entries));

    return (GQuark)quark;
}
