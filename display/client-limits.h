/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Counts what a client has in flight, in the thread that reads and writes its link: GDBus itself
 * queues without limit in both directions.
 */

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct {
    /* Both run in the main context. */
    void (*exceeded)(gpointer owner); /* once: too many calls; later ones are dropped */
    void (*drained)(gpointer owner);  /* every counted signal has left */
    GWeakRef owner;
    guint calls_max;
    gint calls;   /* received and not answered */
    gint signals; /* counted by vm_client_limits_add_signals() and not yet written */
    gint tripped;
} VmClientLimits;

/* Lives as long as the connection. */
VmClientLimits *vm_client_limits_new(GDBusConnection *connection, GObject *owner, guint calls_max);
void vm_client_limits_add_signals(VmClientLimits *limits, guint count);
gboolean vm_client_limits_is_drained(VmClientLimits *limits);
VmClientLimits *vm_client_limits_ref(VmClientLimits *limits);
void vm_client_limits_unref(VmClientLimits *limits);

G_END_DECLS
