/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Kept documents */

#include "driver/store.h"

/*
 * The documents under the state folder, in libvirt's format:
 *
 *   domains/NAME.xml
 *   snapshots/DOMAIN/NAME.xml
 *
 * Names are escaped (daemon/files.h). A file that cannot be understood is reported, stays where it
 * is, and is never written over.
 */
typedef struct Catalog Catalog;

Catalog *catalog_new(const char *root);
void catalog_free(Catalog *catalog);

/* Adds what is there to @contents; snapshots without is_current. */
gboolean catalog_load(Catalog *catalog, StoreContents *contents, GError **error);

/* What @batch means for the files, of FileChange, owned; new documents are on disk already, under
 * temporary names. Nothing is left when it fails. */
GPtrArray *catalog_stage(Catalog *catalog, const StoreBatch *batch, GError **error);

/* @batch is kept now. */
void catalog_settle(Catalog *catalog, const StoreBatch *batch);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Catalog, catalog_free)
