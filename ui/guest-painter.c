/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/guest-painter.h"

#include "ui/display-drawing.h"
#include "ui/x11-dmabuf.h"
#include "ui/x11-echo.h"

struct vm_guest_painter {
    VmConsole *console;
    cairo_surface_t *surface; /* over the memory, a copy or the server's; NULL: made when drawn */
    gboolean is_dmabuf;       /* the server's */
    gboolean faded;           /* for pictures without colour */
    GdkRectangle stale;       /* what of a copy is older than the picture */
    VmX11Dmabuf *dmabuf;      /* NULL: the server takes none, or none was drawn */
    gboolean paced;           /* a dmabuf was drawn last */
    gboolean refused;
    gboolean texture_refused;
    /* When the server has drawn: */
    VmX11Echo *echo;
    GdkFrameClock *clock; /* the widget's, while `after_paint` is connected */
    gulong after_paint;
    guint64 drawn;    /* the console's serial as it was when it was drawn last */
    guint64 sent;     /* the same, of the echo */
    gboolean waiting; /* for the echo */
};

static void
drop_surface(VmGuestPainter *self)
{
    if (self->surface) {
        cairo_surface_finish(self->surface);
    }
    g_clear_pointer(&self->surface, cairo_surface_destroy);
    self->is_dmabuf = FALSE;
}

void
vm_guest_painter_forget(VmGuestPainter *self)
{
    drop_surface(self);
}

static gboolean
is_swapped(VmFormat format)
{
    return format == VM_FORMAT_XBGR8888 || format == VM_FORMAT_ABGR8888;
}

static GdkRectangle
whole(const VmPicture *picture)
{
    return (GdkRectangle){0, 0, (int)picture->width, (int)picture->height};
}

/* From the machine's memory, or the graphics card's. FALSE: not this one. */
static gboolean
use_dmabuf(VmGuestPainter *self, GdkDisplay *display, const VmPicture *picture)
{
    VmGuestPicture shown = {.picture = *picture};
    gboolean *refused = picture->pixels ? &self->refused : &self->texture_refused;

    if (*refused || !vm_console_has_dmabuf(self->console) || !vm_x11_dri3_is_there(display)) {
        return FALSE;
    }
    if (self->dmabuf && !vm_x11_dmabuf_is_of(self->dmabuf, display)) {
        g_clear_pointer(&self->dmabuf, vm_x11_dmabuf_free);
    }
    if (!self->dmabuf) {
        self->dmabuf = vm_x11_dmabuf_new(display);
    }
    (void)vm_console_get_texture(self->console, &shown.texture);
    shown.dmabuf = vm_console_get_picture_file(self->console, &shown.offset);
    self->surface = vm_x11_dmabuf_create_surface(self->dmabuf, &shown, refused);
    self->is_dmabuf = self->surface != NULL;
    self->stale = whole(picture);
    return self->is_dmabuf;
}

/* A texture has none to be drawn from. */
static void
use_memory(VmGuestPainter *self, const VmPicture *picture)
{
    if (!picture->pixels) {
        return;
    }
    /* A desktop has nothing behind it: the alpha of a scanout means nothing. */
    if (is_swapped(picture->format)) {
        self->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)picture->width,
                                                   (int)picture->height);
        self->stale = whole(picture);
        return;
    }
    self->surface = cairo_image_surface_create_for_data(
        /* cairo only reads it: the view never draws onto it */
        (guint8 *)(guintptr)picture->pixels, CAIRO_FORMAT_RGB24, (int)picture->width,
        (int)picture->height, (int)picture->stride);
}

/* As the picture is now. FALSE: there is no memory for it, or it is a texture that was refused. A guest
 * may show more pictures and more damage than are ever drawn, so nothing is made or copied before. */
static gboolean
update_surface(VmGuestPainter *self, GdkDisplay *display, const VmPicture *picture, gboolean faded)
{
    if (faded != self->faded) { /* colours are taken away here, not by the server */
        drop_surface(self);
        self->faded = faded;
    }
    if (!self->surface && ((faded && picture->pixels) || !use_dmabuf(self, display, picture))) {
        use_memory(self, picture);
    }
    if (!self->surface || cairo_surface_status(self->surface) != CAIRO_STATUS_SUCCESS) {
        drop_surface(self);
        return FALSE;
    }
    if (self->is_dmabuf) {
        vm_x11_dmabuf_update(self->dmabuf, &self->stale);
    } else if (is_swapped(picture->format)) {
        vm_drawing_swap_colours(self->surface, picture, &self->stale);
    }
    self->stale = (GdkRectangle){0};
    return TRUE;
}

void
vm_guest_painter_damage(VmGuestPainter *self, const GdkRectangle *area)
{
    if (self->stale.width > 0) {
        gdk_rectangle_union(&self->stale, area, &self->stale);
    } else {
        self->stale = *area;
    }
    if (self->surface) {
        cairo_surface_mark_dirty_rectangle(self->surface, area->x, area->y, area->width,
                                           area->height);
    }
}

/* What is on the screen */

static void
send_echo(VmGuestPainter *self)
{
    self->waiting = TRUE;
    self->sent = self->drawn;
    vm_x11_echo_send(self->echo);
}

/* The server has drawn it: the machine may draw into what was on the screen before. */
static void
on_echo(gpointer data)
{
    VmGuestPainter *self = data;

    self->waiting = FALSE;
    if (self->console) {
        vm_console_presented(self->console, self->sent);
        if (self->drawn != self->sent) {
            send_echo(self);
        }
    }
}

static void
stop_following(VmGuestPainter *self)
{
    if (self->clock) {
        g_clear_signal_handler(&self->after_paint, self->clock);
    }
    g_clear_object(&self->clock);
}

static void
drop_echo(VmGuestPainter *self)
{
    stop_following(self);
    g_clear_pointer(&self->echo, vm_x11_echo_free);
    self->waiting = FALSE;
}

/* GDK, which came first, has sent all that was drawn. */
static void
on_after_paint(VmGuestPainter *self)
{
    stop_following(self);
    if (self->echo && !self->waiting) {
        send_echo(self);
    }
}

static void
note_drawn(VmGuestPainter *self, GtkWidget *widget)
{
    GdkWindow *toplevel = gdk_window_get_toplevel(gtk_widget_get_window(widget));

    if (self->echo && !vm_x11_echo_is_of(self->echo, toplevel)) {
        drop_echo(self);
    }
    if (!self->echo) {
        self->echo = vm_x11_echo_new(toplevel, on_echo, self);
    }
    self->drawn = vm_console_get_serial(self->console);
    if (!self->clock) {
        self->clock = g_object_ref(gdk_window_get_frame_clock(toplevel));
        self->after_paint =
            g_signal_connect_swapped(self->clock, "after-paint", G_CALLBACK(on_after_paint), self);
        gdk_frame_clock_request_phase(self->clock, GDK_FRAME_CLOCK_PHASE_AFTER_PAINT);
    }
}

void
vm_guest_painter_draw(VmGuestPainter *self, GtkWidget *widget, cairo_t *cr, const VmPlacement *at,
                      gboolean faded)
{
    VmPicture picture;

    if (!self->console || !vm_console_get_picture(self->console, &picture) ||
        !update_surface(self, gtk_widget_get_display(widget), &picture, faded)) {
        return;
    }
    vm_drawing_paint_picture(cr, self->surface, &picture, at, faded);
    self->paced = self->is_dmabuf;
    if (self->is_dmabuf) {
        note_drawn(self, widget);
    }
}

void
vm_guest_painter_leave(VmGuestPainter *self)
{
    drop_echo(self);
    drop_surface(self);
    g_clear_pointer(&self->dmabuf, vm_x11_dmabuf_free);
}

gboolean
vm_guest_painter_is_paced(const VmGuestPainter *self)
{
    return self->paced;
}

gboolean
vm_guest_painter_is_refused(const VmGuestPainter *self)
{
    return self->refused;
}

gboolean
vm_guest_painter_is_texture_refused(const VmGuestPainter *self)
{
    return self->texture_refused;
}

void
vm_guest_painter_set_console(VmGuestPainter *self, VmConsole *console)
{
    drop_surface(self);
    g_set_object(&self->console, console);
    self->paced = FALSE;
}

VmGuestPainter *
vm_guest_painter_new(void)
{
    return g_new0(VmGuestPainter, 1);
}

void
vm_guest_painter_free(VmGuestPainter *self)
{
    if (self) {
        vm_guest_painter_leave(self);
        g_clear_object(&self->console);
        g_free(self);
    }
}
