/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/frame-histogram.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "manager/model/words.h"
#include "ui/text-scale.h"

#define BAR_US      2000
#define BARS        26 /* the last one: longer than all others */
#define HEIGHT      84
#define LABEL_SPACE 16
#define MS          1000.0

struct _VmFrameHistogram {
    GtkDrawingArea parent_instance;
    guint counts[BARS];
    guint highest;
};

G_DEFINE_FINAL_TYPE(VmFrameHistogram, vm_frame_histogram, GTK_TYPE_DRAWING_AREA)

static int
compare_times(const void *a, const void *b)
{
    guint32 first = *(const guint32 *)a;
    guint32 second = *(const guint32 *)b;

    return (first > second) - (first < second);
}

char *
vm_frame_histogram_dup_words(const guint32 *times, gsize n)
{
    g_autofree guint32 *sorted = NULL;
    g_autofree char *half = NULL;
    g_autofree char *longest = NULL;
    gsize middle = n / 2;

    if (n == 0) {
        return g_strdup(_("None"));
    }
    sorted = g_memdup2(times, n * sizeof(*times));
    qsort(sorted, n, sizeof(*sorted), compare_times);
    half = vm_words_decimal(sorted[middle] / MS);
    longest = vm_words_decimal(sorted[n - 1] / MS);
    /* Translators: times from one picture of a guest to the next. */
    return g_strdup_printf(ngettext("%u frame: half within %s ms, the longest %s ms",
                                    "%u frames: half within %s ms, the longest %s ms", (gulong)n),
                           (guint)n, half, longest);
}

void
vm_frame_histogram_set(VmFrameHistogram *self, const guint32 *times, gsize n)
{
    g_autofree char *words = vm_frame_histogram_dup_words(times, n);

    memset(self->counts, 0, sizeof(self->counts));
    self->highest = 0;
    for (gsize i = 0; i < n; i++) {
        guint bar = MIN(times[i] / BAR_US, BARS - 1);
        self->counts[bar]++;
        self->highest = MAX(self->highest, self->counts[bar]);
    }
    atk_object_set_description(gtk_widget_get_accessible(GTK_WIDGET(self)), words);
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

/* A line at the time of a frame with so many in a second, and the time below it. */
static void
draw_mark(GtkWidget *widget, cairo_t *cr, const GdkRGBA *colour, guint per_second)
{
    int width = gtk_widget_get_allocated_width(widget);
    int bottom = gtk_widget_get_allocated_height(widget) - vm_text_scaled(widget, LABEL_SPACE);
    double x = (double)width * G_USEC_PER_SEC / per_second / ((double)BAR_US * BARS);
    g_autofree char *number = vm_words_decimal(MS / per_second);
    g_autofree char *words = g_strdup_printf(_("%s ms"), number);
    g_autoptr(PangoLayout) layout = gtk_widget_create_pango_layout(widget, words);
    static const double dashes[] = {3, 3};
    int text_width = 0;
    PangoAttrList *small = pango_attr_list_new();

    pango_attr_list_insert(small, pango_attr_scale_new(PANGO_SCALE_SMALL));
    pango_layout_set_attributes(layout, small);
    pango_attr_list_unref(small);
    pango_layout_get_pixel_size(layout, &text_width, NULL);
    cairo_set_source_rgba(cr, colour->red, colour->green, colour->blue, 0.45);
    cairo_set_line_width(cr, 1);
    cairo_set_dash(cr, dashes, G_N_ELEMENTS(dashes), 0);
    cairo_move_to(cr, (int)x + 0.5, 0);
    cairo_line_to(cr, (int)x + 0.5, bottom);
    cairo_stroke(cr);
    cairo_set_source_rgba(cr, colour->red, colour->green, colour->blue, 0.75);
    cairo_move_to(cr, x - text_width / 2.0, bottom + 1);
    pango_cairo_show_layout(cr, layout);
}

static void
draw_bars(VmFrameHistogram *self, cairo_t *cr, const GdkRGBA *colour, GtkAllocation *size)
{
    int bottom = size->height - vm_text_scaled(GTK_WIDGET(self), LABEL_SPACE);
    double step = (double)size->width / BARS;

    cairo_set_source_rgba(cr, colour->red, colour->green, colour->blue, 0.25);
    cairo_rectangle(cr, 0, bottom - 1, size->width, 1);
    cairo_fill(cr);
    cairo_set_source_rgb(cr, 0.21, 0.52, 0.89);
    for (guint i = 0; i < BARS && self->highest > 0; i++) {
        double height = (double)self->counts[i] / self->highest * (bottom - 4);
        if (self->counts[i] > 0) {
            cairo_rectangle(cr, i * step + 1, bottom - MAX(height, 2), MAX(step - 2, 1),
                            MAX(height, 2));
        }
    }
    cairo_fill(cr);
}

static gboolean
vm_frame_histogram_draw(GtkWidget *widget, cairo_t *cr)
{
    GtkStyleContext *style = gtk_widget_get_style_context(widget);
    GtkAllocation size;
    GdkRGBA colour;

    gtk_widget_get_allocation(widget, &size);
    gtk_style_context_get_color(style, gtk_style_context_get_state(style), &colour);
    draw_bars(VM_FRAME_HISTOGRAM(widget), cr, &colour, &size);
    draw_mark(widget, cr, &colour, 60);
    draw_mark(widget, cr, &colour, 30);
    return GDK_EVENT_PROPAGATE;
}

static void
vm_frame_histogram_class_init(VmFrameHistogramClass *klass)
{
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    widget_class->draw = vm_frame_histogram_draw;
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_CHART);
}

static void
vm_frame_histogram_init(VmFrameHistogram *self)
{
    gtk_widget_set_size_request(GTK_WIDGET(self), -1, HEIGHT);
}
