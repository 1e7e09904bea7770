/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-size.h"

enum {
    DELAY_MS = 150,
    SMALLEST = 64,
};

struct vm_display_size {
    GtkWidget *view;
    VmDisplaySizeFunc find;
    VmConsole *console;
    gboolean wanted;
    guint source;
    guint asked_width;
    guint asked_height;
};

/* Of so many device pixels, `scale` of them to a logical one; 0 where the monitor does not say. */
static void
get_millimetres(GtkWidget *view, guint scale, const guint pixels[2], guint ret_mm[2])
{
    GdkMonitor *monitor = gdk_display_get_monitor_at_window(gtk_widget_get_display(view),
                                                            gtk_widget_get_window(view));
    GdkRectangle geometry;

    ret_mm[0] = 0;
    ret_mm[1] = 0;
    if (!monitor || gdk_monitor_get_width_mm(monitor) <= 0 ||
        gdk_monitor_get_height_mm(monitor) <= 0) {
        return;
    }
    gdk_monitor_get_geometry(monitor, &geometry);
    double device = (double)scale / VM_SCALE_ONE;
    if (geometry.width > 0 && geometry.height > 0) {
        ret_mm[0] =
            (guint)(pixels[0] * gdk_monitor_get_width_mm(monitor) / (geometry.width * device));
        ret_mm[1] =
            (guint)(pixels[1] * gdk_monitor_get_height_mm(monitor) / (geometry.height * device));
    }
}

static gboolean
ask(gpointer data)
{
    VmDisplaySize *self = data;
    VmPlacementRequest request;
    guint size[2];
    guint mm[2];

    self->source = 0;
    if (!gtk_widget_get_mapped(self->view) || !GTK_IS_WINDOW(gtk_widget_get_toplevel(self->view))) {
        return G_SOURCE_REMOVE;
    }
    self->find(self->view, &request);
    vm_placement_get_size(&request, &size[0], &size[1]); /* even: some guests refuse other modes */
    if (size[0] < SMALLEST || size[1] < SMALLEST ||
        (size[0] == self->asked_width && size[1] == self->asked_height)) {
        return G_SOURCE_REMOVE;
    }
    self->asked_width = size[0];
    self->asked_height = size[1];
    get_millimetres(self->view, request.scale, size, mm);
    vm_console_set_size(self->console, size[0], size[1], mm[0], mm[1]);
    return G_SOURCE_REMOVE;
}

void
vm_display_size_changed(VmDisplaySize *self)
{
    g_clear_handle_id(&self->source, g_source_remove);
    if (self->wanted && self->console) {
        self->source = g_timeout_add(DELAY_MS, ask, self);
    }
}

void
vm_display_size_set_wanted(VmDisplaySize *self, gboolean wanted)
{
    self->wanted = wanted;
    vm_display_size_changed(self);
}

void
vm_display_size_set_console(VmDisplaySize *self, VmConsole *console)
{
    self->console = console;
    self->asked_width = 0;
    self->asked_height = 0;
    vm_display_size_changed(self);
}

VmDisplaySize *
vm_display_size_new(GtkWidget *view, VmDisplaySizeFunc find)
{
    VmDisplaySize *self = g_new0(VmDisplaySize, 1);

    self->view = view;
    self->find = find;
    return self;
}

void
vm_display_size_free(VmDisplaySize *self)
{
    g_clear_handle_id(&self->source, g_source_remove);
    g_free(self);
}
