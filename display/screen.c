/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/screen.h"

#include <string.h>

enum {
    RECENT = 8 /* gpu has fewer on the way */
};

struct _VmScreen {
    GObject parent_instance;
    guint number;
    struct gpu_mode mode;
    VmScanout scanout;
    VmCursorState cursor;
    guint64 serial;
    guint64 shown;       /* by all viewers */
    guint32 ids[RECENT]; /* of the buffers of the last serials */
    GPtrArray *viewers;
    guint listeners;
    guint texture_listeners; /* of them */
    gboolean pixels_asked;
};

G_DEFINE_FINAL_TYPE(VmScreen, vm_screen, G_TYPE_OBJECT)

enum {
    SCANOUT_CHANGED,
    DAMAGE,
    CURSOR_CHANGED,
    CURSOR_MOVED,
    FLIPS_CHANGED,
    SHOWN,
    TEXTURES_CHANGED,
    PIXELS_WANTED,
    PIXELS,
    N_SIGNALS
};

static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

#define FOURCC(a, b, c, d) \
    ((guint32)(a) | (guint32)(b) << 8 | (guint32)(c) << 16 | (guint32)(d) << 24)

static void
vm_screen_dispose(GObject *object)
{
    VmScreen *self = VM_SCREEN(object);

    g_clear_pointer(&self->scanout.buffer, vm_buffer_unref);
    g_clear_pointer(&self->viewers, g_ptr_array_unref);
    G_OBJECT_CLASS(vm_screen_parent_class)->dispose(object);
}

static void
vm_screen_class_init(VmScreenClass *klass)
{
    GType type = G_TYPE_FROM_CLASS(klass);

    G_OBJECT_CLASS(klass)->dispose = vm_screen_dispose;
    signals[SCANOUT_CHANGED] = g_signal_new("scanout-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                            NULL, NULL, G_TYPE_NONE, 0);
    signals[DAMAGE] = g_signal_new("damage", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_POINTER);
    signals[CURSOR_CHANGED] = g_signal_new("cursor-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                           NULL, G_TYPE_NONE, 0);
    signals[FLIPS_CHANGED] =
        g_signal_new("flips-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[SHOWN] = g_signal_new("shown", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                  G_TYPE_NONE, 1, G_TYPE_UINT);
    signals[TEXTURES_CHANGED] = g_signal_new("textures-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                             NULL, NULL, G_TYPE_NONE, 0);
    signals[PIXELS_WANTED] =
        g_signal_new("pixels-wanted", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
    signals[PIXELS] = g_signal_new("pixels", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 1, G_TYPE_POINTER);
    signals[CURSOR_MOVED] =
        g_signal_new("cursor-moved", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_screen_init(VmScreen *self)
{
    self->viewers = g_ptr_array_new();
}

VmScreen *
vm_screen_new(guint number)
{
    VmScreen *self = g_object_new(VM_TYPE_SCREEN, NULL);

    self->number = number;
    return self;
}

guint
vm_screen_get_number(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), 0);
    return self->number;
}

const struct gpu_mode *
vm_screen_get_mode(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), NULL);
    return &self->mode;
}

void
vm_screen_set_mode(VmScreen *self, const struct gpu_mode *mode)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    self->mode = *mode;
}

const VmScanout *
vm_screen_get_scanout(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), NULL);
    return &self->scanout;
}

const VmCursorState *
vm_screen_get_cursor(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), NULL);
    return &self->cursor;
}

static gboolean
same_scanout(const VmScanout *a, const VmScanout *b)
{
    if (!a->buffer || !b->buffer) {
        return a->buffer == b->buffer;
    }
    return a->buffer == b->buffer && a->offset == b->offset && a->width == b->width &&
           a->height == b->height && a->stride == b->stride && a->fourcc == b->fourcc &&
           a->x == b->x && a->y == b->y;
}

/* After a change of the viewers or of what is to be seen. */
static void
update_shown(VmScreen *self)
{
    guint64 shown = self->serial;
    guint32 id;

    for (guint i = 0; i < self->viewers->len; i++) {
        const VmScreenViewer *viewer = g_ptr_array_index(self->viewers, i);

        shown = viewer->late ? shown : MIN(shown, viewer->shown);
    }
    if (self->viewers->len == 0 || shown <= self->shown || self->serial - shown >= RECENT) {
        return;
    }
    self->shown = shown;
    id = self->ids[shown % RECENT];
    if (id != 0) {
        g_signal_emit(self, signals[SHOWN], 0, id);
    }
}

guint64
vm_screen_get_serial(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), 0);
    return self->serial;
}

void
vm_screen_set_shown(VmScreen *self, VmScreenViewer *viewer, guint64 serial)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    viewer->late = serial == VM_SCREEN_LATE;
    viewer->shown = MAX(viewer->shown, serial);
    update_shown(self);
}

void
vm_screen_set_scanout(VmScreen *self, const VmScanout *scanout)
{
    VmBuffer *old;

    g_return_if_fail(VM_IS_SCREEN(self));
    if (same_scanout(&self->scanout, scanout)) {
        return;
    }
    old = self->scanout.buffer;
    self->scanout = *scanout;
    if (scanout->buffer) {
        vm_buffer_ref(scanout->buffer);
    }
    self->serial++;
    self->ids[self->serial % RECENT] = scanout->buffer ? scanout->buffer_id : 0;
    g_signal_emit(self, signals[SCANOUT_CHANGED], 0);
    update_shown(self);
    g_clear_pointer(&old, vm_buffer_unref);
}

void
vm_screen_add_viewer(VmScreen *self, VmScreenViewer *viewer)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    *viewer = (VmScreenViewer){.shown = self->serial > 0 ? self->serial - 1 : 0};
    g_ptr_array_add(self->viewers, viewer);
    if (self->viewers->len == 1) {
        self->shown = 0;
        g_signal_emit(self, signals[FLIPS_CHANGED], 0);
    }
}

void
vm_screen_remove_viewer(VmScreen *self, VmScreenViewer *viewer)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    g_ptr_array_remove(self->viewers, viewer);
    if (self->viewers->len == 0) {
        g_signal_emit(self, signals[FLIPS_CHANGED], 0);
    }
    update_shown(self);
}

gboolean
vm_screen_get_flips(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), FALSE);
    return self->viewers->len > 0;
}

gboolean
vm_screen_get_textures(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), FALSE);
    return self->listeners > 0 && self->texture_listeners == self->listeners;
}

static void
count_listener(VmScreen *self, gint n, gboolean textures)
{
    const gboolean before = vm_screen_get_textures(self);

    self->listeners += (guint)n;
    self->texture_listeners += textures ? (guint)n : 0;
    if (vm_screen_get_textures(self) != before) {
        g_signal_emit(self, signals[TEXTURES_CHANGED], 0);
    }
}

void
vm_screen_add_listener(VmScreen *self, gboolean textures)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    count_listener(self, 1, textures);
}

void
vm_screen_remove_listener(VmScreen *self, gboolean textures)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    count_listener(self, -1, textures);
}

gboolean
vm_screen_shows_texture(VmScreen *self)
{
    g_return_val_if_fail(VM_IS_SCREEN(self), FALSE);
    return self->scanout.buffer && !self->scanout.buffer->data;
}

void
vm_screen_ask_pixels(VmScreen *self)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    if (!self->pixels_asked) {
        self->pixels_asked = TRUE;
        g_signal_emit(self, signals[PIXELS_WANTED], 0);
    }
}

void
vm_screen_set_pixels(VmScreen *self, const VmScanout *pixels)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    if (!pixels || !pixels->buffer) {
        pixels = self->scanout.buffer && self->scanout.buffer->data ? &self->scanout : NULL;
    }
    self->pixels_asked = FALSE;
    g_signal_emit(self, signals[PIXELS], 0, pixels);
}

void
vm_screen_damage(VmScreen *self, guint x, guint y, guint width, guint height)
{
    const VmScanout *scanout = &self->scanout;
    VmRect rect;

    g_return_if_fail(VM_IS_SCREEN(self));
    if (!scanout->buffer || x >= scanout->width || y >= scanout->height) {
        return;
    }
    rect.x = (gint)x;
    rect.y = (gint)y;
    rect.width = (gint)MIN(width, scanout->width - x);
    rect.height = (gint)MIN(height, scanout->height - y);
    if (rect.width > 0 && rect.height > 0) {
        g_signal_emit(self, signals[DAMAGE], 0, &rect);
    }
}

void
vm_screen_set_cursor(VmScreen *self, const struct gpu_cursor *cursor)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    self->cursor.visible = cursor->visible != 0;
    if (self->cursor.visible) {
        self->cursor.hot_x = MIN(cursor->hot_x, GPU_CURSOR_SIZE - 1);
        self->cursor.hot_y = MIN(cursor->hot_y, GPU_CURSOR_SIZE - 1);
        memcpy(self->cursor.pixels, cursor->pixels, sizeof(self->cursor.pixels));
    }
    g_signal_emit(self, signals[CURSOR_CHANGED], 0);
}

void
vm_screen_hide_cursor(VmScreen *self)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    self->cursor.visible = FALSE;
    g_signal_emit(self, signals[CURSOR_CHANGED], 0);
}

void
vm_screen_move_cursor(VmScreen *self, guint x, guint y)
{
    g_return_if_fail(VM_IS_SCREEN(self));
    self->cursor.x = (gint)MIN(x, GPU_EDGE_MAX);
    self->cursor.y = (gint)MIN(y, GPU_EDGE_MAX);
    g_signal_emit(self, signals[CURSOR_MOVED], 0);
}

guint32
vm_screen_pixman_format(guint32 fourcc)
{
    switch (fourcc) {
    case FOURCC('X', 'R', '2', '4'):
        return 0x20020888; /* PIXMAN_x8r8g8b8 */
    case FOURCC('A', 'R', '2', '4'):
        return 0x20028888; /* PIXMAN_a8r8g8b8 */
    case FOURCC('X', 'B', '2', '4'):
        return 0x20030888; /* PIXMAN_x8b8g8r8 */
    case FOURCC('A', 'B', '2', '4'):
        return 0x20038888; /* PIXMAN_a8b8g8r8 */
    default:
        return 0;
    }
}
