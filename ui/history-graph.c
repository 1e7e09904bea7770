/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/history-graph.h"

#include <glib/gi18n.h>
#include <string.h>

#define POINTS 60
#define HEIGHT 56

struct series {
    double points[POINTS]; /* the newest last */
};

struct _VmHistoryGraph {
    GtkDrawingArea parent_instance;
    struct series series[2];
    guint count;
    struct series hour[2];
    guint hour_count;
    gboolean show_hour;
    gboolean rates;
    GdkRGBA colour;
};

G_DEFINE_FINAL_TYPE(VmHistoryGraph, vm_history_graph, GTK_TYPE_DRAWING_AREA)

static const struct series *
shown(VmHistoryGraph *self, guint which)
{
    return self->show_hour ? &self->hour[which] : &self->series[which];
}

static guint
shown_count(VmHistoryGraph *self)
{
    return self->show_hour ? self->hour_count : self->count;
}

static double
highest_of(VmHistoryGraph *self, guint which)
{
    double highest = 0;

    for (guint i = POINTS - shown_count(self); i < POINTS; i++) {
        highest = MAX(highest, shown(self, which)->points[i]);
    }
    return highest;
}

static double
scale_of(VmHistoryGraph *self)
{
    double highest = MAX(highest_of(self, 0), highest_of(self, 1));
    double scale = 1024;

    if (!self->rates) {
        return 1;
    }
    while (scale < highest) {
        scale *= 2;
    }
    return scale;
}

static void
draw_line(VmHistoryGraph *self, cairo_t *cr, guint which, const GtkAllocation *size)
{
    double step = (double)size->width / (POINTS - 1);
    double scale = scale_of(self);

    for (guint i = POINTS - shown_count(self); i < POINTS; i++) {
        double value = CLAMP(shown(self, which)->points[i] / scale, 0.0, 1.0);
        cairo_line_to(cr, step * i, 1 + (size->height - 2) * (1 - value));
    }
}

static void
draw_grid(GtkWidget *widget, cairo_t *cr, const GtkAllocation *size)
{
    GtkStyleContext *context = gtk_widget_get_style_context(widget);
    GdkRGBA grid;

    gtk_style_context_get_color(context, gtk_style_context_get_state(context), &grid);
    cairo_set_line_width(cr, 1);
    cairo_set_source_rgba(cr, grid.red, grid.green, grid.blue, 0.15);
    for (int i = 0; i <= 2; i++) {
        int line = (size->height - 1) * i / 2;
        cairo_move_to(cr, 0, 0.5 + line);
        cairo_line_to(cr, size->width, 0.5 + line);
    }
    cairo_stroke(cr);
}

static gboolean
vm_history_graph_draw(GtkWidget *widget, cairo_t *cr)
{
    VmHistoryGraph *self = VM_HISTORY_GRAPH(widget);
    const double dashes[] = {3, 2};
    GtkAllocation size;

    gtk_widget_get_allocation(widget, &size);
    draw_grid(widget, cr, &size);
    if (shown_count(self) < 2) {
        return GDK_EVENT_PROPAGATE;
    }
    cairo_set_source_rgba(cr, self->colour.red, self->colour.green, self->colour.blue, 0.2);
    cairo_move_to(cr, (double)size.width / (POINTS - 1) * (POINTS - shown_count(self)),
                  size.height);
    draw_line(self, cr, 0, &size);
    cairo_line_to(cr, size.width, size.height);
    cairo_close_path(cr);
    cairo_fill(cr);
    cairo_set_line_width(cr, 1.5);
    cairo_set_source_rgba(cr, self->colour.red, self->colour.green, self->colour.blue, 1);
    draw_line(self, cr, 0, &size);
    cairo_stroke(cr);
    if (self->rates) {
        cairo_set_dash(cr, dashes, G_N_ELEMENTS(dashes), 0);
        draw_line(self, cr, 1, &size);
        cairo_stroke(cr);
    }
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
    vm_history_graph_set_colour(self, "#3584e4");
}

GtkWidget *
vm_history_graph_new(const char *name)
{
    VmHistoryGraph *self = g_object_new(VM_TYPE_HISTORY_GRAPH, "visible", TRUE, NULL);

    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), name);
    return GTK_WIDGET(self);
}

static void
add_point(struct series *series, double value)
{
    memmove(series->points, series->points + 1, sizeof(series->points) - sizeof(series->points[0]));
    series->points[POINTS - 1] = value;
}

void
vm_history_graph_add(VmHistoryGraph *self, double value)
{
    g_autofree char *words = NULL;

    self->rates = FALSE;
    add_point(&self->series[0], value);
    self->count = MIN(self->count + 1, POINTS);
    /* Translators: description of a graph, in per cent. */
    words = g_strdup_printf(_("Now %d %%, highest %d %%"), (int)(value * 100),
                            (int)(highest_of(self, 0) * 100));
    vm_history_graph_describe(self, words);
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

void
vm_history_graph_add_rates(VmHistoryGraph *self, double first, double second)
{
    self->rates = TRUE;
    add_point(&self->series[0], first);
    add_point(&self->series[1], second);
    self->count = MIN(self->count + 1, POINTS);
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

void
vm_history_graph_set_rates(VmHistoryGraph *self)
{
    self->rates = TRUE;
}

void
vm_history_graph_clear(VmHistoryGraph *self)
{
    self->count = 0;
    self->hour_count = 0;
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

void
vm_history_graph_set_colour(VmHistoryGraph *self, const char *colour)
{
    (void)gdk_rgba_parse(&self->colour, colour);
}

void
vm_history_graph_describe(VmHistoryGraph *self, const char *words)
{
    atk_object_set_description(gtk_widget_get_accessible(GTK_WIDGET(self)), words);
}

double
vm_history_graph_get_highest(VmHistoryGraph *self)
{
    return highest_of(self, 0);
}

void
vm_history_graph_set_hour(VmHistoryGraph *self, const double *first, const double *second,
                          guint count)
{
    g_return_if_fail(count <= POINTS);

    for (guint i = 0; i < count; i++) {
        self->hour[0].points[POINTS - count + i] = first[i];
        self->hour[1].points[POINTS - count + i] = second ? second[i] : 0;
    }
    self->hour_count = count;
    if (self->show_hour) {
        gtk_widget_queue_draw(GTK_WIDGET(self));
    }
}

void
vm_history_graph_show_hour(VmHistoryGraph *self, gboolean hour, const char *name)
{
    self->show_hour = hour;
    atk_object_set_name(gtk_widget_get_accessible(GTK_WIDGET(self)), name);
    gtk_widget_queue_draw(GTK_WIDGET(self));
}
