/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/guest-buffer.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ui/display-placement.h"

enum {
    COPIES = 2,
};

typedef struct {
    struct wl_buffer *buffer;
    gboolean busy;
    gboolean unwanted; /* goes when the compositor lets go */
    guint32 *pixels;
    gsize size;
    cairo_region_t *stale; /* guest pixels that the copy lacks */
} Slot;

struct vm_guest_buffer {
    VmGuestCopy copy;
    Slot *slots[COPIES];
    guint last; /* the slot that was shown last: it lacks the least */
    guint64 n_copied;
};

static void
slot_free(Slot *slot)
{
    wl_buffer_destroy(slot->buffer);
    munmap(slot->pixels, slot->size);
    cairo_region_destroy(slot->stale);
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

/* Memory that the compositor has too; *ret_pixels is to be unmapped. NULL when there is none. */
static struct wl_buffer *
create_buffer(const VmWayland *wayland, guint width, guint height, guint32 **ret_pixels)
{
    gsize size = (gsize)width * height * 4;
    int fd = size > 0 && size <= G_MAXINT32
                 ? memfd_create("vitrine-picture", MFD_CLOEXEC | MFD_ALLOW_SEALING)
                 : -1;
    void *memory = MAP_FAILED;
    struct wl_buffer *buffer = NULL;

    if (fd >= 0 && ftruncate(fd, (off_t)size) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0) {
        memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    if (memory != MAP_FAILED) {
        struct wl_shm_pool *pool = wl_shm_create_pool(wayland->shm, fd, (gint32)size);
        buffer = wl_shm_pool_create_buffer(pool, 0, (gint32)width, (gint32)height,
                                           (gint32)width * 4, WL_SHM_FORMAT_XRGB8888);
        wl_shm_pool_destroy(pool);
        *ret_pixels = memory;
    }
    if (fd >= 0) {
        close(fd);
    }
    return buffer;
}

static void
make_dark(const VmGuestCopy *copy, guint32 *pixels)
{
    for (gsize i = 0; i < (gsize)copy->width * copy->height; i++) {
        pixels[i] = VM_STAGE_COLOUR;
    }
}

static Slot *
slot_new(const VmWayland *wayland, const VmGuestCopy *copy)
{
    static const struct wl_buffer_listener listener = {.release = on_release};
    const cairo_rectangle_int_t all = {0, 0, G_MAXINT16, G_MAXINT16};
    guint32 *pixels;
    struct wl_buffer *buffer = create_buffer(wayland, copy->width, copy->height, &pixels);
    Slot *slot;

    if (!buffer) {
        return NULL;
    }
    make_dark(copy, pixels);
    slot = g_new0(Slot, 1);
    slot->buffer = buffer;
    slot->pixels = pixels;
    slot->size = (gsize)copy->width * copy->height * 4;
    slot->stale = cairo_region_create_rectangle(&all);
    wl_buffer_add_listener(buffer, &listener, slot);
    return slot;
}

VmGuestBuffer *
vm_guest_buffer_new(const VmWayland *wayland, const VmGuestCopy *copy)
{
    VmGuestBuffer *self = g_new0(VmGuestBuffer, 1);

    self->copy = *copy;
    for (guint i = 0; i < COPIES; i++) {
        self->slots[i] = slot_new(wayland, copy);
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

/* A box of guest pixels whose expanded ones all lie in the buffer. */
static void
copy_whole_box(const VmGuestCopy *copy, Slot *slot, const VmPicture *picture,
               const cairo_rectangle_int_t *box)
{
    int expand = (int)copy->expand;
    gsize row = copy->width;

    for (int y = box->y; y < box->y + box->height; y++) {
        const guint32 *from =
            (const void *)(picture->pixels + (gsize)y * picture->stride + (gsize)box->x * 4);
        gsize at = (gsize)(copy->y + y * expand) * row + (gsize)(copy->x + box->x * expand);
        guint32 *to = slot->pixels + at;
        copy_row(copy, picture->format, from, to, (guint)box->width);
        for (int i = 1; i < expand; i++) {
            memcpy(to + (gsize)i * row, to, (gsize)box->width * copy->expand * 4);
        }
    }
}

/* The same where the buffer's edge cuts guest pixels. */
static void
copy_cut_box(const VmGuestCopy *copy, Slot *slot, const VmPicture *picture,
             const cairo_rectangle_int_t *box)
{
    int expand = (int)copy->expand;
    int top = MAX(copy->y + box->y * expand, 0);
    int bottom = MIN(copy->y + (box->y + box->height) * expand, (int)copy->height);
    int left = MAX(copy->x + box->x * expand, 0);
    int right = MIN(copy->x + (box->x + box->width) * expand, (int)copy->width);

    for (int y = top; y < bottom; y++) {
        const guint32 *from =
            (const void *)(picture->pixels + (gsize)((y - copy->y) / expand) * picture->stride);
        guint32 *to = slot->pixels + (gsize)y * copy->width;
        for (int x = left; x < right; x++) {
            to[x] = convert(from[(x - copy->x) / expand], picture->format, copy->faded);
        }
    }
}

static void
copy_box(const VmGuestCopy *copy, Slot *slot, const VmPicture *picture,
         const cairo_rectangle_int_t *box)
{
    int expand = (int)copy->expand;

    if (copy->x + box->x * expand >= 0 && copy->y + box->y * expand >= 0 &&
        copy->x + (box->x + box->width) * expand <= (int)copy->width &&
        copy->y + (box->y + box->height) * expand <= (int)copy->height) {
        copy_whole_box(copy, slot, picture, box);
    } else {
        copy_cut_box(copy, slot, picture, box);
    }
}

/* Guest pixels of which the buffer has anything. */
static cairo_rectangle_int_t
get_seen(const VmGuestCopy *copy, const VmPicture *picture)
{
    int expand = (int)copy->expand;
    int left = MAX(-copy->x, 0) / expand;
    int top = MAX(-copy->y, 0) / expand;
    int right = MIN(((int)copy->width - copy->x + expand - 1) / expand, (int)picture->width);
    int bottom = MIN(((int)copy->height - copy->y + expand - 1) / expand, (int)picture->height);

    return (cairo_rectangle_int_t){left, top, MAX(right - left, 0), MAX(bottom - top, 0)};
}

static void
update_copy(VmGuestBuffer *self, Slot *slot, const VmPicture *picture,
            const cairo_rectangle_int_t *except)
{
    const cairo_rectangle_int_t seen = get_seen(&self->copy, picture);
    cairo_region_t *wanted = cairo_region_copy(slot->stale);

    cairo_region_intersect_rectangle(wanted, &seen);
    cairo_region_subtract_rectangle(wanted, except);
    for (int i = 0; i < cairo_region_num_rectangles(wanted); i++) {
        cairo_rectangle_int_t box;
        cairo_region_get_rectangle(wanted, i, &box);
        copy_box(&self->copy, slot, picture, &box);
        self->n_copied += (guint64)box.width * (guint64)box.height;
    }
    cairo_region_intersect_rectangle(slot->stale, except);
    cairo_region_destroy(wanted);
}

static Slot *
find_slot(VmGuestBuffer *self)
{
    for (guint i = 0; i < COPIES; i++) {
        guint at = (self->last + i) % COPIES;
        if (!self->slots[at]->busy) {
            self->last = at;
            return self->slots[at];
        }
    }
    return NULL;
}

static void
damage_surface(const VmGuestBuffer *self, struct wl_surface *surface, const cairo_region_t *damage)
{
    int expand = (int)self->copy.expand;

    for (int i = 0; i < cairo_region_num_rectangles(damage); i++) {
        cairo_rectangle_int_t box;
        cairo_region_get_rectangle(damage, i, &box);
        wl_surface_damage_buffer(surface, self->copy.x + box.x * expand,
                                 self->copy.y + box.y * expand, box.width * expand,
                                 box.height * expand);
    }
}

gboolean
vm_guest_buffer_attach(VmGuestBuffer *self, struct wl_surface *surface, const VmPicture *picture,
                       const VmGuestUpdate *update)
{
    cairo_region_t *seen = cairo_region_copy(update->damage);
    Slot *slot = NULL;
    gboolean wanted;

    cairo_region_subtract_rectangle(seen, &update->except);
    wanted = update->attach || !cairo_region_is_empty(seen);
    slot = wanted ? find_slot(self) : NULL;
    if (slot || !wanted) {
        for (guint i = 0; i < COPIES; i++) {
            cairo_region_union(self->slots[i]->stale, update->damage);
        }
    }
    if (slot) {
        update_copy(self, slot, picture, &update->except);
        wl_surface_attach(surface, slot->buffer, 0, 0);
        damage_surface(self, surface, seen);
        slot->busy = TRUE;
    }
    cairo_region_destroy(seen);
    return slot || !wanted;
}

guint64
vm_guest_buffer_get_n_copied(VmGuestBuffer *self)
{
    return self->n_copied;
}

struct wl_buffer *
vm_guest_buffer_new_plain(const VmWayland *wayland, guint32 pixel)
{
    guint32 *pixels;
    struct wl_buffer *buffer = create_buffer(wayland, VM_PLAIN_SIZE, VM_PLAIN_SIZE, &pixels);

    if (buffer) {
        for (guint i = 0; i < VM_PLAIN_SIZE * VM_PLAIN_SIZE; i++) {
            pixels[i] = pixel;
        }
        munmap(pixels, (gsize)VM_PLAIN_SIZE * VM_PLAIN_SIZE * 4);
    }
    return buffer;
}
