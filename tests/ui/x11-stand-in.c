/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/ui/x11-stand-in.h"

#include <cairo-xlib.h>
#include <fcntl.h>
#include <gdk/gdkx.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/ui/console-told.h"
#include "ui/guest-picture.h"
#include "ui/x11-copy.h"
#include "ui/x11-dri3.h"

/* NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): of one test */
X11Seen x11_seen;

typedef struct {
    guint32 pixmap;
    int file;
    VmGuestPicture picture;
} StandIn;

gboolean
x11_is_mode(const char *mode)
{
    return strcmp(g_getenv("TEST_DMABUF"), mode) == 0;
}

/* The linker's names (--wrap): what is there, and what the manager calls instead. */
gboolean real_has_dmabuf(VmConsole *console) __asm__("__real_vm_console_has_dmabuf");
gboolean wrap_has_dmabuf(VmConsole *console) __asm__("__wrap_vm_console_has_dmabuf");
gboolean real_is_there(GdkDisplay *display) __asm__("__real_vm_x11_dri3_is_there");
gboolean wrap_is_there(GdkDisplay *display) __asm__("__wrap_vm_x11_dri3_is_there");
guint32 real_import(GdkDisplay *display,
                    const VmGuestPicture *picture) __asm__("__real_vm_x11_dri3_import");
guint32 wrap_import(GdkDisplay *display,
                    const VmGuestPicture *picture) __asm__("__wrap_vm_x11_dri3_import");
cairo_surface_t *real_create(GdkDisplay *display, guint32 pixmap, guint width,
                             guint height) __asm__("__real_vm_x11_dri3_create_surface");
cairo_surface_t *wrap_create(GdkDisplay *display, guint32 pixmap, guint width,
                             guint height) __asm__("__wrap_vm_x11_dri3_create_surface");
void real_free_pixmap(GdkDisplay *display,
                      guint32 pixmap) __asm__("__real_vm_x11_dri3_free_pixmap");
void wrap_free_pixmap(GdkDisplay *display,
                      guint32 pixmap) __asm__("__wrap_vm_x11_dri3_free_pixmap");
gboolean real_get_picture(VmConsole *console,
                          VmPicture *ret_picture) __asm__("__real_vm_console_get_picture");
gboolean wrap_get_picture(VmConsole *console,
                          VmPicture *ret_picture) __asm__("__wrap_vm_console_get_picture");
gboolean real_get_texture(VmConsole *console,
                          VmTexture *ret_texture) __asm__("__real_vm_console_get_texture");
gboolean wrap_get_texture(VmConsole *console,
                          VmTexture *ret_texture) __asm__("__wrap_vm_console_get_texture");
VmX11Copy *real_copy_new(GdkDisplay *display,
                         const VmGuestPicture *picture) __asm__("__real_vm_x11_copy_new");
VmX11Copy *wrap_copy_new(GdkDisplay *display,
                         const VmGuestPicture *picture) __asm__("__wrap_vm_x11_copy_new");
void real_copy_free(VmX11Copy *copy) __asm__("__real_vm_x11_copy_free");
void wrap_copy_free(VmX11Copy *copy) __asm__("__wrap_vm_x11_copy_free");
guint32 real_copy_get_pixmap(const VmX11Copy *copy) __asm__("__real_vm_x11_copy_get_pixmap");
guint32 wrap_copy_get_pixmap(const VmX11Copy *copy) __asm__("__wrap_vm_x11_copy_get_pixmap");
void real_copy_run(VmX11Copy *copy, const GdkRectangle *area) __asm__("__real_vm_x11_copy_run");
void wrap_copy_run(VmX11Copy *copy, const GdkRectangle *area) __asm__("__wrap_vm_x11_copy_run");

static gboolean
is_texture(void)
{
    return x11_is_mode("stand-in") && x11_seen.kind != CARD_NO_TEXTURE &&
           console_told.textures == VM_TEXTURES_ALL;
}

gboolean
wrap_get_picture(VmConsole *console, VmPicture *ret_picture)
{
    if (!real_get_picture(console, ret_picture)) {
        return FALSE;
    }
    if (is_texture()) {
        ret_picture->pixels = NULL;
        ret_picture->format =
            x11_seen.kind == CARD_SWAPPED ? VM_FORMAT_ABGR8888 : VM_FORMAT_XRGB8888;
    }
    return TRUE;
}

gboolean
wrap_get_texture(VmConsole *console, VmTexture *ret_texture)
{
    const guint margin = x11_seen.kind == CARD_PART ? CARD_MARGIN : 0;
    VmPicture picture;

    if (!is_texture() || !real_get_picture(console, &picture)) {
        return real_get_texture(console, ret_texture);
    }
    *ret_texture = (VmTexture){.x = margin,
                               .y = margin,
                               .width = picture.width + 2 * margin,
                               .height = picture.height + 2 * margin,
                               .stride = picture.stride,
                               .modifier = VM_DRM_IMPLICIT,
                               .bottom_up = x11_seen.kind == CARD_BOTTOM_UP};
    return TRUE;
}

gboolean
wrap_has_dmabuf(VmConsole *console)
{
    gsize offset;

    if (!x11_is_mode("stand-in")) {
        return real_has_dmabuf(console);
    }
    return console_told.takes && vm_console_get_picture_file(console, &offset) >= 0;
}

gboolean
wrap_is_there(GdkDisplay *display)
{
    return x11_is_mode("stand-in") || real_is_there(display);
}

/* Xvfb's own visual has 24 bits. */
cairo_surface_t *
wrap_create(GdkDisplay *display, guint32 pixmap, guint width, guint height)
{
    Display *server = gdk_x11_display_get_xdisplay(display);

    if (!x11_is_mode("stand-in")) {
        return real_create(display, pixmap, width, height);
    }
    return cairo_xlib_surface_create(server, pixmap, DefaultVisual(server, DefaultScreen(server)),
                                     (int)width, (int)height);
}

/* The memory's picture as it is now, inverted. */
static void
fill_stand_in(const StandIn *self, const GdkRectangle *area)
{
    const VmPicture *at = &self->picture.picture;
    gsize size = self->picture.offset + (gsize)at->stride * at->height;
    guint8 *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->file, 0);
    cairo_surface_t *to =
        wrap_create(gdk_display_get_default(), self->pixmap, at->width, at->height);
    cairo_surface_t *from;
    cairo_t *cr = cairo_create(to);

    g_assert_true(memory != MAP_FAILED);
    for (gsize i = self->picture.offset; i < size; i++) {
        memory[i] ^= 0xff;
    }
    from = cairo_image_surface_create_for_data(memory + self->picture.offset, CAIRO_FORMAT_RGB24,
                                               (int)at->width, (int)at->height, (int)at->stride);
    cairo_set_source_surface(cr, from, 0, 0);
    gdk_cairo_rectangle(cr, area);
    cairo_fill(cr);
    cairo_destroy(cr);
    cairo_surface_destroy(from);
    cairo_surface_destroy(to);
    munmap(memory, size);
}

static StandIn
make_stand_in(GdkDisplay *display, const VmGuestPicture *picture)
{
    Display *server = gdk_x11_display_get_xdisplay(display);

    return (StandIn){.picture = *picture,
                     .file = fcntl(picture->dmabuf, F_DUPFD_CLOEXEC, 0),
                     .pixmap = (guint32)XCreatePixmap(server, DefaultRootWindow(server),
                                                      picture->picture.width,
                                                      picture->picture.height, 24)};
}

guint32
wrap_import(GdkDisplay *display, const VmGuestPicture *picture)
{
    const GdkRectangle all = {0, 0, (int)picture->picture.width, (int)picture->picture.height};
    StandIn new;

    x11_seen.asked++;
    if (x11_seen.refuse) {
        return 0;
    }
    if (!x11_is_mode("stand-in")) {
        return real_import(display, picture);
    }
    new = make_stand_in(display, picture);
    g_array_append_val(x11_seen.pixmaps, new);
    fill_stand_in(&new, &all);
    return new.pixmap;
}

void
wrap_free_pixmap(GdkDisplay *display, guint32 pixmap)
{
    for (guint i = x11_seen.pixmaps->len; i-- > 0;) {
        const StandIn *at = &g_array_index(x11_seen.pixmaps, StandIn, i);
        if (at->pixmap == pixmap) {
            close(at->file);
            g_array_remove_index(x11_seen.pixmaps, i);
        }
    }
    real_free_pixmap(display, pixmap);
}

VmX11Copy *
wrap_copy_new(GdkDisplay *display, const VmGuestPicture *picture)
{
    StandIn *new;

    x11_seen.copies++;
    if (x11_seen.refuse_copies) {
        return NULL;
    }
    if (!x11_is_mode("stand-in")) {
        return real_copy_new(display, picture);
    }
    new = g_new(StandIn, 1);
    *new = make_stand_in(display, picture);
    return (VmX11Copy *)(gpointer) new;
}

void
wrap_copy_free(VmX11Copy *copy)
{
    StandIn *new = (gpointer)copy;

    if (!x11_is_mode("stand-in")) {
        real_copy_free(copy);
    } else {
        close(new->file);
        XFreePixmap(gdk_x11_get_default_xdisplay(), new->pixmap);
        g_free(new);
    }
}

guint32
wrap_copy_get_pixmap(const VmX11Copy *copy)
{
    return x11_is_mode("stand-in") ? ((const StandIn *)(gconstpointer)copy)->pixmap
                                   : real_copy_get_pixmap(copy);
}

void
wrap_copy_run(VmX11Copy *copy, const GdkRectangle *area)
{
    if (x11_is_mode("stand-in")) {
        fill_stand_in((const StandIn *)(gconstpointer)copy, area);
    } else {
        real_copy_run(copy, area);
    }
}

void
x11_fill_stand_ins(void)
{
    for (guint i = 0; i < x11_seen.pixmaps->len; i++) {
        const StandIn *at = &g_array_index(x11_seen.pixmaps, StandIn, i);
        const VmPicture *picture = &at->picture.picture;
        const GdkRectangle all = {0, 0, (int)picture->width, (int)picture->height};
        fill_stand_in(at, &all);
    }
}

void
x11_forget(void)
{
    if (!x11_seen.pixmaps) {
        x11_seen.pixmaps = g_array_new(FALSE, FALSE, sizeof(StandIn));
    }
    g_assert_cmpuint(x11_seen.pixmaps->len, ==, 0);
    console_told = (ConsoleTold){.takes = FALSE};
    x11_seen = (X11Seen){.pixmaps = x11_seen.pixmaps};
}
