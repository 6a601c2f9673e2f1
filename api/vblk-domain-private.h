/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Making domains */

#include "api/vblk-domain.h"
#include "api/vblk-link.h"

/* A VblkBuild. */
GObject *vblk_domain_build(VblkLink *link, const char *path, GVariant *properties);

VblkLink *vblk_domain_get_link(VblkDomain *domain);
const char *vblk_domain_get_path(VblkDomain *domain);
