/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/overview-cells.h"

#include "ui/machine-icon.h"
#include "ui/picture.h"

#define PICTURE_WIDTH  48
#define PICTURE_HEIGHT 30
#define PICTURE_PAD    8
#define HISTORY_WIDTH  80
#define NARROW_WIDTH   48 /* of all but the processor's */
#define HISTORY_HEIGHT 28
#define RATE_TOP       (1 << 20) /* bytes a second: what is less is drawn as little */

struct _VmPictureCell {
    GtkCellRenderer parent_instance;
    cairo_surface_t *picture;
    const char *icon; /* in its place */
    gboolean dim;
};

struct _VmHistoryCell {
    GtkCellRenderer parent_instance;
    VmMachineFigure figure;
    int width;
    double points[VM_MACHINE_HISTORY]; /* 0..1 */
    guint count;
};

G_DEFINE_FINAL_TYPE(VmPictureCell, vm_picture_cell, GTK_TYPE_CELL_RENDERER)
G_DEFINE_FINAL_TYPE(VmHistoryCell, vm_history_cell, GTK_TYPE_CELL_RENDERER)

/* Either may be NULL. */
static void
fixed(int size, int *minimum, int *natural)
{
    if (minimum) {
        *minimum = size;
    }
    if (natural) {
        *natural = size;
    }
}

/* ------------------------------------------------------------------ picture */

static void
vm_picture_cell_finalize(GObject *object)
{
    g_clear_pointer(&VM_PICTURE_CELL(object)->picture, cairo_surface_destroy);
    G_OBJECT_CLASS(vm_picture_cell_parent_class)->finalize(object);
}

static void
picture_width(GtkCellRenderer *cell, GtkWidget *widget, int *minimum, int *natural)
{
    fixed(PICTURE_WIDTH + 2 * PICTURE_PAD, minimum, natural);
}

static void
picture_height(GtkCellRenderer *cell, GtkWidget *widget, int *minimum, int *natural)
{
    fixed(PICTURE_HEIGHT + 2 * PICTURE_PAD, minimum, natural);
}

/* NOLINTBEGIN(readability-function-size): the shape of the class */
static void
picture_render(GtkCellRenderer *cell, cairo_t *cr, GtkWidget *widget,
               const GdkRectangle *background, const GdkRectangle *area, GtkCellRendererState state)
{
    VmPictureCell *self = VM_PICTURE_CELL(cell);

    cairo_save(cr);
    cairo_translate(cr, area->x + (area->width - PICTURE_WIDTH) / 2.0,
                    area->y + (area->height - PICTURE_HEIGHT) / 2.0);
    cairo_rectangle(cr, 0, 0, PICTURE_WIDTH, PICTURE_HEIGHT);
    cairo_clip(cr);
    cairo_set_source_rgb(cr, 0x2b / 255.0, 0x2f / 255.0, 0x36 / 255.0);
    cairo_paint(cr);
    if (self->picture) {
        double width = cairo_image_surface_get_width(self->picture);
        double height = cairo_image_surface_get_height(self->picture);
        double factor = MAX(PICTURE_WIDTH / width, PICTURE_HEIGHT / height);
        cairo_translate(cr, (PICTURE_WIDTH - width * factor) / 2,
                        (PICTURE_HEIGHT - height * factor) / 2);
        cairo_scale(cr, factor, factor);
        cairo_set_source_surface(cr, self->picture, 0, 0);
        cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_GOOD);
        cairo_paint_with_alpha(cr, self->dim ? 0.35 : 1.0);
    } else {
        vm_picture_draw_stand_in(widget, cr, PICTURE_WIDTH, PICTURE_HEIGHT, self->icon);
    }
    cairo_restore(cr);
}
/* NOLINTEND(readability-function-size) */

static void
vm_picture_cell_class_init(VmPictureCellClass *klass)
{
    GtkCellRendererClass *cell_class = GTK_CELL_RENDERER_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = vm_picture_cell_finalize;
    cell_class->get_preferred_width = picture_width;
    cell_class->get_preferred_height = picture_height;
    cell_class->render = picture_render;
}

static void
vm_picture_cell_init(VmPictureCell *self)
{
}

GtkCellRenderer *
vm_picture_cell_new(void)
{
    return g_object_new(VM_TYPE_PICTURE_CELL, NULL);
}

void
vm_picture_cell_set(VmPictureCell *self, cairo_surface_t *picture, VmMachine *machine)
{
    if (picture) {
        cairo_surface_reference(picture);
    }
    g_clear_pointer(&self->picture, cairo_surface_destroy);
    self->picture = picture;
    self->icon = vm_machine_icon_name(machine);
    self->dim = machine && !vm_machine_is_active(machine);
}

/* ------------------------------------------------------------------ history */

static void
history_width(GtkCellRenderer *cell, GtkWidget *widget, int *minimum, int *natural)
{
    fixed(VM_HISTORY_CELL(cell)->width + 2 * PICTURE_PAD, minimum, natural);
}

static void
history_height(GtkCellRenderer *cell, GtkWidget *widget, int *minimum, int *natural)
{
    fixed(HISTORY_HEIGHT + PICTURE_PAD, minimum, natural);
}

static void
trace(VmHistoryCell *self, cairo_t *cr)
{
    const double step = (double)self->width / (VM_MACHINE_HISTORY - 1);
    guint first = VM_MACHINE_HISTORY - self->count;

    for (guint i = 0; i < self->count; i++) {
        cairo_line_to(cr, step * (first + i),
                      1 + (HISTORY_HEIGHT - 2) * (1 - CLAMP(self->points[i], 0.0, 1.0)));
    }
}

/* NOLINTBEGIN(readability-function-size): the shape of the class */
static void
history_render(GtkCellRenderer *cell, cairo_t *cr, GtkWidget *widget,
               const GdkRectangle *background, const GdkRectangle *area, GtkCellRendererState state)
{
    VmHistoryCell *self = VM_HISTORY_CELL(cell);
    GtkStyleContext *context = gtk_widget_get_style_context(widget);
    double start =
        (double)self->width * (VM_MACHINE_HISTORY - self->count) / (VM_MACHINE_HISTORY - 1);
    GdkRGBA colour = {0.2, 0.5, 0.9, 1};

    if (self->count < 2) {
        return;
    }
    (void)gtk_style_context_lookup_color(context,
                                         (state & GTK_CELL_RENDERER_SELECTED) != 0
                                             ? "theme_selected_fg_color"
                                             : "theme_selected_bg_color",
                                         &colour);
    cairo_save(cr);
    cairo_translate(cr, area->x + PICTURE_PAD, area->y + (area->height - HISTORY_HEIGHT) / 2.0);
    cairo_set_line_width(cr, 1.5);
    cairo_set_source_rgba(cr, colour.red, colour.green, colour.blue, 0.22);
    cairo_move_to(cr, start, HISTORY_HEIGHT);
    trace(self, cr);
    cairo_line_to(cr, self->width, HISTORY_HEIGHT);
    cairo_close_path(cr);
    cairo_fill(cr);
    cairo_set_source_rgba(cr, colour.red, colour.green, colour.blue, 1);
    trace(self, cr);
    cairo_stroke(cr);
    cairo_restore(cr);
}
/* NOLINTEND(readability-function-size) */

static void
vm_history_cell_class_init(VmHistoryCellClass *klass)
{
    GtkCellRendererClass *cell_class = GTK_CELL_RENDERER_CLASS(klass);

    cell_class->get_preferred_width = history_width;
    cell_class->get_preferred_height = history_height;
    cell_class->render = history_render;
}

static void
vm_history_cell_init(VmHistoryCell *self)
{
}

GtkCellRenderer *
vm_history_cell_new(VmMachineFigure figure)
{
    VmHistoryCell *self = g_object_new(VM_TYPE_HISTORY_CELL, NULL);

    self->figure = figure;
    self->width = figure == VM_MACHINE_CPU ? HISTORY_WIDTH : NARROW_WIDTH;
    return GTK_CELL_RENDERER(self);
}

/* Rates have no end: what fits is the next power of two. */
static void
scale_rates(VmHistoryCell *self)
{
    double most = 0;
    double top = RATE_TOP;

    for (guint i = 0; i < self->count; i++) {
        most = MAX(most, self->points[i]);
    }
    while (top < most) {
        top *= 2;
    }
    for (guint i = 0; i < self->count; i++) {
        self->points[i] /= top;
    }
}

void
vm_history_cell_set(VmHistoryCell *self, VmMachine *machine)
{
    self->count = machine ? vm_machine_get_history(machine, self->figure, self->points) : 0;
    if (self->figure == VM_MACHINE_DISK) {
        scale_rates(self);
    }
}
