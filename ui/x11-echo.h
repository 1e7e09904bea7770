/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Tells when the X server has done what it was asked to, without waiting: a message to the own window. */

#include <gtk/gtk.h>

G_BEGIN_DECLS

typedef struct vm_x11_echo VmX11Echo;

/* Of a toplevel on X11. */
VmX11Echo *vm_x11_echo_new(GdkWindow *toplevel, void (*back)(gpointer data), gpointer data);
/* NULL is fine. */
void vm_x11_echo_free(VmX11Echo *self);
gboolean vm_x11_echo_is_of(const VmX11Echo *self, GdkWindow *toplevel);
/* back(data) is called once, later. */
void vm_x11_echo_send(VmX11Echo *self);

G_END_DECLS
