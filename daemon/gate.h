/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Call gate */

#include <gio/gio.h>

/*
 * The one way in: every method call and every read of a property passes here before a handler sees
 * it. GDBus's own hook, g-authorize-method, is not told of properties and is called on a thread of
 * its own for each call, so that two calls of one client may change places.
 *
 * Classes of exported skeletons have this as their get_vtable.
 */
GDBusInterfaceVTable *gate_get_vtable(GDBusInterfaceSkeleton *skeleton);

/* For what is no skeleton: @open is called, in the order of the calls, with those that may pass.
 * Takes @invocation; @owner is held until then. */
typedef void (*GateOpen)(GObject *owner, GDBusMethodInvocation *invocation);
void gate_pass(GObject *owner, GDBusMethodInvocation *invocation, GateOpen open);

/* Answers with @error; what is not of VBLK_ERROR is told as a fault of ours. */
void gate_refuse(GDBusMethodInvocation *invocation, const GError *error);

/* Calls that have passed or wait, and are not answered; and when the last one came. */
guint gate_count_calls(void);
gint64 gate_get_last_call_us(void);
