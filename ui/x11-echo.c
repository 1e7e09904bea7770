/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/x11-echo.h"

#include <gdk/gdkx.h>

struct vm_x11_echo {
    GdkWindow *toplevel;
    Atom type;
    gint32 number; /* of the next one */
    void (*back)(gpointer data);
    gpointer data;
};

/* Messages have 32 bits with a sign. */
static long
name_of(const VmX11Echo *self)
{
    return (gint32)(guint32)GPOINTER_TO_SIZE(self);
}

static GdkFilterReturn
on_event(GdkXEvent *event, GdkEvent *unused, gpointer data)
{
    const XClientMessageEvent *message = &((const XEvent *)event)->xclient;
    VmX11Echo *self = data;

    (void)unused;
    if (message->type != ClientMessage || message->message_type != self->type ||
        message->data.l[0] != name_of(self) || message->data.l[1] != self->number) {
        return GDK_FILTER_CONTINUE;
    }
    self->number++;
    self->back(self->data);
    return GDK_FILTER_REMOVE;
}

void
vm_x11_echo_send(VmX11Echo *self)
{
    Display *display = gdk_x11_display_get_xdisplay(gdk_window_get_display(self->toplevel));
    XEvent event = {.xclient = {.type = ClientMessage,
                                .window = gdk_x11_window_get_xid(self->toplevel),
                                .message_type = self->type,
                                .format = 32}};

    event.xclient.data.l[0] = name_of(self);
    event.xclient.data.l[1] = self->number;
    XSendEvent(display, event.xclient.window, False, NoEventMask, &event);
}

gboolean
vm_x11_echo_is_of(const VmX11Echo *self, GdkWindow *toplevel)
{
    return self->toplevel == toplevel;
}

VmX11Echo *
vm_x11_echo_new(GdkWindow *toplevel, void (*back)(gpointer data), gpointer data)
{
    GdkDisplay *display = gdk_window_get_display(toplevel);
    VmX11Echo *self = g_new0(VmX11Echo, 1);

    self->toplevel = g_object_ref(toplevel);
    self->type = gdk_x11_get_xatom_by_name_for_display(display, "_VITRINE_DRAWN");
    self->back = back;
    self->data = data;
    gdk_window_add_filter(toplevel, on_event, self);
    return self;
}

void
vm_x11_echo_free(VmX11Echo *self)
{
    if (self) {
        gdk_window_remove_filter(self->toplevel, on_event, self);
        g_object_unref(self->toplevel);
        g_free(self);
    }
}
