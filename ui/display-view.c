/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-view.h"

#include <math.h>

#include "ui/display-cursor.h"
#include "ui/display-drawing.h"
#include "ui/display-hole.h"
#include "ui/display-placement.h"
#include "ui/display-size.h"
#include "ui/guest-painter.h"
#include "ui/guest-surface.h"
#include "ui/x11-dri3.h"

struct _VmDisplayView {
    GtkDrawingArea parent_instance;
    VmConsole *console;
    gboolean held;
    VmScaling scaling;
    gboolean resize_guest;
    gboolean faded;
    guint width; /* of the picture, guest pixels; 0: there is none */
    guint height;
    cairo_surface_t *last_picture;
    gboolean had_cursor; /* the guest has shown one, so hiding it means something */
    VmDisplaySize *size; /* what the guest is asked for */
    VmDisplayHole *hole;
    VmGuestSurface *guest_surface; /* on Wayland, once something was shown */
    gboolean on_guest_surface;     /* the picture is there; else the painter draws it */
    VmGuestPainter *painter;
    gboolean dmabuf_refused;   /* by the desktop, for as long as it is the same one */
    gboolean textures_refused; /* the same */
    guint64 card;              /* that draws: its device number; 0: none, or not known */
};

enum {
    PROP_0,
    PROP_HAS_PICTURE,
    N_PROPS
};

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): GObject's property table */
static GParamSpec *props[N_PROPS];

G_DEFINE_TYPE(VmDisplayView, vm_display_view, GTK_TYPE_DRAWING_AREA)

static guint
get_scale(VmDisplayView *self)
{
    return self->guest_surface
               ? vm_guest_surface_get_scale(self->guest_surface)
               : VM_SCALE_ONE * (guint)gtk_widget_get_scale_factor(GTK_WIDGET(self));
}

static void
get_request(VmDisplayView *self, VmPlacementRequest *ret)
{
    *ret = (VmPlacementRequest){.scaling = self->scaling,
                                .width = MAX(self->width, 1),
                                .height = MAX(self->height, 1),
                                .scale = get_scale(self)};
    vm_display_hole_get_view(self->hole, ret);
    if (self->guest_surface) {
        vm_display_hole_get_window(self->hole, ret);
    }
}

static void
get_placement(VmDisplayView *self, VmPlacement *ret)
{
    VmPlacementRequest request;

    get_request(self, &request);
    vm_placement_compute(&request, ret);
}

gboolean
vm_display_view_to_guest(VmDisplayView *self, double x, double y, guint *ret_x, guint *ret_y)
{
    VmPlacement at;

    g_return_val_if_fail(VM_IS_DISPLAY_VIEW(self), FALSE);

    if (self->width == 0) {
        return FALSE;
    }
    get_placement(self, &at);
    double guest_x = (x - at.x) / at.scale;
    double guest_y = (y - at.y) / at.scale;
    *ret_x = (guint)CLAMP(guest_x, 0, self->width - 1);
    *ret_y = (guint)CLAMP(guest_y, 0, self->height - 1);
    return guest_x >= 0 && guest_y >= 0 && guest_x < self->width && guest_y < self->height;
}

static void
take_picture(VmDisplayView *self)
{
    VmPicture picture = {.width = 0};

    vm_guest_painter_forget(self->painter);
    if (self->console && !vm_console_get_picture(self->console, &picture)) {
        picture.width = 0;
    }
    self->width = picture.width;
    self->height = picture.width > 0 ? picture.height : 0;
}

static void
update_size_request(VmDisplayView *self)
{
    VmPlacementRequest request;
    int width;
    int height;

    if (self->scaling == VM_SCALING_NEVER && self->width > 0) {
        get_request(self, &request);
        vm_placement_get_view_size(&request, &width, &height);
        gtk_widget_set_size_request(GTK_WIDGET(self), width, height);
    } else {
        gtk_widget_set_size_request(GTK_WIDGET(self), -1, -1);
    }
}

/* The guest surface takes the picture as it is now. */
static void
hand_over_picture(VmDisplayView *self)
{
    VmGuestPicture shown = {.dmabuf = -1};

    if (!self->guest_surface) {
        return;
    }
    if (!self->console || !vm_console_get_picture(self->console, &shown.picture)) {
        vm_guest_surface_set_picture(self->guest_surface, NULL);
        return;
    }
    (void)vm_console_get_texture(self->console, &shown.texture);
    if (vm_console_has_dmabuf(self->console)) {
        shown.dmabuf = vm_console_get_picture_file(self->console, &shown.offset);
    }
    vm_guest_surface_set_picture(self->guest_surface, &shown);
}

/* Machines give dmabufs to those who can show them without a copy. */
static void
update_takes_dmabuf(VmDisplayView *self)
{
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self));

    vm_console_set_takes_dmabuf(self->console, !self->dmabuf_refused &&
                                                   (vm_guest_surface_may_take_dmabuf(display) ||
                                                    vm_x11_dri3_is_there(display)));
}

/*
 * What lies on the graphics card is drawn by the X server as any picture is, or shown by the guest surface as a
 * whole. Whoever draws the picture here, or copies its edges, needs pixels.
 */
static VmTextures
find_takes_textures(VmDisplayView *self)
{
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self));
    VmPlacement at;

    if (self->textures_refused || self->dmabuf_refused) {
        return VM_TEXTURES_NONE;
    }
    if (vm_x11_dri3_is_there(display)) {
        return vm_x11_dri3_find_textures(display, self->card);
    }
    if (!self->on_guest_surface) {
        return VM_TEXTURES_NONE;
    }
    get_placement(self, &at);
    return vm_guest_surface_shows_all(&at, self->width, self->height)
               ? vm_guest_surface_find_textures(display, self->card)
               : VM_TEXTURES_NONE;
}

static void
update_takes_textures(VmDisplayView *self)
{
    if (self->console) {
        vm_console_set_takes_textures(self->console, find_takes_textures(self));
    }
}

static void
on_scanout_changed(VmDisplayView *self)
{
    gboolean had = self->width > 0;
    guint width = self->width;
    guint height = self->height;

    take_picture(self);
    hand_over_picture(self);
    if (!self->on_guest_surface || width != self->width || height != self->height) {
        update_size_request(self);
        gtk_widget_queue_draw(GTK_WIDGET(self));
    }
    if (had != (self->width > 0)) {
        g_object_notify_by_pspec(G_OBJECT(self), props[PROP_HAS_PICTURE]);
    }
}

static void
on_damage(VmDisplayView *self, int x, int y, int width, int height)
{
    GdkRectangle area = {x, y, width, height};
    const GdkRectangle all = {0, 0, (int)self->width, (int)self->height};
    VmPlacement at;

    if (self->width == 0 || !gdk_rectangle_intersect(&area, &all, &area)) {
        return;
    }
    vm_guest_painter_damage(self->painter, &area);
    if (self->on_guest_surface) {
        vm_guest_surface_damage(self->guest_surface, &area);
        return;
    }
    get_placement(self, &at);
    /* One guest pixel more on each side: filtering reaches over the edge. */
    double left = floor(at.x + (area.x - 1) * at.scale);
    double top = floor(at.y + (area.y - 1) * at.scale);
    double right = ceil(at.x + (area.x + area.width + 1) * at.scale);
    double bottom = ceil(at.y + (area.y + area.height + 1) * at.scale);
    gtk_widget_queue_draw_area(GTK_WIDGET(self), (int)left, (int)top, (int)(right - left),
                               (int)(bottom - top));
}

static void
update_cursor(VmDisplayView *self)
{
    GdkWindow *window = gtk_widget_get_window(GTK_WIDGET(self));
    GdkDisplay *display = gtk_widget_get_display(GTK_WIDGET(self));
    g_autoptr(GdkCursor) cursor = NULL;
    VmCursor shape;

    if (!window) {
        return;
    }
    if (self->console && vm_console_get_cursor(self->console, &shape)) {
        cursor = vm_display_cursor_new(display, &shape, get_scale(self),
                                       gtk_widget_get_scale_factor(GTK_WIDGET(self)));
        self->had_cursor = TRUE;
    } else if (self->width > 0 && self->had_cursor) {
        cursor = gdk_cursor_new_from_name(display, "none");
    }
    gdk_window_set_cursor(window, cursor);
}

static void
find_request(GtkWidget *view, VmPlacementRequest *ret)
{
    get_request(VM_DISPLAY_VIEW(view), ret);
}

static void
update_size_wanted(VmDisplayView *self)
{
    vm_display_size_set_wanted(self->size, self->resize_guest && self->scaling != VM_SCALING_NEVER);
}

/* A machine that came back starts with its own size. */
static void
on_connected_changed(VmDisplayView *self)
{
    vm_display_size_set_console(self->size, self->console);
}

static void
update_hold(VmDisplayView *self)
{
    gboolean wanted = self->console && gtk_widget_get_mapped(GTK_WIDGET(self));

    if (wanted && !self->held) {
        update_takes_dmabuf(self);
        update_takes_textures(self);
        vm_console_hold(self->console);
    } else if (!wanted && self->held) {
        vm_console_release(self->console);
    }
    self->held = wanted;
}

/* Who shows the machine's own memory tells when it is on the screen; what is copied is read at once. */
static void
update_paced(VmDisplayView *self)
{
    if (self->console) {
        vm_console_set_paced(self->console,
                             self->on_guest_surface || vm_guest_painter_is_paced(self->painter));
    }
}

void
vm_display_view_set_card(VmDisplayView *self, guint64 card)
{
    g_return_if_fail(VM_IS_DISPLAY_VIEW(self));
    if (self->card != card) {
        self->card = card;
        update_takes_textures(self);
    }
}

void
vm_display_view_set_console(VmDisplayView *self, VmConsole *console)
{
    g_return_if_fail(VM_IS_DISPLAY_VIEW(self));
    g_return_if_fail(!console || VM_IS_CONSOLE(console));

    if (self->console == console) {
        return;
    }
    if (self->console) {
        g_signal_handlers_disconnect_by_data(self->console, self);
        vm_console_set_paced(self->console, FALSE);
        if (self->held) {
            vm_console_release(self->console);
            self->held = FALSE;
        }
    }
    g_set_object(&self->console, console);
    vm_guest_painter_set_console(self->painter, console);
    self->had_cursor = FALSE;
    if (console) {
        update_paced(self);
        g_signal_connect_swapped(console, "scanout-changed", G_CALLBACK(on_scanout_changed), self);
        g_signal_connect_swapped(console, "damage", G_CALLBACK(on_damage), self);
        g_signal_connect_swapped(console, "cursor-changed", G_CALLBACK(update_cursor), self);
        g_signal_connect_swapped(console, "notify::connected", G_CALLBACK(on_connected_changed),
                                 self);
        update_hold(self);
    }
    on_scanout_changed(self);
    update_cursor(self);
    on_connected_changed(self);
}

VmConsole *
vm_display_view_get_console(VmDisplayView *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_VIEW(self), NULL);
    return self->console;
}

guint64
vm_display_view_get_n_copied(VmDisplayView *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_VIEW(self), 0);
    return self->guest_surface ? vm_guest_surface_get_n_copied(self->guest_surface) : 0;
}

gboolean
vm_display_view_get_has_picture(VmDisplayView *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_VIEW(self), FALSE);
    return self->width > 0;
}

void
vm_display_view_set_scaling(VmDisplayView *self, VmScaling scaling)
{
    g_return_if_fail(VM_IS_DISPLAY_VIEW(self));

    self->scaling = scaling;
    update_size_request(self);
    gtk_widget_queue_draw(GTK_WIDGET(self));
    update_size_wanted(self);
}

void
vm_display_view_set_resize_guest(VmDisplayView *self, gboolean resize_guest)
{
    g_return_if_fail(VM_IS_DISPLAY_VIEW(self));

    self->resize_guest = resize_guest;
    update_size_wanted(self);
}

void
vm_display_view_set_faded(VmDisplayView *self, gboolean faded)
{
    g_return_if_fail(VM_IS_DISPLAY_VIEW(self));

    if (self->faded != faded) {
        self->faded = faded;
        gtk_widget_queue_draw(GTK_WIDGET(self));
    }
}

void
vm_display_view_set_last_picture(VmDisplayView *self, cairo_surface_t *picture)
{
    g_return_if_fail(VM_IS_DISPLAY_VIEW(self));

    g_clear_pointer(&self->last_picture, cairo_surface_destroy);
    self->last_picture = picture ? cairo_surface_reference(picture) : NULL;
    gtk_widget_queue_draw(GTK_WIDGET(self));
}

/* The guest surface */

static void
on_guest_scale(gpointer data)
{
    VmDisplayView *self = data;

    update_size_request(self);
    gtk_widget_queue_draw(GTK_WIDGET(self));
    update_cursor(self);
    vm_display_size_changed(self->size);
}

/* Until the machine's next picture comes, this one is copied. */
static void
on_dmabuf_refused(gpointer data)
{
    VmDisplayView *self = data;

    self->dmabuf_refused = TRUE;
    if (self->console) {
        update_takes_dmabuf(self);
    }
}

/* This one is not shown; the machine's next picture is in its memory. */
static void
on_texture_refused(gpointer data)
{
    VmDisplayView *self = data;

    self->textures_refused = TRUE;
    update_takes_textures(self);
}

static guint64
on_taken(gpointer data)
{
    VmDisplayView *self = data;

    return self->console ? vm_console_get_serial(self->console) : 0;
}

/* The machine may draw into what was on the screen before. */
static void
on_presented(gpointer data, guint64 taken)
{
    VmDisplayView *self = data;

    if (self->console) {
        vm_console_presented(self->console, taken);
    }
}

/* Shown below the window from this frame on. FALSE: not possible here. */
static gboolean
show_on_guest_surface(VmDisplayView *self)
{
    static const VmGuestSurfaceEvents events = {
        .scale_changed = on_guest_scale,
        .dmabuf_refused = on_dmabuf_refused,
        .texture_refused = on_texture_refused,
        .taken = on_taken,
        .presented = on_presented,
    };
    GdkWindow *toplevel = gdk_window_get_toplevel(gtk_widget_get_window(GTK_WIDGET(self)));
    VmPlacement at;

    if (self->guest_surface && !vm_guest_surface_is_of(self->guest_surface, toplevel)) {
        g_clear_pointer(&self->guest_surface, vm_guest_surface_free);
    }
    if (!self->guest_surface) {
        self->guest_surface = vm_guest_surface_new(toplevel, &events, self);
        hand_over_picture(self);
        update_size_request(self);
    }
    if (!self->guest_surface) {
        return FALSE;
    }
    get_placement(self, &at);
    return vm_guest_surface_place(self->guest_surface, &at, self->faded);
}

static void
draw_picture(VmDisplayView *self, cairo_t *cr)
{
    VmPlacement at;

    get_placement(self, &at);
    vm_guest_painter_draw(self->painter, GTK_WIDGET(self), cr, &at, self->faded);
    update_paced(self);
    if (vm_guest_painter_is_refused(self->painter) && !self->dmabuf_refused) {
        on_dmabuf_refused(self);
    }
    if (vm_guest_painter_is_texture_refused(self->painter) && !self->textures_refused) {
        on_texture_refused(self);
    }
}

static void
set_on_guest_surface(VmDisplayView *self, gboolean there)
{
    self->on_guest_surface = there;
    vm_display_hole_set_open(self->hole, there);
    update_paced(self);
    update_takes_textures(self);
}

static void
leave_guest_surface(VmDisplayView *self)
{
    set_on_guest_surface(self, FALSE);
    if (self->guest_surface) {
        vm_guest_surface_hide(self->guest_surface);
    }
}

static gboolean
find_hole(GtkWidget *view, GdkRectangle *ret_hole)
{
    VmDisplayView *self = VM_DISPLAY_VIEW(view);
    VmPlacement at;
    VmTexture texture;

    get_placement(self, &at);
    *ret_hole = at.hole;
    return !self->faded || !self->console || !vm_console_get_texture(self->console, &texture);
}

static void
vm_display_view_hierarchy_changed(GtkWidget *widget, GtkWidget *previous)
{
    (void)previous;
    vm_display_hole_follow(VM_DISPLAY_VIEW(widget)->hole);
}

static gboolean
vm_display_view_draw(GtkWidget *widget, cairo_t *cr)
{
    VmDisplayView *self = VM_DISPLAY_VIEW(widget);

    cairo_set_source_rgb(cr, (VM_STAGE_COLOUR >> 16) / 255.0, (VM_STAGE_COLOUR >> 8 & 0xff) / 255.0,
                         (VM_STAGE_COLOUR & 0xff) / 255.0);
    cairo_paint(cr);
    if (self->width == 0) {
        leave_guest_surface(self);
        if (self->last_picture) {
            vm_drawing_paint_last_picture(cr, self->last_picture,
                                          gtk_widget_get_allocated_width(widget),
                                          gtk_widget_get_allocated_height(widget));
        }
        return GDK_EVENT_PROPAGATE;
    }
    set_on_guest_surface(self, show_on_guest_surface(self));
    if (!self->on_guest_surface) {
        draw_picture(self, cr);
    }
    return GDK_EVENT_PROPAGATE;
}

static void
vm_display_view_size_allocate(GtkWidget *widget, GtkAllocation *allocation)
{
    GTK_WIDGET_CLASS(vm_display_view_parent_class)->size_allocate(widget, allocation);
    vm_display_size_changed(VM_DISPLAY_VIEW(widget)->size);
}

static void
vm_display_view_map(GtkWidget *widget)
{
    GTK_WIDGET_CLASS(vm_display_view_parent_class)->map(widget);
    update_hold(VM_DISPLAY_VIEW(widget));
    update_cursor(VM_DISPLAY_VIEW(widget));
    vm_display_size_changed(VM_DISPLAY_VIEW(widget)->size);
}

static void
vm_display_view_unmap(GtkWidget *widget)
{
    VmDisplayView *self = VM_DISPLAY_VIEW(widget);
    GdkWindow *toplevel = gdk_window_get_toplevel(gtk_widget_get_window(widget));

    GTK_WIDGET_CLASS(vm_display_view_parent_class)->unmap(widget);
    update_hold(self);
    leave_guest_surface(self);
    if (self->guest_surface && !vm_guest_surface_is_of(self->guest_surface, toplevel)) {
        g_clear_pointer(&self->guest_surface, vm_guest_surface_free);
    }
}

static void
vm_display_view_unrealize(GtkWidget *widget)
{
    VmDisplayView *self = VM_DISPLAY_VIEW(widget);

    leave_guest_surface(self);
    g_clear_pointer(&self->guest_surface, vm_guest_surface_free);
    vm_guest_painter_leave(self->painter);
    GTK_WIDGET_CLASS(vm_display_view_parent_class)->unrealize(widget);
}

static void
vm_display_view_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmDisplayView *self = VM_DISPLAY_VIEW(object);

    switch (id) {
    case PROP_HAS_PICTURE:
        g_value_set_boolean(value, vm_display_view_get_has_picture(self));
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_display_view_dispose(GObject *object)
{
    VmDisplayView *self = VM_DISPLAY_VIEW(object);

    vm_display_view_set_console(self, NULL);
    g_clear_pointer(&self->last_picture, cairo_surface_destroy);
    G_OBJECT_CLASS(vm_display_view_parent_class)->dispose(object);
}

static void
vm_display_view_finalize(GObject *object)
{
    VmDisplayView *self = VM_DISPLAY_VIEW(object);

    vm_guest_painter_free(self->painter);
    vm_display_size_free(self->size);
    vm_display_hole_free(self->hole);
    G_OBJECT_CLASS(vm_display_view_parent_class)->finalize(object);
}

static void
vm_display_view_class_init(VmDisplayViewClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GtkWidgetClass *widget_class = GTK_WIDGET_CLASS(klass);

    object_class->dispose = vm_display_view_dispose;
    object_class->finalize = vm_display_view_finalize;
    object_class->get_property = vm_display_view_get_property;
    widget_class->draw = vm_display_view_draw;
    widget_class->size_allocate = vm_display_view_size_allocate;
    widget_class->map = vm_display_view_map;
    widget_class->unmap = vm_display_view_unmap;
    widget_class->unrealize = vm_display_view_unrealize;
    widget_class->hierarchy_changed = vm_display_view_hierarchy_changed;

    props[PROP_HAS_PICTURE] = g_param_spec_boolean("has-picture", NULL, NULL, FALSE,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties(object_class, N_PROPS, props);
    gtk_widget_class_set_accessible_role(widget_class, ATK_ROLE_DRAWING_AREA);
    gtk_widget_class_set_css_name(widget_class, "display-view");
}

static void
vm_display_view_init(VmDisplayView *self)
{
    self->painter = vm_guest_painter_new();
    self->size = vm_display_size_new(GTK_WIDGET(self), find_request);
    self->hole = vm_display_hole_new(GTK_WIDGET(self), find_hole);
    gtk_widget_set_can_focus(GTK_WIDGET(self), TRUE);
    gtk_widget_set_hexpand(GTK_WIDGET(self), TRUE);
    gtk_widget_set_vexpand(GTK_WIDGET(self), TRUE);
    gtk_widget_add_events(GTK_WIDGET(self), GDK_POINTER_MOTION_MASK | GDK_BUTTON_PRESS_MASK |
                                                GDK_BUTTON_RELEASE_MASK | GDK_SCROLL_MASK |
                                                GDK_SMOOTH_SCROLL_MASK | GDK_KEY_PRESS_MASK |
                                                GDK_KEY_RELEASE_MASK | GDK_FOCUS_CHANGE_MASK |
                                                GDK_ENTER_NOTIFY_MASK | GDK_LEAVE_NOTIFY_MASK);
}

GtkWidget *
vm_display_view_new(void)
{
    return g_object_new(VM_TYPE_DISPLAY_VIEW, NULL);
}
