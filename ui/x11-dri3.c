/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/x11-dri3.h"

#include <X11/Xlib-xcb.h>
#include <cairo-xlib.h>
#include <fcntl.h>
#include <gdk/gdkx.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xcb/dri3.h>

#include "ui/same-card.h"

#define DATA_KEY "vitrine-x11-dri3"

enum {
    BITS = 32,
};

/* What is known of a display; lives as long as it. */
typedef struct {
    xcb_connection_t *connection;
    Visual *visual;      /* of pictures like VM_FORMAT_XRGB8888; NULL: dmabufs are not taken */
    gboolean has_linear; /* linear ones can be named as such */
    guint64 device;      /* the number of the card that reads them; 0: not told */
} Dri3;

/* Descriptors go through no other sockets, and end a connection that has another one. */
static gboolean
is_local(xcb_connection_t *connection)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof(address);

    return getsockname(xcb_get_file_descriptor(connection), (struct sockaddr *)&address, &length) ==
               0 &&
           address.ss_family == AF_UNIX;
}

static Visual *
find_visual(GdkScreen *screen)
{
    g_autoptr(GList) visuals = gdk_screen_list_visuals(screen);

    for (const GList *at = visuals; at; at = at->next) {
        GdkVisual *visual = at->data;
        guint32 red;
        guint32 green;
        guint32 blue;
        gdk_visual_get_red_pixel_details(visual, &red, NULL, NULL);
        gdk_visual_get_green_pixel_details(visual, &green, NULL, NULL);
        gdk_visual_get_blue_pixel_details(visual, &blue, NULL, NULL);
        if (gdk_visual_get_visual_type(visual) == GDK_VISUAL_TRUE_COLOR &&
            gdk_visual_get_depth(visual) == VM_X11_DEPTH && red == 0xff0000 && green == 0xff00 &&
            blue == 0xff) {
            return gdk_x11_visual_get_xvisual(visual);
        }
    }
    return NULL;
}

static xcb_window_t
get_root(GdkDisplay *display)
{
    GdkScreen *screen = gdk_display_get_default_screen(display);

    return (xcb_window_t)gdk_x11_window_get_xid(gdk_screen_get_root_window(screen));
}

static gboolean
lists_linear(const Dri3 *self, xcb_window_t root)
{
    xcb_dri3_get_supported_modifiers_reply_t *reply = xcb_dri3_get_supported_modifiers_reply(
        self->connection,
        xcb_dri3_get_supported_modifiers(self->connection, root, VM_X11_DEPTH, BITS), NULL);
    gboolean found = FALSE;

    if (reply) {
        const guint64 *modifiers = xcb_dri3_get_supported_modifiers_screen_modifiers(reply);
        int n = xcb_dri3_get_supported_modifiers_screen_modifiers_length(reply);
        for (int i = 0; i < n; i++) {
            found = found || modifiers[i] == VM_DRM_LINEAR;
        }
    }
    free(reply);
    return found;
}

/* The server gives its clients the node that it wants them to draw with. */
static guint64
find_device(const Dri3 *self, xcb_window_t root)
{
    xcb_dri3_open_reply_t *reply = xcb_dri3_open_reply(
        self->connection, xcb_dri3_open(self->connection, root, XCB_NONE), NULL);
    guint64 device = 0;
    struct stat st;

    for (int i = 0; reply && i < reply->nfd; i++) {
        int fd = xcb_dri3_open_reply_fds(self->connection, reply)[i];
        if (fstat(fd, &st) == 0) {
            device = st.st_rdev;
        }
        close(fd);
    }
    free(reply);
    return device;
}

static void
ask_server(Dri3 *self, GdkDisplay *display)
{
    const xcb_query_extension_reply_t *extension;
    xcb_dri3_query_version_reply_t *version;

    self->connection = XGetXCBConnection(gdk_x11_display_get_xdisplay(display));
    extension = xcb_get_extension_data(self->connection, &xcb_dri3_id);
    if (!extension || !extension->present || !is_local(self->connection)) {
        g_debug("the X server takes no dmabufs");
        return;
    }
    version = xcb_dri3_query_version_reply(self->connection,
                                           xcb_dri3_query_version(self->connection, 1, 2), NULL);
    if (version) {
        self->visual = find_visual(gdk_display_get_default_screen(display));
        self->has_linear = (version->major_version > 1 || version->minor_version >= 2) &&
                           lists_linear(self, get_root(display));
        self->device = find_device(self, get_root(display));
    }
    free(version);
}

static const Dri3 *
get_dri3(GdkDisplay *display)
{
    Dri3 *self = g_object_get_data(G_OBJECT(display), DATA_KEY);

    if (!self) {
        self = g_new0(Dri3, 1);
        if (GDK_IS_X11_DISPLAY(display)) {
            ask_server(self, display);
        }
        g_object_set_data_full(G_OBJECT(display), DATA_KEY, self, g_free);
    }
    return self;
}

gboolean
vm_x11_dri3_is_there(GdkDisplay *display)
{
    return get_dri3(display)->visual != NULL;
}

VmTextures
vm_x11_dri3_find_textures(GdkDisplay *display, guint64 card)
{
    const Dri3 *self = get_dri3(display);

    if (vm_same_card_may_be(VM_SAME_CARD_SYSFS, self->device, card)) {
        return VM_TEXTURES_ALL;
    }
    return self->has_linear ? VM_TEXTURES_LINEAR : VM_TEXTURES_NONE;
}

/* Without a modifier the server's driver is to find the layout itself: that of a texture of the same card. */
static gboolean
says_linear(const Dri3 *self, const VmGuestPicture *picture)
{
    return self->has_linear && picture->texture.modifier == VM_DRM_LINEAR;
}

/* The request closes the descriptor. */
static xcb_void_cookie_t
ask_for_pixmap(const Dri3 *self, xcb_window_t root, xcb_pixmap_t pixmap,
               const VmGuestPicture *picture, int fd)
{
    const VmPicture *at = &picture->picture;
    const gint32 fds[] = {fd};

    if (says_linear(self, picture)) {
        return xcb_dri3_pixmap_from_buffers_checked(
            self->connection, pixmap, root, 1, (guint16)at->width, (guint16)at->height, at->stride,
            (guint32)picture->offset, 0, 0, 0, 0, 0, 0, VM_X11_DEPTH, BITS, VM_DRM_LINEAR, fds);
    }
    return xcb_dri3_pixmap_from_buffer_checked(
        self->connection, pixmap, root, at->stride * at->height, (guint16)at->width,
        (guint16)at->height, (guint16)at->stride, VM_X11_DEPTH, BITS, fd);
}

guint32
vm_x11_dri3_import(GdkDisplay *display, const VmGuestPicture *picture)
{
    const Dri3 *self = get_dri3(display);
    const VmPicture *at = &picture->picture;
    const gboolean linear = says_linear(self, picture);
    guint64 most = linear ? G_MAXUINT32 : G_MAXUINT16;
    xcb_generic_error_t *error;
    xcb_pixmap_t pixmap;
    int fd;

    if (!self->visual || at->width > G_MAXINT16 || at->height > G_MAXINT16 || at->stride > most ||
        picture->offset > (linear ? G_MAXUINT32 : 0)) {
        return 0;
    }
    fd = fcntl(picture->dmabuf, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return 0;
    }
    pixmap = xcb_generate_id(self->connection);
    error = xcb_request_check(self->connection,
                              ask_for_pixmap(self, get_root(display), pixmap, picture, fd));
    if (error) {
        g_debug("the X server takes no dmabuf of %u x %u: error %u", at->width, at->height,
                error->error_code);
        free(error);
        return 0;
    }
    return pixmap;
}

void
vm_x11_dri3_free_pixmap(GdkDisplay *display, guint32 pixmap)
{
    XFreePixmap(gdk_x11_display_get_xdisplay(display), pixmap);
}

cairo_surface_t *
vm_x11_dri3_create_surface(GdkDisplay *display, guint32 pixmap, guint width, guint height)
{
    return cairo_xlib_surface_create(gdk_x11_display_get_xdisplay(display), pixmap,
                                     get_dri3(display)->visual, (int)width, (int)height);
}
