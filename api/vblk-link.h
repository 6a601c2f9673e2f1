/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Daemon link */

#include <gio/gio.h>

/*
 * The D-Bus connection under a VblkConnection, shared by the objects that came from it. Signals are
 * subscribed in the main context of the thread that opened the connection, also when the call
 * that leads to it runs on the private context of a synchronous call.
 */
#define VBLK_TYPE_LINK (vblk_link_get_type())
G_DECLARE_FINAL_TYPE(VblkLink, vblk_link, VBLK, LINK, GObject)

#define VBLK_ROOT_PATH "/org/virtblock1"

/* Emits "closed" (GError *, nullable) once. @context: where signals go. */
void vblk_link_new_async(GIOStream *stream,
                         GMainContext *context,
                         GCancellable *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer user_data);
VblkLink *vblk_link_new_finish(GAsyncResult *result, GError **error);

gboolean vblk_link_is_closed(VblkLink *link);

/* Signal @member of @interface at @path; @path NULL: at any. The link must outlive the handler. */
guint vblk_link_subscribe(VblkLink *link,
                          const char *interface,
                          const char *member,
                          const char *path,
                          GDBusSignalCallback callback,
                          gpointer user_data);
void vblk_link_unsubscribe(VblkLink *link, guint id);

/* What calls are made of: the answer to @task is the reply of @method, a GVariant. */
void vblk_link_call(VblkLink *link,
                    const char *path,
                    const char *interface,
                    const char *method,
                    GVariant *parameters,
                    GTask *task);

/* An object from the properties of its @interface; the result is a reference. */
typedef GObject *(*VblkBuild)(VblkLink *link, const char *path, GVariant *properties);

/* The answer to @task is the object whose path @method returns, NULL for "/". */
void vblk_link_call_for_object(VblkLink *link,
                               const char *path,
                               const char *interface,
                               const char *method,
                               GVariant *parameters,
                               const char *result_interface,
                               VblkBuild build,
                               GTask *task);

/* The answer to @task is a GPtrArray of all objects under @prefix that have @interface, by path. */
void vblk_link_list_objects(VblkLink *link,
                            const char *prefix,
                            const char *interface,
                            VblkBuild build,
                            GTask *task);
