/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/guest-buffer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    COPIES = 2,
};

typedef struct {
    struct wl_buffer *buffer;
    gboolean busy;
    gboolean unwanted; /* goes when the compositor lets go */
    guint32 *pixels;   /* of a copy */
    gsize size;
    cairo_region_t *stale; /* guest pixels that the copy lacks */
} Slot;

struct vm_guest_buffer {
    gboolean shared;
    VmGuestCopy copy;
    Slot *slots[COPIES];
};

static void
slot_free(Slot *slot)
{
    wl_buffer_destroy(slot->buffer);
    if (slot->pixels) {
        munmap(slot->pixels, slot->size);
    }
    g_clear_pointer(&slot->stale, cairo_region_destroy);
    g_free(slot);
}

static void
on_release(void *data, struct wl_buffer *buffer)
{
    Slot *slot = data;

    (void)buffer;
    slot->busy = FALSE;
    if (slot->unwanted) {
        slot_free(slot);
    }
}

static Slot *
slot_new(struct wl_buffer *buffer)
{
    static const struct wl_buffer_listener listener = {.release = on_release};
    Slot *slot = g_new0(Slot, 1);

    slot->buffer = buffer;
    wl_buffer_add_listener(buffer, &listener, slot);
    return slot;
}

/* A file that is mapped for writing by whoever gets it, and stays as long as it is. */
static gboolean
can_share(int fd, gsize size)
{
    int seals = fcntl(fd, F_GET_SEALS);
    int flags = fcntl(fd, F_GETFL);
    struct stat st;

    return seals >= 0 && (seals & F_SEAL_SEAL) && (seals & F_SEAL_SHRINK) &&
           !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) && flags >= 0 &&
           (flags & O_ACCMODE) == O_RDWR && fstat(fd, &st) == 0 && (guint64)st.st_size >= size &&
           size <= G_MAXINT32;
}

VmGuestBuffer *
vm_guest_buffer_new_shared(const VmWayland *wayland, const VmPicture *picture, int fd, gsize offset)
{
    gsize size = offset + (gsize)picture->stride * picture->height;
    /* The alpha of a scanout means nothing. */
    gboolean swapped =
        picture->format == VM_FORMAT_XBGR8888 || picture->format == VM_FORMAT_ABGR8888;

    if (fd < 0 || (swapped && !wayland->has_xbgr) || !can_share(fd, size)) {
        return NULL;
    }
    VmGuestBuffer *self = g_new0(VmGuestBuffer, 1);
    struct wl_shm_pool *pool = wl_shm_create_pool(wayland->shm, fd, (gint32)size);
    struct wl_buffer *buffer = wl_shm_pool_create_buffer(
        pool, (gint32)offset, (gint32)picture->width, (gint32)picture->height,
        (gint32)picture->stride, swapped ? WL_SHM_FORMAT_XBGR8888 : WL_SHM_FORMAT_XRGB8888);
    wl_shm_pool_destroy(pool);
    self->shared = TRUE;
    self->copy.expand = 1;
    self->slots[0] = slot_new(buffer);
    return self;
}

static Slot *
slot_new_copy(const VmWayland *wayland, const VmGuestCopy *copy)
{
    gsize size = (gsize)copy->width * copy->height * 4;
    int fd = size > 0 && size <= G_MAXINT32
                 ? memfd_create("vitrine-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                 : -1;
    void *memory = MAP_FAILED;
    const cairo_rectangle_int_t all = {0, 0, (int)copy->width, (int)copy->height};
    Slot *slot = NULL;

    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (memory != MAP_FAILED) {
        struct wl_shm_pool *pool = wl_shm_create_pool(wayland->shm, fd, (gint32)size);
        slot =
            slot_new(wl_shm_pool_create_buffer(pool, 0, (gint32)copy->width, (gint32)copy->height,
                                               (gint32)copy->width * 4, WL_SHM_FORMAT_XRGB8888));
        wl_shm_pool_destroy(pool);
        slot->pixels = memory;
        slot->size = size;
        slot->stale = cairo_region_create_rectangle(&all);
    }
    if (fd >= 0) {
        close(fd);
    }
    return slot;
}

VmGuestBuffer *
vm_guest_buffer_new_copy(const VmWayland *wayland, const VmGuestCopy *copy)
{
    VmGuestBuffer *self = g_new0(VmGuestBuffer, 1);

    self->copy = *copy;
    for (guint i = 0; i < COPIES; i++) {
        self->slots[i] = slot_new_copy(wayland, copy);
        if (!self->slots[i]) {
            vm_guest_buffer_free(self);
            return NULL;
        }
    }
    return self;
}

void
vm_guest_buffer_free(VmGuestBuffer *self)
{
    for (guint i = 0; self && i < COPIES; i++) {
        Slot *slot = self->slots[i];
        if (slot && slot->busy) {
            slot->unwanted = TRUE;
        } else if (slot) {
            slot_free(slot);
        }
    }
    g_free(self);
}

/* Copying */

static guint32
convert(guint32 pixel, VmFormat format, gboolean faded)
{
    if (format == VM_FORMAT_XBGR8888 || format == VM_FORMAT_ABGR8888) {
        pixel = (pixel & 0xff00) | (pixel & 0xff) << 16 | (pixel >> 16 & 0xff);
    }
    if (faded) {
        /* The same lightness at 65 %. */
        guint32 grey =
            ((pixel >> 16 & 0xff) * 30 + (pixel >> 8 & 0xff) * 59 + (pixel & 0xff) * 11) * 65 /
            10000;
        pixel = grey << 16 | grey << 8 | grey;
    }
    return pixel;
}

static void
copy_row(const VmGuestCopy *copy, VmFormat format, const guint32 *from, guint32 *to, guint n)
{
    gboolean plain = !copy->faded && (format == VM_FORMAT_XRGB8888 || format == VM_FORMAT_ARGB8888);

    if (plain && copy->expand == 1) {
        memcpy(to, from, (gsize)n * 4);
        return;
    }
    for (guint i = 0; i < n; i++) {
        guint32 pixel = convert(from[i], format, copy->faded);
        for (guint j = 0; j < copy->expand; j++) {
            *to++ = pixel;
        }
    }
}

static void
copy_box(const VmGuestCopy *copy, Slot *slot, const VmPicture *picture,
         const cairo_rectangle_int_t *box)
{
    for (guint y = (guint)box->y; y < (guint)(box->y + box->height); y++) {
        const guint32 *from =
            (const void *)(picture->pixels + (gsize)y * picture->stride + (gsize)box->x * 4);
        guint32 *to =
            slot->pixels + (gsize)y * copy->expand * copy->width + (gsize)box->x * copy->expand;
        copy_row(copy, picture->format, from, to, (guint)box->width);
        for (guint i = 1; i < copy->expand; i++) {
            memcpy(to + (gsize)i * copy->width, to, (gsize)box->width * copy->expand * 4);
        }
    }
}

static void
update_copy(VmGuestBuffer *self, Slot *slot, const VmPicture *picture, const cairo_region_t *damage)
{
    const cairo_rectangle_int_t all = {0, 0, (int)picture->width, (int)picture->height};

    for (guint i = 0; i < COPIES; i++) {
        cairo_region_union(self->slots[i]->stale, damage);
    }
    cairo_region_intersect_rectangle(slot->stale, &all);
    for (int i = 0; i < cairo_region_num_rectangles(slot->stale); i++) {
        cairo_rectangle_int_t box;
        cairo_region_get_rectangle(slot->stale, i, &box);
        copy_box(&self->copy, slot, picture, &box);
    }
    cairo_region_destroy(slot->stale);
    slot->stale = cairo_region_create();
}

static Slot *
find_slot(VmGuestBuffer *self)
{
    if (self->shared) {
        return self->slots[0]; /* the guest writes into it whenever it likes anyway */
    }
    for (guint i = 0; i < COPIES; i++) {
        if (!self->slots[i]->busy) {
            return self->slots[i];
        }
    }
    return NULL;
}

gboolean
vm_guest_buffer_attach(VmGuestBuffer *self, struct wl_surface *surface, const VmPicture *picture,
                       const cairo_region_t *damage)
{
    Slot *slot = find_slot(self);
    int expand = (int)self->copy.expand;

    if (!slot) {
        return FALSE;
    }
    if (!self->shared) {
        update_copy(self, slot, picture, damage);
    }
    wl_surface_attach(surface, slot->buffer, 0, 0);
    for (int i = 0; i < cairo_region_num_rectangles(damage); i++) {
        cairo_rectangle_int_t box;
        cairo_region_get_rectangle(damage, i, &box);
        wl_surface_damage_buffer(surface, box.x * expand, box.y * expand, box.width * expand,
                                 box.height * expand);
    }
    slot->busy = TRUE;
    return TRUE;
}
