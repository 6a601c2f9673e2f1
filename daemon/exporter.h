/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Object exporter */

#include <gio/gio.h>

/*
 * Which skeleton stands at which path, on every connection alike: those of private clients and that
 * of a message bus. One interface stands at each path. It serves org.freedesktop.DBus.ObjectManager
 * at the root itself, as GDBusObjectManagerServer knows one connection only.
 */
#define EXPORTER_TYPE (exporter_get_type())
G_DECLARE_FINAL_TYPE(Exporter, exporter, VB, EXPORTER, GObject)

Exporter *exporter_new(void);

/* Once it is back, all objects are there. */
gboolean exporter_add_connection(Exporter *exporter, GDBusConnection *connection, GError **error);
void exporter_remove_connection(Exporter *exporter, GDBusConnection *connection);

/* Takes @skeleton. Nothing may stand at @path. */
void exporter_add(Exporter *exporter, const char *path, GDBusInterfaceSkeleton *skeleton);
void exporter_remove(Exporter *exporter, const char *path);
/* NULL: nothing stands there; borrowed. */
GDBusInterfaceSkeleton *exporter_find(Exporter *exporter, const char *path);
/* Paths of what stands below @path, in order. */
GStrv exporter_list_below(Exporter *exporter, const char *path);
