/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/guest-dmabuf.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEPT = 4, /* imported buffers */
};

/* What makes two imports the same. */
typedef struct {
    ino_t file;
    gsize offset;
    guint width;
    guint height;
    guint stride;
    guint32 format;
    guint64 modifier;
    gboolean is_texture;
    gboolean bottom_up;
} Key;

typedef struct {
    VmGuestDmabuf *owner; /* NULL: unwanted, goes when the compositor has answered and let go */
    Key key;
    int fd;                                    /* so that no other file gets its number */
    struct zwp_linux_buffer_params_v1 *params; /* NULL: it was answered */
    struct wl_buffer *buffer;
    gboolean busy;
    guint64 turn; /* when it was shown last */
} Import;

struct vm_guest_dmabuf {
    const VmWayland *wayland;
    struct wl_surface *surface;
    struct wl_subsurface *subsurface;
    struct wp_viewport *viewport;
    const VmGuestDmabufEvents *events;
    gpointer data;
    guint64 turn;       /* the last one */
    GPtrArray *imports; /* the one that was used last is the last */
    Import *current;    /* NULL: the picture is no dmabuf, or may not be shown as one */
    Import *shown;
    guint x; /* of the picture in the buffer */
    guint y;
    GdkRectangle core; /* as it is shown */
    GdkRectangle core_pixels;
    guint shown_x; /* the same, as it is shown */
    guint shown_y;
    gboolean refused;
    gboolean refused_textures;
};

static void
import_free(Import *import)
{
    if (import->params) {
        zwp_linux_buffer_params_v1_destroy(import->params);
    }
    if (import->buffer) {
        wl_buffer_destroy(import->buffer);
    }
    close(import->fd);
    g_free(import);
}

/* Of the array: what the compositor still needs stays until it has let go. */
static void
import_drop(gpointer data)
{
    Import *import = data;

    import->owner = NULL;
    if (!import->busy && !import->params) {
        import_free(import);
    }
}

static void
on_release(void *data, struct wl_buffer *buffer)
{
    Import *import = data;

    (void)buffer;
    import->busy = FALSE;
    if (!import->owner) {
        import_free(import);
    } else {
        import->owner->events->let_go(import->owner->data);
    }
}

static void
answered(Import *import)
{
    zwp_linux_buffer_params_v1_destroy(import->params);
    import->params = NULL;
}

static void
on_created(void *data, struct zwp_linux_buffer_params_v1 *params, struct wl_buffer *buffer)
{
    static const struct wl_buffer_listener listener = {.release = on_release};
    Import *import = data;
    VmGuestDmabuf *self = import->owner;

    (void)params;
    answered(import);
    import->buffer = buffer;
    wl_buffer_add_listener(buffer, &listener, import);
    if (!self) {
        import_free(import);
    } else if (self->current == import) {
        self->events->changed(self->data);
    }
}

static void
on_failed(void *data, struct zwp_linux_buffer_params_v1 *params)
{
    Import *import = data;
    VmGuestDmabuf *self = import->owner;

    (void)params;
    answered(import);
    if (!self) {
        import_free(import);
        return;
    }
    g_debug("the compositor takes no dmabuf of %u x %u", import->key.width, import->key.height);
    if (import->key.is_texture) {
        self->refused_textures = TRUE;
    } else {
        self->refused = TRUE;
    }
    self->current = NULL;
    g_ptr_array_remove(self->imports, import);
    self->events->changed(self->data);
}

static Import *
import_new(VmGuestDmabuf *self, const Key *key, int fd)
{
    static const struct zwp_linux_buffer_params_v1_listener listener = {
        .created = on_created,
        .failed = on_failed,
    };
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    Import *import;

    if (own < 0) {
        return NULL;
    }
    import = g_new0(Import, 1);
    import->owner = self;
    import->key = *key;
    import->fd = own;
    import->params = vm_wayland_dmabuf_create_params(self->wayland->dmabuf);
    zwp_linux_buffer_params_v1_add_listener(import->params, &listener, import);
    zwp_linux_buffer_params_v1_add(import->params, own, 0, (guint32)key->offset, key->stride,
                                   (guint32)(key->modifier >> 32), (guint32)key->modifier);
    zwp_linux_buffer_params_v1_create(
        import->params, (gint32)key->width, (gint32)key->height, key->format,
        key->bottom_up ? ZWP_LINUX_BUFFER_PARAMS_V1_FLAGS_Y_INVERT : 0);
    return import;
}

static gboolean
is_same(const Key *a, const Key *b)
{
    return a->file == b->file && a->offset == b->offset && a->width == b->width &&
           a->height == b->height && a->stride == b->stride && a->format == b->format &&
           a->modifier == b->modifier && a->is_texture == b->is_texture &&
           a->bottom_up == b->bottom_up;
}

static void
drop(VmGuestDmabuf *self, guint at)
{
    if (g_ptr_array_index(self->imports, at) == self->shown) {
        self->shown = NULL; /* on the screen until another one is */
    }
    g_ptr_array_remove_index(self->imports, at);
}

/* Those of another size are not coming back soon. */
static void
make_room(VmGuestDmabuf *self, const Key *key)
{
    for (guint i = self->imports->len; i-- > 0;) {
        const Import *import = g_ptr_array_index(self->imports, i);
        if (import->key.width != key->width || import->key.height != key->height) {
            drop(self, i);
        }
    }
    while (self->imports->len >= KEPT) {
        drop(self, 0);
    }
}

static Import *
find(VmGuestDmabuf *self, const Key *key, int fd)
{
    Import *import;

    for (guint i = 0; i < self->imports->len; i++) {
        import = g_ptr_array_index(self->imports, i);
        if (is_same(&import->key, key)) {
            g_ptr_array_steal_index(self->imports, i);
            g_ptr_array_add(self->imports, import);
            return import;
        }
    }
    make_room(self, key);
    import = import_new(self, key, fd);
    if (import) {
        g_ptr_array_add(self->imports, import);
    }
    return import;
}

static gboolean
takes(const VmGuestDmabuf *self, const Key *key)
{
    if (key->is_texture ? self->refused_textures : self->refused) {
        return FALSE;
    }
    return key->modifier == VM_DRM_LINEAR
               ? vm_wayland_dmabuf_takes(self->wayland->dmabuf, key->format)
               : key->modifier == VM_DRM_IMPLICIT &&
                     vm_wayland_dmabuf_takes_implicit(self->wayland->dmabuf, key->format);
}

void
vm_guest_dmabuf_set_picture(VmGuestDmabuf *self, const VmGuestPicture *shown)
{
    const VmPicture *picture = &shown->picture;
    const VmTexture *texture = shown->texture.width > 0 ? &shown->texture : NULL;
    gboolean swapped =
        picture->format == VM_FORMAT_XBGR8888 || picture->format == VM_FORMAT_ABGR8888;
    /* A desktop has nothing behind it: the alpha of a scanout means nothing. */
    Key key = {.offset = shown->offset,
               .width = texture ? texture->width : picture->width,
               .height = texture ? texture->height : picture->height,
               .stride = picture->stride,
               .format = swapped ? VM_DRM_XBGR8888 : VM_DRM_XRGB8888,
               .modifier = texture ? texture->modifier : VM_DRM_LINEAR,
               .is_texture = texture != NULL,
               .bottom_up = texture && texture->bottom_up};
    struct stat st;

    self->current = NULL;
    self->x = texture ? texture->x : 0;
    self->y = texture ? texture->y : 0;
    if (shown->dmabuf < 0 || shown->offset > G_MAXUINT32 || !takes(self, &key) ||
        fstat(shown->dmabuf, &st) < 0) {
        return;
    }
    key.file = st.st_ino;
    self->current = find(self, &key, shown->dmabuf);
}

static void
set_geometry(VmGuestDmabuf *self, const VmPlacement *at)
{
    struct wl_region *region = wl_compositor_create_region(self->wayland->compositor);

    self->core = at->core;
    self->core_pixels = at->core_pixels;
    self->shown_x = self->x;
    self->shown_y = self->y;
    wl_subsurface_set_position(self->subsurface, at->core.x, at->core.y);
    wp_viewport_set_source(self->viewport, wl_fixed_from_int(at->core_pixels.x + (int)self->x),
                           wl_fixed_from_int(at->core_pixels.y + (int)self->y),
                           wl_fixed_from_int(at->core_pixels.width),
                           wl_fixed_from_int(at->core_pixels.height));
    wp_viewport_set_destination(self->viewport, at->core.width, at->core.height);
    wl_region_add(region, 0, 0, at->core.width, at->core.height);
    wl_surface_set_opaque_region(self->surface, region);
    wl_region_destroy(region);
}

/* FALSE: none of it is seen. */
static gboolean
put_damage(VmGuestDmabuf *self, const cairo_region_t *damage)
{
    int n = cairo_region_num_rectangles(damage);
    gboolean seen = FALSE;

    for (int i = 0; i < n; i++) {
        GdkRectangle box;
        cairo_region_get_rectangle(damage, i, &box);
        if (gdk_rectangle_intersect(&box, &self->core_pixels, &box)) {
            wl_surface_damage_buffer(self->surface, box.x + (int)self->x, box.y + (int)self->y,
                                     box.width, box.height);
            seen = TRUE;
        }
    }
    return seen;
}

gboolean
vm_guest_dmabuf_show(VmGuestDmabuf *self, const VmPlacement *at, const cairo_region_t *damage)
{
    Import *import = self->current;
    gboolean moved;
    gboolean other = import != self->shown;

    if (!import || !import->buffer || at->core.width < 1 || at->core.height < 1) {
        return FALSE;
    }
    moved = !gdk_rectangle_equal(&self->core, &at->core) ||
            !gdk_rectangle_equal(&self->core_pixels, &at->core_pixels) ||
            self->shown_x != self->x || self->shown_y != self->y;
    if (moved) {
        set_geometry(self, at);
    }
    if (other) {
        wl_surface_damage_buffer(self->surface, 0, 0, G_MAXINT32, G_MAXINT32);
    }
    if (put_damage(self, damage) || other || moved) {
        wl_surface_attach(self->surface, import->buffer, 0, 0);
        wl_surface_commit(self->surface);
        import->busy = TRUE;
    }
    import->turn = other ? ++self->turn : import->turn;
    self->shown = import;
    return TRUE;
}

gboolean
vm_guest_dmabuf_is_other(const VmGuestDmabuf *self)
{
    return self->current && self->current->buffer && self->current != self->shown;
}

guint64
vm_guest_dmabuf_get_turn(const VmGuestDmabuf *self)
{
    return self->turn;
}

gboolean
vm_guest_dmabuf_reads_older(const VmGuestDmabuf *self, guint64 turn)
{
    for (guint i = 0; i < self->imports->len; i++) {
        const Import *import = g_ptr_array_index(self->imports, i);
        if (import->busy && import->turn < turn) {
            return TRUE;
        }
    }
    return FALSE;
}

void
vm_guest_dmabuf_hide(VmGuestDmabuf *self)
{
    self->shown = NULL;
    wl_surface_attach(self->surface, NULL, 0, 0);
    wl_surface_commit(self->surface);
}

gboolean
vm_guest_dmabuf_is_refused(const VmGuestDmabuf *self)
{
    return self->refused;
}

gboolean
vm_guest_dmabuf_is_texture_refused(const VmGuestDmabuf *self)
{
    return self->refused_textures;
}

VmGuestDmabuf *
vm_guest_dmabuf_new(const VmWayland *wayland, struct wl_surface *below,
                    const VmGuestDmabufEvents *events, gpointer data)
{
    VmGuestDmabuf *self;
    struct wl_region *nothing;

    if (!vm_wayland_dmabuf_takes(wayland->dmabuf, VM_DRM_XRGB8888)) {
        return NULL;
    }
    self = g_new0(VmGuestDmabuf, 1);
    self->wayland = wayland;
    self->events = events;
    self->data = data;
    self->imports = g_ptr_array_new_with_free_func(import_drop);
    self->surface = wl_compositor_create_surface(wayland->compositor);
    self->subsurface =
        wl_subcompositor_get_subsurface(wayland->subcompositor, self->surface, below);
    self->viewport = wp_viewporter_get_viewport(wayland->viewporter, self->surface);
    nothing = wl_compositor_create_region(wayland->compositor);
    wl_surface_set_input_region(self->surface, nothing);
    wl_region_destroy(nothing);
    return self;
}

void
vm_guest_dmabuf_free(VmGuestDmabuf *self)
{
    if (!self) {
        return;
    }
    wp_viewport_destroy(self->viewport);
    wl_subsurface_destroy(self->subsurface);
    wl_surface_destroy(self->surface);
    g_ptr_array_unref(self->imports);
    g_free(self);
}
