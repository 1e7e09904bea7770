/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/history-graph.h"

#include <glib/gi18n.h>
#include <string.h>

#define POINTS 60
#define HEIGHT 56

struct _VmHistoryGraph {
    GtkDrawingArea parent_instance;
    double points[POINTS]; /* the newest last */
    guint count;
};

G_DEFINE_FINAL_TYPE(VmHistoryGraph, vm_history_graph, GTK_TYPE_DRAWING_AREA)

/* Time runs from left to right in both directions of writing. */
static void
draw_line(VmHistoryGraph *self, cairo_t *cr, double width, double height)
{
    double step = width / (POINTS - 1);

    for (guint i = POINTS - self->count; i < POINTS; i++) {
        double y = 1 + (height - 2) * (1 - CLAMP(self->points[i], 0.0, 1.0));
        cairo_line_to(cr, step * i, y);
    }
}

static gboolean
vm_history_graph_draw(GtkWidget *widget, cairo_t *cr)
{
    VmHistoryGraph *self = VM_HISTORY_GRAPH(widget);
    GtkStyleContext *context = gtk_widget_get_style_context(widget);
    double width = gtk_widget_get_allocated_width(widget);
    double height = gtk_widget_get_allocated_height(widget);
    GdkRGBA colour = {0.2, 0.5, 0.9, 1};
    GdkRGBA grid;

    gtk_style_context_get_color(context, gtk_style_context_get_state(context), &grid);
    (void)gtk_style_context_lookup_color(context, "theme_selected_bg_color", &colour);
    cairo_set_line_width(cr, 1);
    cairo_set_source_rgba(cr, grid.red, grid.green, grid.blue, 0.15);
    for (int i = 0; i <= 2; i++) {
        double y = 0.5 + (double)(int)((height - 1) * i / 2);
        cairo_move_to(cr, 0, y);
        cairo_line_to(cr, width, y);
    }
    cairo_stroke(cr);
    if (self->count < 2) {
        return GDK_EVENT_PROPAGATE;
    }
    cairo_set_source_rgba(cr, colour.red, colour.green, colour.blue, 0.2);
    cairo_move_to(cr, width / (POINTS - 1) * (POINTS - self->count), height);
    draw_line(self, cr, width, height);
    cairo_line_to(cr, width, height);
    cairo_close_path(cr);
    cairo_fill(cr);
    cairo_set_line_width(cr, 1.5);
    cairo_set_source_rgba(cr, colour.red, colour.green, colour.blue, 1);
    draw_line(self, cr, width, height);
    cairo_stroke(cr);
    return GDK_EVENT_PROPAGATE;
}

static void
vm_history_graph_class_init(VmHistoryGraphClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    widget_class->draw = vm_history_graph_draw;
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_CHART);
}

static void
vm_history_graph_init(VmHistoryGraph *self)
{
    gtk_widget_set_size_request(GTK_WIDGET(self), -1, HEIGHT);
}

GtkWidget *
vm_history_graph_new(const char *name)
{
    VmHistoryGraph *self = g_object_new(VM_TYPE_HISTORY_GRAPH, "visible", TRUE, NULL);

    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), name);
    return GTK_WIDGET(self);
}

void
vm_history_graph_add(VmHistoryGraph *self, double value)
{
    double highest = value;
    g_autofree char *words = NULL;

    memmove(self->points, self->points + 1, sizeof(self->points) - sizeof(self->points[0]));
    self->points[POINTS - 1] = value;
    self->count = MIN(self->count + 1, POINTS);
    for (guint i = POINTS - self->count; i < POINTS; i++) {
        highest = MAX(highest, self->points[i]);
    }
    /* Translators: description of a graph, in per cent. */
    words =
        g_strdup_printf(_("Now %d %%, highest %d %%"), (int)(value * 100), (int)(highest * 100));
    atk_object_set_description(gtk_widget_get_accessible(GTK_WIDGET(self)), words);
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

void
vm_history_graph_clear(VmHistoryGraph *self)
{
    self->count = 0;
    gtk_widget_queue_draw(GTK_WIDGET(self));
}
