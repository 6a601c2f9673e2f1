/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Object exporter */

#include <gio/gio.h>

/*
 * Which object stands on which connection: each on all of them. GDBus has an object manager that
 * serves one connection; ours serves every private client and the message bus, and implements
 * org.freedesktop.DBus.ObjectManager at the root itself.
 */
typedef struct Exporter Exporter;

Exporter *exporter_new(void);
void exporter_free(Exporter *exporter);

/* A connection sees all objects there are, at once. */
void exporter_add_connection(Exporter *exporter, GDBusConnection *connection);
void exporter_remove_connection(Exporter *exporter, GDBusConnection *connection);

/* One interface for each path. */
void exporter_add(Exporter *exporter, const char *path, GDBusInterfaceSkeleton *skeleton);
void exporter_remove(Exporter *exporter, const char *path);
