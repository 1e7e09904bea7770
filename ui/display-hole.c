/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-hole.h"

#include "ui/display-drawing.h"

struct vm_display_hole {
    GtkWidget *view;
    VmDisplayHoleFunc find;
    gboolean open;
    GtkWidget *parent;   /* whose drawing gets the hole; compared only */
    GtkWidget *toplevel; /* the same */
};

/* A widget's place on its window's surface. */
static void
get_area(GtkWidget *widget, GdkRectangle *ret)
{
    ret->x = 0;
    ret->y = 0;
    gtk_widget_translate_coordinates(widget, gtk_widget_get_toplevel(widget), 0, 0, &ret->x,
                                     &ret->y);
    ret->width = gtk_widget_get_allocated_width(widget);
    ret->height = gtk_widget_get_allocated_height(widget);
}

void
vm_display_hole_get_view(VmDisplayHole *self, VmPlacementRequest *ret)
{
    get_area(self->view, &ret->view);
    ret->visible = ret->view;
}

void
vm_display_hole_get_window(VmDisplayHole *self, VmPlacementRequest *ret)
{
    GdkWindow *surface;
    GtkWidget *title;
    GdkRectangle area;

    if (!self->parent || !self->toplevel) {
        return;
    }
    get_area(self->parent, &area);
    gdk_rectangle_intersect(&ret->view, &area, &ret->visible);
    surface = gtk_widget_get_window(self->toplevel);
    ret->surface_width = gdk_window_get_width(surface);
    ret->surface_height = gdk_window_get_height(surface);
    get_area(gtk_bin_get_child(GTK_BIN(self->toplevel)), &ret->window); /* without its shadow */
    title = gtk_window_get_titlebar(GTK_WINDOW(self->toplevel));
    if (title && gtk_widget_get_mapped(title)) {
        get_area(title, &area);
        gdk_rectangle_union(&ret->window, &area, &ret->window);
    }
}

static gboolean
on_parent_drawn(VmDisplayHole *self, cairo_t *cr)
{
    GdkRectangle parent;
    GdkRectangle hole;
    gboolean clear;

    if (self->open && gtk_widget_get_mapped(self->view)) {
        clear = self->find(self->view, &hole);
        get_area(self->parent, &parent);
        cairo_save(cr);
        cairo_set_operator(cr, CAIRO_OPERATOR_CLEAR);
        cairo_rectangle(cr, hole.x - parent.x, hole.y - parent.y, hole.width, hole.height);
        cairo_fill(cr);
        cairo_restore(cr);
        if (!clear) {
            vm_drawing_veil(cr, &hole, &parent);
        }
    }
    return GDK_EVENT_PROPAGATE;
}

/* GTK tells the compositor that the window hides what is below it; the hole does not. */
static gboolean
on_toplevel_drawn(VmDisplayHole *self)
{
    if (self->open) {
        gdk_window_set_opaque_region(gtk_widget_get_window(self->toplevel), NULL);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
follow(VmDisplayHole *self, GtkWidget **place, GtkWidget *widget, GCallback drawn)
{
    if (*place == widget) {
        return;
    }
    if (*place) {
        g_signal_handlers_disconnect_by_func(*place, drawn, self);
        g_object_remove_weak_pointer(G_OBJECT(*place), (gpointer *)place);
    }
    *place = widget;
    if (widget) {
        g_object_add_weak_pointer(G_OBJECT(widget), (gpointer *)place);
        g_signal_connect_data(widget, "draw", drawn, self, NULL,
                              G_CONNECT_SWAPPED | G_CONNECT_AFTER);
    }
}

void
vm_display_hole_follow(VmDisplayHole *self)
{
    GtkWidget *top = gtk_widget_get_toplevel(self->view);

    follow(self, &self->parent, gtk_widget_get_parent(self->view), G_CALLBACK(on_parent_drawn));
    follow(self, &self->toplevel, GTK_IS_WINDOW(top) ? top : NULL, G_CALLBACK(on_toplevel_drawn));
}

void
vm_display_hole_set_open(VmDisplayHole *self, gboolean open)
{
    self->open = open;
}

VmDisplayHole *
vm_display_hole_new(GtkWidget *view, VmDisplayHoleFunc find)
{
    VmDisplayHole *self = g_new0(VmDisplayHole, 1);

    self->view = view;
    self->find = find;
    return self;
}

void
vm_display_hole_free(VmDisplayHole *self)
{
    follow(self, &self->parent, NULL, G_CALLBACK(on_parent_drawn));
    follow(self, &self->toplevel, NULL, G_CALLBACK(on_toplevel_drawn));
    g_free(self);
}
