/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Domain head */

#include <glib.h>
#include <libxml/tree.h>

/* What is modelled of a domain besides its disks. */
typedef struct {
    char *name;
    char *uuid; /* normalised; NULL without */
    guint64 memory_kib;
    guint vcpus;
    char *os_type;
} DomainHead;

/* Fills @head, which is all zero; to be cleared on an error too. Normalises the UUID in the tree.
 */
gboolean domain_head_read(const xmlNode *domain, DomainHead *head, GError **error);
void domain_head_clear(DomainHead *head);

/* 32 hex digits with or without the four dashes; NULL where @text is anything else. */
char *domain_normalise_uuid(const char *text);
