/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Commands */

#include "tools/command.h"

#include <stdio.h>

#include "tools/i18n.h"

void
context_say(Context *context, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list list;

    if (context->is_quiet)
        return;

    va_start(list, format);
    text = g_strdup_vprintf(format, list);
    va_end(list);
    fputs(text, stdout);
    fflush(stdout);
}

const char *
domain_state_text(VblkDomain *domain)
{
    switch (vblk_domain_get_state(domain)) {
    case VBLK_DOMAIN_RUNNING:
        return _("running");
    case VBLK_DOMAIN_PAUSED:
        return _("paused");
    case VBLK_DOMAIN_SHUT_OFF:
        return _("shut off");
    }

    return _("no state");
}

VblkDomain *
context_find_domain(Context *context, const Arguments *arguments, GError **error)
{
    const char *name = arguments_get(arguments, "domain");
    g_autoptr(GError) reason = NULL;
    VblkDomain *domain;

    domain = vblk_connection_lookup_domain_sync(context->connection, name, NULL, &reason);
    if (domain == NULL && g_error_matches(reason, VBLK_ERROR, VBLK_ERROR_NO_DOMAIN))
        g_set_error(error,
                    VBLK_ERROR,
                    VBLK_ERROR_NO_DOMAIN,
                    _("failed to get domain '%s': 'vblk list --all' shows all there are"),
                    name);
    else if (domain == NULL)
        g_propagate_error(error, g_steal_pointer(&reason));

    return domain;
}
