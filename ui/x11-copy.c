/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/x11-copy.h"

#include <epoxy/egl.h>
#include <epoxy/gl.h>
#include <gdk/gdkx.h>

#include "ui/x11-dri3.h"

#define DATA_KEY "vitrine-x11-copy"

enum {
    VERSION = 30, /* of OpenGL ES: glBlitFramebuffer() */
};

/* What is known of a display; lives as long as it. */
typedef struct {
    EGLDisplay display;
    EGLContext context; /* EGL_NO_CONTEXT: there is none */
} Card;

typedef struct {
    EGLImageKHR image;
    GLuint texture;
    GLuint framebuffer;
} Side;

struct vm_x11_copy {
    GdkDisplay *display;
    VmGuestPicture as; /* `dmabuf` is the caller's */
    guint32 pixmap;
    Side from;
    Side to;
};

static gboolean
has_extensions(EGLDisplay display)
{
    return epoxy_has_egl_extension(display, "EGL_EXT_image_dma_buf_import") &&
           epoxy_has_egl_extension(display, "EGL_KHR_image_pixmap") &&
           epoxy_has_egl_extension(display, "EGL_KHR_no_config_context") &&
           epoxy_has_egl_extension(display, "EGL_KHR_surfaceless_context");
}

static gboolean
enter(const Card *self)
{
    return self->context != EGL_NO_CONTEXT && eglBindAPI(EGL_OPENGL_ES_API) &&
           eglMakeCurrent(self->display, EGL_NO_SURFACE, EGL_NO_SURFACE, self->context);
}

/* GTK's own context is another one. */
static void
leave(const Card *self)
{
    eglMakeCurrent(self->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
}

static void
start(Card *self, Display *server)
{
    static const EGLint wanted[] = {EGL_CONTEXT_CLIENT_VERSION, 3, EGL_NONE};
    const char *known = epoxy_has_egl() ? eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS) : NULL;

    if (!known || !epoxy_extension_in_string(known, "EGL_EXT_platform_x11")) {
        return;
    }
    self->display = eglGetPlatformDisplayEXT(EGL_PLATFORM_X11_EXT, server, NULL);
    if (self->display == EGL_NO_DISPLAY || !eglInitialize(self->display, NULL, NULL) ||
        !has_extensions(self->display) || !eglBindAPI(EGL_OPENGL_ES_API)) {
        return;
    }
    self->context = eglCreateContext(self->display, EGL_NO_CONFIG_KHR, EGL_NO_CONTEXT, wanted);
    if (!enter(self)) {
        self->context = EGL_NO_CONTEXT;
        return;
    }
    g_debug("textures are copied by %s", (const char *)glGetString(GL_RENDERER));
    if (epoxy_gl_version() < VERSION || !epoxy_has_gl_extension("GL_OES_EGL_image")) {
        leave(self);
        self->context = EGL_NO_CONTEXT;
        return;
    }
    leave(self);
}

static const Card *
get_card(GdkDisplay *display)
{
    Card *self = g_object_get_data(G_OBJECT(display), DATA_KEY);

    if (!self) {
        self = g_new0(Card, 1);
        start(self, gdk_x11_display_get_xdisplay(display));
        g_object_set_data_full(G_OBJECT(display), DATA_KEY, self, g_free);
    }
    return self;
}

static EGLImageKHR
import_texture(const Card *card, const VmGuestPicture *picture)
{
    const VmTexture *texture = &picture->texture;
    const gboolean swapped = picture->picture.format == VM_FORMAT_XBGR8888 ||
                             picture->picture.format == VM_FORMAT_ABGR8888;
    /* A desktop has nothing behind it: the alpha of a scanout means nothing. */
    const EGLint attributes[] = {
        EGL_WIDTH,
        (EGLint)texture->width,
        EGL_HEIGHT,
        (EGLint)texture->height,
        EGL_LINUX_DRM_FOURCC_EXT,
        (EGLint)(swapped ? VM_DRM_XBGR8888 : VM_DRM_XRGB8888),
        EGL_DMA_BUF_PLANE0_FD_EXT,
        picture->dmabuf,
        EGL_DMA_BUF_PLANE0_PITCH_EXT,
        (EGLint)picture->picture.stride,
        EGL_DMA_BUF_PLANE0_OFFSET_EXT,
        (EGLint)picture->offset,
        texture->modifier == VM_DRM_IMPLICIT ? EGL_NONE : EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT,
        (EGLint)(guint32)texture->modifier,
        EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT,
        (EGLint)(guint32)(texture->modifier >> 32),
        EGL_NONE};

    if (texture->modifier != VM_DRM_IMPLICIT &&
        !epoxy_has_egl_extension(card->display, "EGL_EXT_image_dma_buf_import_modifiers")) {
        return EGL_NO_IMAGE_KHR;
    }
    return eglCreateImageKHR(card->display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL,
                             attributes);
}

static EGLImageKHR
import_pixmap(const Card *card, guint32 pixmap)
{
    static const EGLint attributes[] = {EGL_NONE};

    return eglCreateImageKHR(card->display, EGL_NO_CONTEXT, EGL_NATIVE_PIXMAP_KHR,
                             /* EGL's own form of it */
                             (EGLClientBuffer)GSIZE_TO_POINTER(pixmap), attributes);
}

/* To be read from, or drawn into. */
static gboolean
open_side(Side *self, GLenum target)
{
    if (self->image == EGL_NO_IMAGE_KHR) {
        return FALSE;
    }
    glGenTextures(1, &self->texture);
    glBindTexture(GL_TEXTURE_2D, self->texture);
    glEGLImageTargetTexture2DOES(GL_TEXTURE_2D, self->image);
    glGenFramebuffers(1, &self->framebuffer);
    glBindFramebuffer(target, self->framebuffer);
    glFramebufferTexture2D(target, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, self->texture, 0);
    return glCheckFramebufferStatus(target) == GL_FRAMEBUFFER_COMPLETE;
}

static void
close_side(Side *self, const Card *card)
{
    glDeleteFramebuffers(1, &self->framebuffer);
    glDeleteTextures(1, &self->texture);
    if (self->image != EGL_NO_IMAGE_KHR) {
        eglDestroyImageKHR(card->display, self->image);
    }
}

/* FALSE: not with this card. */
static gboolean
open_sides(VmX11Copy *self, const Card *card)
{
    Display *server = gdk_x11_display_get_xdisplay(self->display);
    const VmPicture *at = &self->as.picture;
    gboolean opened;

    gdk_x11_display_error_trap_push(self->display);
    self->pixmap = (guint32)XCreatePixmap(server, DefaultRootWindow(server), at->width, at->height,
                                          VM_X11_DEPTH);
    self->to.image = import_pixmap(card, self->pixmap);
    self->from.image = import_texture(card, &self->as);
    opened =
        open_side(&self->from, GL_READ_FRAMEBUFFER) && open_side(&self->to, GL_DRAW_FRAMEBUFFER);
    return gdk_x11_display_error_trap_pop(self->display) == 0 && opened;
}

VmX11Copy *
vm_x11_copy_new(GdkDisplay *display, const VmGuestPicture *picture)
{
    const Card *card = get_card(display);
    VmX11Copy *self;
    gboolean opened;

    if (picture->picture.width > G_MAXINT16 || picture->picture.height > G_MAXINT16 ||
        !enter(card)) {
        return NULL;
    }
    self = g_new0(VmX11Copy, 1);
    self->display = display;
    self->as = *picture;
    opened = open_sides(self, card);
    leave(card);
    if (!opened) {
        g_debug("the graphics card copies no texture of %u x %u", picture->texture.width,
                picture->texture.height);
        vm_x11_copy_free(self);
        return NULL;
    }
    return self;
}

void
vm_x11_copy_free(VmX11Copy *self)
{
    const Card *card = self ? get_card(self->display) : NULL;

    if (!self) {
        return;
    }
    if (enter(card)) {
        close_side(&self->from, card);
        close_side(&self->to, card);
        leave(card);
    }
    gdk_x11_display_error_trap_push(self->display); /* the server may have had no memory for it */
    XFreePixmap(gdk_x11_display_get_xdisplay(self->display), self->pixmap);
    gdk_x11_display_error_trap_pop_ignored(self->display);
    g_free(self);
}

guint32
vm_x11_copy_get_pixmap(const VmX11Copy *self)
{
    return self->pixmap;
}

void
vm_x11_copy_run(VmX11Copy *self, const GdkRectangle *area)
{
    const Card *card = get_card(self->display);
    const VmTexture *texture = &self->as.texture;
    const GLint width = (GLint)self->as.picture.width;
    const GLint height = (GLint)self->as.picture.height;
    GLint left = (GLint)texture->x;
    GLint top = (GLint)texture->y;
    GLint bottom = top + height;

    if (!enter(card)) {
        return;
    }
    if (texture->bottom_up) {
        top = (GLint)texture->height - top;
        bottom = top - height;
    }
    glBindFramebuffer(GL_READ_FRAMEBUFFER, self->from.framebuffer);
    glBindFramebuffer(GL_DRAW_FRAMEBUFFER, self->to.framebuffer);
    glEnable(GL_SCISSOR_TEST);
    glScissor(area->x, area->y, area->width, area->height);
    glBlitFramebuffer(left, top, left + width, bottom, 0, 0, width, height, GL_COLOR_BUFFER_BIT,
                      GL_NEAREST);
    glFlush(); /* from here on the server's drawing waits for it */
    leave(card);
}
