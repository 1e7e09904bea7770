/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/x11-dmabuf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ui/x11-copy.h"

enum {
    KEPT = 4, /* imported pictures */
};

typedef struct {
    GdkDisplay *display; /* the owner's */
    ino_t file;
    VmGuestPicture as; /* `dmabuf` is its own, so that no other file gets its number */
    guint32 pixmap;
    VmX11Copy *copy; /* whose the pixmap is; NULL: it is the picture's own memory */
} Import;

struct vm_x11_dmabuf {
    GdkDisplay *display;
    GPtrArray *imports; /* the one that was used last is the last */
    Import *current;    /* NULL: there is none */
};

static void
import_free(gpointer data)
{
    Import *import = data;

    if (import->copy) {
        vm_x11_copy_free(import->copy);
    } else {
        vm_x11_dri3_free_pixmap(import->display, import->pixmap);
    }
    close(import->as.dmabuf);
    g_free(import);
}

static gboolean
is_swapped(const VmGuestPicture *picture)
{
    return picture->picture.format == VM_FORMAT_XBGR8888 ||
           picture->picture.format == VM_FORMAT_ABGR8888;
}

/* A pixmap has no order of colours or rows, and is all of the memory. */
static gboolean
is_plain(const VmGuestPicture *picture)
{
    const VmTexture *texture = &picture->texture;

    return !is_swapped(picture) &&
           (texture->width == 0 || (texture->width == picture->picture.width &&
                                    texture->height == picture->picture.height &&
                                    !texture->bottom_up && picture->offset == 0));
}

static gboolean
is_same_texture(const VmTexture *a, const VmTexture *b)
{
    return a->x == b->x && a->y == b->y && a->width == b->width && a->height == b->height &&
           a->modifier == b->modifier && a->bottom_up == b->bottom_up;
}

static gboolean
is_same(const Import *import, ino_t file, const VmGuestPicture *picture)
{
    const VmPicture *a = &import->as.picture;
    const VmPicture *b = &picture->picture;

    return import->file == file && import->as.offset == picture->offset && a->width == b->width &&
           a->height == b->height && a->stride == b->stride && a->format == b->format &&
           is_same_texture(&import->as.texture, &picture->texture);
}

/* Those of another size are not coming back soon. */
static void
make_room(VmX11Dmabuf *self, const VmPicture *picture)
{
    for (guint i = self->imports->len; i-- > 0;) {
        const Import *import = g_ptr_array_index(self->imports, i);
        if (import->as.picture.width != picture->width ||
            import->as.picture.height != picture->height) {
            g_ptr_array_remove_index(self->imports, i);
        }
    }
    while (self->imports->len >= KEPT) {
        g_ptr_array_remove_index(self->imports, 0);
    }
}

static Import *
import_new(VmX11Dmabuf *self, ino_t file, const VmGuestPicture *picture)
{
    int own = fcntl(picture->dmabuf, F_DUPFD_CLOEXEC, 0);
    Import *import;

    if (own < 0) {
        return NULL;
    }
    import = g_new0(Import, 1);
    import->display = self->display;
    import->file = file;
    import->as = *picture;
    import->as.picture.pixels = NULL; /* the caller's */
    import->as.dmabuf = own;
    if (is_plain(picture)) {
        import->pixmap = vm_x11_dri3_import(self->display, picture);
    } else {
        import->copy = vm_x11_copy_new(self->display, picture);
        import->pixmap = import->copy ? vm_x11_copy_get_pixmap(import->copy) : 0;
    }
    if (!import->pixmap) {
        close(own);
        g_free(import);
        return NULL;
    }
    return import;
}

static Import *
find(VmX11Dmabuf *self, ino_t file, const VmGuestPicture *picture)
{
    Import *import = NULL;

    for (guint i = 0; !import && i < self->imports->len; i++) {
        if (is_same(g_ptr_array_index(self->imports, i), file, picture)) {
            import = g_ptr_array_steal_index(self->imports, i);
        }
    }
    if (!import) {
        make_room(self, &picture->picture);
        import = import_new(self, file, picture);
    }
    if (import) {
        g_ptr_array_add(self->imports, import);
    }
    return import;
}

cairo_surface_t *
vm_x11_dmabuf_create_surface(VmX11Dmabuf *self, const VmGuestPicture *picture,
                             gboolean *ret_refused)
{
    struct stat st;

    *ret_refused = FALSE;
    self->current = NULL;
    /* What has pixels is exchanged here, without a copy more. */
    if ((is_swapped(picture) && picture->texture.width == 0) || picture->dmabuf < 0 ||
        fstat(picture->dmabuf, &st) < 0) {
        return NULL;
    }
    self->current = find(self, st.st_ino, picture);
    if (!self->current) {
        *ret_refused = TRUE;
        return NULL;
    }
    return vm_x11_dri3_create_surface(self->display, self->current->pixmap, picture->picture.width,
                                      picture->picture.height);
}

void
vm_x11_dmabuf_update(VmX11Dmabuf *self, const GdkRectangle *area)
{
    if (self->current && self->current->copy && area->width > 0) {
        vm_x11_copy_run(self->current->copy, area);
    }
}

gboolean
vm_x11_dmabuf_is_of(const VmX11Dmabuf *self, GdkDisplay *display)
{
    return self->display == display;
}

VmX11Dmabuf *
vm_x11_dmabuf_new(GdkDisplay *display)
{
    VmX11Dmabuf *self = g_new0(VmX11Dmabuf, 1);

    self->display = display;
    self->imports = g_ptr_array_new_with_free_func(import_free);
    return self;
}

void
vm_x11_dmabuf_free(VmX11Dmabuf *self)
{
    if (self) {
        g_ptr_array_unref(self->imports);
        g_free(self);
    }
}
