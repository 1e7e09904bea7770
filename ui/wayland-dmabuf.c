/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/wayland-dmabuf.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ui/guest-dmabuf.h"

enum {
    VERSION_MIN = 3, /* with modifiers */
    VERSION_MAX = 4, /* with feedback */
    TABLE_MAX = 1 << 20,
};

static const guint32 known[] = {VM_DRM_XRGB8888, VM_DRM_XBGR8888};

/* The format table's entries. */
typedef struct {
    guint32 format;
    guint32 padding;
    guint64 modifier;
} Entry;

/* Of a format. */
typedef struct {
    gboolean linear;
    gboolean implicit;
} Taken;

struct vm_wayland_dmabuf {
    struct zwp_linux_dmabuf_v1 *manager;
    struct zwp_linux_dmabuf_feedback_v1 *feedback; /* NULL with the older version */
    const Entry *table;                            /* NULL: not told */
    gsize table_size;
    Taken taken[G_N_ELEMENTS(known)];
    Taken next[G_N_ELEMENTS(known)]; /* until the feedback is complete */
    guint64 device;                  /* 0: not told */
    guint64 next_device;
};

static void
note(Taken *taken, guint32 format, guint64 modifier)
{
    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        taken[i].linear |= known[i] == format && modifier == VM_DRM_LINEAR;
        taken[i].implicit |= known[i] == format && modifier == VM_DRM_IMPLICIT;
    }
}

/* Version 3 */

static void
on_format(void *data, struct zwp_linux_dmabuf_v1 *manager, uint32_t format)
{
}

static void
on_modifier(void *data, struct zwp_linux_dmabuf_v1 *manager, uint32_t format, uint32_t high,
            uint32_t low)
{
    VmWaylandDmabuf *self = data;

    (void)manager;
    note(self->taken, format, (guint64)high << 32 | low);
}

/* Version 4 */

static void
on_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback)
{
    VmWaylandDmabuf *self = data;

    (void)feedback;
    for (guint i = 0; i < G_N_ELEMENTS(known); i++) {
        self->taken[i] = self->next[i];
        self->next[i] = (Taken){FALSE};
    }
    self->device = self->next_device;
}

static void
on_format_table(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, int32_t fd,
                uint32_t size)
{
    VmWaylandDmabuf *self = data;
    void *table = size > 0 && size <= TABLE_MAX ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0)
                                                : MAP_FAILED;

    (void)feedback;
    close(fd);
    if (self->table) {
        munmap((void *)self->table, self->table_size);
    }
    self->table = table == MAP_FAILED ? NULL : table;
    self->table_size = size;
}

static void
on_main_device(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, struct wl_array *device)
{
    VmWaylandDmabuf *self = data;

    (void)feedback;
    self->next_device = 0;
    if (device->size == sizeof(self->next_device)) {
        memcpy(&self->next_device, device->data, sizeof(self->next_device)); /* not aligned */
    }
}

static void
on_tranche_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback)
{
}

static void
on_tranche_device(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback,
                  struct wl_array *device)
{
}

static void
on_tranche_formats(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback,
                   struct wl_array *indices)
{
    VmWaylandDmabuf *self = data;
    gsize n = self->table ? self->table_size / sizeof(Entry) : 0;
    const guint16 *index = indices->data;

    (void)feedback;
    for (gsize i = 0; i < indices->size / sizeof(*index); i++) {
        if (index[i] < n) {
            note(self->next, self->table[index[i]].format, self->table[index[i]].modifier);
        }
    }
}

static void
on_tranche_flags(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback, uint32_t flags)
{
}

VmWaylandDmabuf *
vm_wayland_dmabuf_new(struct wl_registry *registry, guint32 name, guint32 version)
{
    static const struct zwp_linux_dmabuf_v1_listener listener = {
        .format = on_format,
        .modifier = on_modifier,
    };
    static const struct zwp_linux_dmabuf_feedback_v1_listener feedback_listener = {
        .done = on_done,
        .format_table = on_format_table,
        .main_device = on_main_device,
        .tranche_done = on_tranche_done,
        .tranche_target_device = on_tranche_device,
        .tranche_formats = on_tranche_formats,
        .tranche_flags = on_tranche_flags,
    };
    VmWaylandDmabuf *self;

    if (version < VERSION_MIN) {
        return NULL;
    }
    self = g_new0(VmWaylandDmabuf, 1);
    self->manager =
        wl_registry_bind(registry, name, &zwp_linux_dmabuf_v1_interface, MIN(version, VERSION_MAX));
    zwp_linux_dmabuf_v1_add_listener(self->manager, &listener, self);
    if (version >= VERSION_MAX) {
        self->feedback = zwp_linux_dmabuf_v1_get_default_feedback(self->manager);
        zwp_linux_dmabuf_feedback_v1_add_listener(self->feedback, &feedback_listener, self);
    }
    return self;
}

void
vm_wayland_dmabuf_go_to_default_queue(VmWaylandDmabuf *self)
{
    wl_proxy_set_queue((struct wl_proxy *)self->manager, NULL);
    if (self->feedback) {
        wl_proxy_set_queue((struct wl_proxy *)self->feedback, NULL);
    }
}

static const Taken *
find_taken(const VmWaylandDmabuf *self, guint32 fourcc)
{
    static const Taken nothing;

    for (guint i = 0; self && i < G_N_ELEMENTS(known); i++) {
        if (known[i] == fourcc) {
            return &self->taken[i];
        }
    }
    return &nothing;
}

gboolean
vm_wayland_dmabuf_takes(const VmWaylandDmabuf *self, guint32 fourcc)
{
    return find_taken(self, fourcc)->linear;
}

gboolean
vm_wayland_dmabuf_takes_implicit(const VmWaylandDmabuf *self, guint32 fourcc)
{
    return find_taken(self, fourcc)->implicit;
}

guint64
vm_wayland_dmabuf_get_device(const VmWaylandDmabuf *self)
{
    return self ? self->device : 0;
}

struct zwp_linux_buffer_params_v1 *
vm_wayland_dmabuf_create_params(VmWaylandDmabuf *self)
{
    return zwp_linux_dmabuf_v1_create_params(self->manager);
}
