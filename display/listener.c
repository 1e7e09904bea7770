/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/listener.h"

#include <string.h>

#include "display/caller.h"
#include "vmm/base/log.h"

#define LISTENER_PATH      "/org/qemu/Display1/Listener"
#define LISTENER_INTERFACE "org.qemu.Display1.Listener"
#define DMABUF_INTERFACE   "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2"
#define MAP_INTERFACE      "org.qemu.Display1.Listener.Unix.Map"

enum {
    IN_FLIGHT_MAX = 2,
    ROW_ALIGNMENT = 256, /* bytes */
    QUESTION_TIMEOUT_MS = 5000,
    INLINE_UPDATE_MAX = 16 << 20,             /* bytes; larger damage goes in bands */
    INLINE_SCANOUT_MAX = (64 << 20) - 0x1000, /* D-Bus: an array is at most 64 MiB */
};

struct _VmListener {
    GObject parent_instance;
    VmScreen *screen;
    VmCaller *caller; /* NULL: closed */
    guint question;   /* the time limit of what interfaces the client has */
    gboolean ready;   /* they are known */
    gboolean map;
    gboolean dmabuf;        /* takes dmabufs, and did not refuse one */
    gboolean shows_dmabuf;  /* what was sent last */
    guint in_flight;        /* pictures and updates */
    guint cursor_in_flight; /* cursor calls */
    gboolean scanout_dirty;
    gboolean cursor_dirty;
    gboolean position_dirty;
    VmDamage damage;
    struct log_limit limit;
};

G_DEFINE_FINAL_TYPE(VmListener, vm_listener, G_TYPE_OBJECT)

static guint closed; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void pump(VmListener *self);

static void
tell_error(const VmWireMessage *answer)
{
    if (answer->type == VM_WIRE_ERROR) {
        log_debug("listener: %s", answer->error ? answer->error : "an error");
    }
}

static void
handle_update_done(const VmWireMessage *answer, const guint8 *data, gsize size, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);

    self->in_flight--;
    tell_error(answer);
    pump(self);
}

static void
handle_cursor_done(const VmWireMessage *answer, const guint8 *data, gsize size, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);

    self->cursor_in_flight--;
    tell_error(answer);
    pump(self);
}

/* A client that cannot show one gets every picture in another way from then on, this one first. */
static void
handle_dmabuf_done(const VmWireMessage *answer, const guint8 *data, gsize size, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);

    self->in_flight--;
    tell_error(answer);
    if (answer->type == VM_WIRE_ERROR && self->dmabuf) {
        self->dmabuf = FALSE;
        self->scanout_dirty = TRUE;
    }
    pump(self);
}

/* `count` is one more until the answer comes. */
static void
send_call(VmListener *self, const VmCall *call, VmCallDone done, guint *count)
{
    if (vm_caller_call(self->caller, call, done, self)) {
        ++*count;
    } else {
        log_limited(&self->limit, LOG_LEVEL_WARNING, "listener: no descriptor is left for %s",
                    call->member);
    }
}

/* A call whose arguments, or the first of them, are numbers of 32 bits. */
#define NUMBERS(interface_, member_, signature_, numbers_)                                      \
    {                                                                                           \
        .path = LISTENER_PATH, .interface = (interface_), .member = (member_),                  \
        .signature = (signature_), .body = &(numbers_), .body_size = sizeof(numbers_), .fd = -1 \
    }

static void
send_disable(VmListener *self)
{
    const VmCall call = {
        .path = LISTENER_PATH, .interface = LISTENER_INTERFACE, .member = "Disable", .fd = -1};

    send_call(self, &call, handle_update_done, &self->in_flight);
}

/* A tight copy of a rectangle; NULL when there is no memory for it. */
static GBytes *
copy_pixels(const VmScanout *scanout, const VmRect *rect)
{
    gsize row = (gsize)rect->width * 4;
    gsize size = row * (gsize)rect->height;
    guint8 *data = g_try_malloc(size);

    if (!data) {
        return NULL;
    }
    for (gint y = 0; y < rect->height; y++) {
        memcpy(data + (gsize)y * row,
               scanout->buffer->data + scanout->offset + (gsize)(rect->y + y) * scanout->stride +
                   (gsize)rect->x * 4,
               row);
    }
    return g_bytes_new_take(data, size);
}

static void
send_scanout_map(VmListener *self, const VmScanout *scanout)
{
    const guint32 numbers[] = {0, /* the only descriptor */
                               (guint32)scanout->offset,
                               scanout->width,
                               scanout->height,
                               scanout->stride,
                               vm_screen_pixman_format(scanout->fourcc)};
    VmCall call = NUMBERS(MAP_INTERFACE, "ScanoutMap", "huuuuu", numbers);

    call.fd = scanout->buffer->fd;
    send_call(self, &call, handle_update_done, &self->in_flight);
}

/* One plane, linear: the memory file's own pages. */
static void
send_scanout_dmabuf(VmListener *self, const VmScanout *scanout)
{
    const struct {
        guint32 handles_size, handle;
        guint32 x, y, width, height;
        guint32 offsets_size, offset;
        guint32 strides_size, stride;
        guint32 n_planes, fourcc, backing_width, backing_height;
        guint64 modifier;
        guint32 y0_top;
        guint32 end; /* of the structure, not of the message */
    } body = {.handles_size = 4,
              .width = scanout->width,
              .height = scanout->height,
              .offsets_size = 4,
              .offset = (guint32)scanout->offset,
              .strides_size = 4,
              .stride = scanout->stride,
              .n_planes = 1,
              .fourcc = scanout->fourcc,
              .backing_width = scanout->width,
              .backing_height = scanout->height,
              .y0_top = TRUE};
    const VmCall call = {.path = LISTENER_PATH,
                         .interface = DMABUF_INTERFACE,
                         .member = "ScanoutDMABUF2",
                         .signature = "ahuuuuauauuuuutb",
                         .body = &body,
                         .body_size = offsetof(typeof(body), end),
                         .fd = scanout->buffer->dmabuf};

    send_call(self, &call, handle_dmabuf_done, &self->in_flight);
}

static void
send_scanout_inline(VmListener *self, const VmScanout *scanout)
{
    VmRect all = {.width = (gint)scanout->width, .height = (gint)scanout->height};
    const guint64 size = (guint64)scanout->width * scanout->height * 4;
    g_autoptr(GBytes) pixels = size <= INLINE_SCANOUT_MAX ? copy_pixels(scanout, &all) : NULL;
    const guint32 numbers[] = {scanout->width, scanout->height, scanout->width * 4,
                               vm_screen_pixman_format(scanout->fourcc), (guint32)size};
    VmCall call = NUMBERS(LISTENER_INTERFACE, "Scanout", "uuuuay", numbers);

    if (!pixels) {
        log_limited(&self->limit, LOG_LEVEL_WARNING,
                    "listener: a picture of %u x %u does not fit a message", scanout->width,
                    scanout->height);
        send_disable(self);
        return;
    }
    call.tail = pixels;
    send_call(self, &call, handle_update_done, &self->in_flight);
}

/* Not where a graphics card is likely to refuse, or to misread: their linear rows are multiples of this. */
static gboolean
has_dmabuf(const VmScanout *scanout)
{
    return scanout->buffer && scanout->buffer->dmabuf >= 0 &&
           scanout->stride % ROW_ALIGNMENT == 0 && scanout->offset % ROW_ALIGNMENT == 0;
}

static void
set_shows_dmabuf(VmListener *self, gboolean shows)
{
    if (self->shows_dmabuf != shows) {
        self->shows_dmabuf = shows;
        vm_screen_add_flips(self->screen, shows ? 1 : -1);
    }
}

static void
send_scanout(VmListener *self)
{
    const VmScanout *scanout = vm_screen_get_scanout(self->screen);

    self->scanout_dirty = FALSE;
    set_shows_dmabuf(self, self->dmabuf && has_dmabuf(scanout));
    vm_damage_clear(&self->damage);
    if (!scanout->buffer) {
        send_disable(self);
    } else if (self->shows_dmabuf) {
        send_scanout_dmabuf(self, scanout);
    } else if (self->map) {
        send_scanout_map(self, scanout);
    } else {
        send_scanout_inline(self, scanout);
    }
}

static void
send_update_inline(VmListener *self, const VmRect *rect)
{
    const VmScanout *scanout = vm_screen_get_scanout(self->screen);
    VmRect band = *rect;
    gint rows = MAX(INLINE_UPDATE_MAX / (rect->width * 4), 1);
    g_autoptr(GBytes) pixels = NULL;

    if (band.height > rows) {
        VmRect rest = {
            .x = rect->x, .y = rect->y + rows, .width = rect->width, .height = rect->height - rows};
        vm_damage_add(&self->damage, &rest);
        band.height = rows;
    }
    pixels = copy_pixels(scanout, &band);
    if (pixels) {
        const guint32 numbers[] = {(guint32)band.x,
                                   (guint32)band.y,
                                   (guint32)band.width,
                                   (guint32)band.height,
                                   (guint32)band.width * 4,
                                   vm_screen_pixman_format(scanout->fourcc),
                                   (guint32)g_bytes_get_size(pixels)};
        VmCall call = NUMBERS(LISTENER_INTERFACE, "Update", "iiiiuuay", numbers);

        call.tail = pixels;
        send_call(self, &call, handle_update_done, &self->in_flight);
    }
}

static void
send_update(VmListener *self, const VmRect *rect)
{
    if (self->shows_dmabuf) {
        const VmCall call = NUMBERS(LISTENER_INTERFACE, "UpdateDMABUF", "iiii", *rect);

        send_call(self, &call, handle_dmabuf_done, &self->in_flight);
    } else if (self->map) {
        const VmCall call = NUMBERS(MAP_INTERFACE, "UpdateMap", "iiii", *rect);

        send_call(self, &call, handle_update_done, &self->in_flight);
    } else {
        send_update_inline(self, rect);
    }
}

static void
send_cursor(VmListener *self, const VmCursorState *cursor)
{
    const guint32 numbers[] = {GPU_CURSOR_SIZE, GPU_CURSOR_SIZE, cursor->hot_x, cursor->hot_y,
                               sizeof(cursor->pixels)};
    g_autoptr(GBytes) pixels = g_bytes_new(cursor->pixels, sizeof(cursor->pixels));
    VmCall call = NUMBERS(LISTENER_INTERFACE, "CursorDefine", "iiiiay", numbers);

    call.tail = pixels;
    send_call(self, &call, handle_cursor_done, &self->cursor_in_flight);
}

static void
pump_cursor(VmListener *self)
{
    const VmCursorState *cursor = vm_screen_get_cursor(self->screen);
    const gint32 numbers[] = {cursor->x, cursor->y, cursor->visible ? 1 : 0};
    const VmCall move = NUMBERS(LISTENER_INTERFACE, "MouseSet", "iii", numbers);

    if (self->cursor_in_flight > 0 || !(self->cursor_dirty || self->position_dirty)) {
        return;
    }
    if (self->cursor_dirty && cursor->visible) {
        send_cursor(self, cursor);
    }
    send_call(self, &move, handle_cursor_done, &self->cursor_in_flight);
    self->cursor_dirty = FALSE;
    self->position_dirty = FALSE;
}

static void
pump(VmListener *self)
{
    VmRect rect;

    if (!self->ready) {
        return;
    }
    if (self->scanout_dirty && self->in_flight < IN_FLIGHT_MAX) {
        send_scanout(self);
    }
    while (!self->scanout_dirty && self->in_flight < IN_FLIGHT_MAX &&
           vm_damage_take(&self->damage, &rect)) {
        send_update(self, &rect);
    }
    pump_cursor(self);
}

static void
handle_scanout_changed(VmListener *self, VmScreen *screen)
{
    self->scanout_dirty = TRUE;
    pump(self);
}

static void
handle_damage(VmListener *self, const VmRect *rect, VmScreen *screen)
{
    if (!self->scanout_dirty) {
        vm_damage_add(&self->damage, rect);
        pump(self);
    }
}

static void
handle_cursor_changed(VmListener *self, VmScreen *screen)
{
    self->cursor_dirty = TRUE;
    pump(self);
}

static void
handle_cursor_moved(VmListener *self, VmScreen *screen)
{
    self->position_dirty = TRUE;
    pump(self);
}

static void
begin(VmListener *self)
{
    g_clear_handle_id(&self->question, g_source_remove);
    self->ready = TRUE;
    self->scanout_dirty = TRUE;
    self->cursor_dirty = vm_screen_get_cursor(self->screen)->visible;
    pump(self);
}

/* Older clients do not have the property. */
static void
handle_interfaces(const VmWireMessage *answer, const guint8 *data, gsize size, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);
    g_autoptr(GDBusMessage) message = NULL;
    GVariant *body;

    if (self->ready) {
        return; /* too late */
    }
    message = answer->type == VM_WIRE_RETURN && g_strcmp0(answer->signature, "v") == 0
                  ? g_dbus_message_new_from_blob((guchar *)data, size,
                                                 G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL)
                  : NULL;
    body = message ? g_dbus_message_get_body(message) : NULL;
    if (body && vm_caller_passes_fds(self->caller)) {
        g_autoptr(GVariant) value = NULL;

        g_variant_get(body, "(v)", &value);
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
            g_autofree const char **names = g_variant_get_strv(value, NULL);
            self->map = g_strv_contains(names, MAP_INTERFACE);
            self->dmabuf = g_strv_contains(names, DMABUF_INTERFACE);
        }
    }
    begin(self);
}

static gboolean
handle_no_interfaces(gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);

    self->question = 0;
    begin(self);
    return G_SOURCE_REMOVE;
}

static void
handle_closed(VmListener *self)
{
    g_autoptr(VmListener) keep = g_object_ref(self);

    vm_listener_close(self);
    g_signal_emit(self, closed, 0);
}

static void
handle_open(VmListener *self)
{
    /* Two texts, each behind its length and at a multiple of four. */
    static const char question[] = "\x1a\0\0\0" LISTENER_INTERFACE "\0\0\x0a\0\0\0Interfaces";
    const VmCall call = {.path = LISTENER_PATH,
                         .interface = "org.freedesktop.DBus.Properties",
                         .member = "Get",
                         .signature = "ss",
                         .body = question,
                         .body_size = sizeof(question),
                         .fd = -1};

    G_STATIC_ASSERT(sizeof(LISTENER_INTERFACE) - 1 == 0x1a && sizeof("Interfaces") - 1 == 0x0a);
    G_STATIC_ASSERT(G_BYTE_ORDER == G_LITTLE_ENDIAN);
    self->question = g_timeout_add(QUESTION_TIMEOUT_MS, handle_no_interfaces, self);
    vm_caller_call(self->caller, &call, handle_interfaces, self);
}

void
vm_listener_close(VmListener *self)
{
    g_return_if_fail(VM_IS_LISTENER(self));
    g_clear_handle_id(&self->question, g_source_remove);
    if (self->caller) {
        g_signal_handlers_disconnect_by_data(self->caller, self);
        vm_caller_close(self->caller);
        g_clear_object(&self->caller);
    }
    if (self->screen) {
        g_signal_handlers_disconnect_by_data(self->screen, self);
        set_shows_dmabuf(self, FALSE);
    }
    self->ready = FALSE;
}

static void
vm_listener_dispose(GObject *object)
{
    VmListener *self = VM_LISTENER(object);

    vm_listener_close(self);
    g_clear_object(&self->screen);
    G_OBJECT_CLASS(vm_listener_parent_class)->dispose(object);
}

static void
vm_listener_class_init(VmListenerClass *klass)
{
    G_OBJECT_CLASS(klass)->dispose = vm_listener_dispose;
    closed = g_signal_new("closed", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                          NULL, G_TYPE_NONE, 0);
}

static void
vm_listener_init(VmListener *self)
{
}

VmScreen *
vm_listener_get_screen(VmListener *self)
{
    g_return_val_if_fail(VM_IS_LISTENER(self), NULL);
    return self->screen;
}

VmListener *
vm_listener_new(VmScreen *screen, GSocketConnection *connection, GError **error)
{
    VmCaller *caller = vm_caller_new(connection, error);
    VmListener *self;

    if (!caller) {
        return NULL;
    }
    self = g_object_new(VM_TYPE_LISTENER, NULL);
    self->screen = g_object_ref(screen);
    self->caller = caller;
    g_signal_connect_object(screen, "scanout-changed", G_CALLBACK(handle_scanout_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "damage", G_CALLBACK(handle_damage), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "cursor-changed", G_CALLBACK(handle_cursor_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "cursor-moved", G_CALLBACK(handle_cursor_moved), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(caller, "ready", G_CALLBACK(handle_open), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(caller, "closed", G_CALLBACK(handle_closed), self, G_CONNECT_SWAPPED);
    vm_caller_start(caller);
    return self;
}
