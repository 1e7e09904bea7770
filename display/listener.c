/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/listener.h"

#include <gio/gunixfdlist.h>
#include <string.h>

#include "display/peer.h"
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
    GIOStream *stream;
    GDBusConnection *connection; /* NULL until it is open */
    GCancellable *cancellable;
    gboolean ready; /* the interfaces are known */
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

static gboolean
finish_call(VmListener *self, GObject *source, GAsyncResult *result)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, &error);

    if (!reply && !g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) {
        log_debug("listener: %s", error->message);
    }
    return self->connection != NULL;
}

static void
handle_update_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmListener) self = VM_LISTENER(user_data);

    self->in_flight--;
    if (finish_call(self, source, result)) {
        pump(self);
    }
}

static void
handle_cursor_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmListener) self = VM_LISTENER(user_data);

    self->cursor_in_flight--;
    if (finish_call(self, source, result)) {
        pump(self);
    }
}

/* A client that cannot show one gets every picture in another way from then on, this one first. */
static void
handle_dmabuf_done(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmListener) self = VM_LISTENER(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, &error);

    self->in_flight--;
    if (!self->connection) {
        return;
    }
    if (!reply && self->dmabuf) {
        log_debug("listener: takes no dmabuf: %s", error->message);
        self->dmabuf = FALSE;
        self->scanout_dirty = TRUE;
    }
    pump(self);
}

static void
call_dmabuf(VmListener *self, const char *interface, const char *method, GVariant *arguments,
            GUnixFDList *fds)
{
    self->in_flight++;
    g_dbus_connection_call_with_unix_fd_list(self->connection, NULL, LISTENER_PATH, interface,
                                             method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE,
                                             G_MAXINT, fds, self->cancellable, handle_dmabuf_done,
                                             g_object_ref(self));
}

static void
call(VmListener *self, const char *interface, const char *method, GVariant *arguments,
     GUnixFDList *fds)
{
    self->in_flight++;
    g_dbus_connection_call_with_unix_fd_list(self->connection, NULL, LISTENER_PATH, interface,
                                             method, arguments, NULL, G_DBUS_CALL_FLAGS_NONE,
                                             G_MAXINT, fds, self->cancellable, handle_update_done,
                                             g_object_ref(self));
}

static void
call_cursor(VmListener *self, const char *method, GVariant *arguments)
{
    self->cursor_in_flight++;
    g_dbus_connection_call_with_unix_fd_list(
        self->connection, NULL, LISTENER_PATH, LISTENER_INTERFACE, method, arguments, NULL,
        G_DBUS_CALL_FLAGS_NONE, G_MAXINT, NULL, self->cancellable, handle_cursor_done,
        g_object_ref(self));
}

/* A tight copy of a rectangle as "ay"; NULL when there is no memory for it. */
static GVariant *
copy_pixels(const VmScanout *scanout, const VmRect *rect)
{
    gsize row = (gsize)rect->width * 4;
    gsize size = row * (gsize)rect->height;
    guint8 *data = g_try_malloc(size);
    g_autoptr(GBytes) bytes = NULL;

    if (!data) {
        return NULL;
    }
    for (gint y = 0; y < rect->height; y++) {
        memcpy(data + (gsize)y * row,
               scanout->buffer->data + scanout->offset + (gsize)(rect->y + y) * scanout->stride +
                   (gsize)rect->x * 4,
               row);
    }
    bytes = g_bytes_new_take(data, size);
    return g_variant_new_from_bytes(G_VARIANT_TYPE_BYTESTRING, bytes, TRUE);
}

static void
send_scanout_map(VmListener *self, const VmScanout *scanout)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    g_autoptr(GError) error = NULL;
    gint index = g_unix_fd_list_append(fds, scanout->buffer->fd, &error);

    if (index < 0) {
        log_warning("listener: %s", error->message);
        return;
    }
    call(self, MAP_INTERFACE, "ScanoutMap",
         g_variant_new("(huuuuu)", index, (guint32)scanout->offset, scanout->width, scanout->height,
                       scanout->stride, vm_screen_pixman_format(scanout->fourcc)),
         fds);
}

/* One plane, linear: the memory file's own pages. */
static void
send_scanout_dmabuf(VmListener *self, const VmScanout *scanout)
{
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    g_autoptr(GError) error = NULL;
    const guint32 offset = (guint32)scanout->offset;
    const guint32 stride = scanout->stride;
    gint index = g_unix_fd_list_append(fds, scanout->buffer->dmabuf, &error);

    if (index < 0) {
        log_warning("listener: %s", error->message);
        return;
    }
    call_dmabuf(
        self, DMABUF_INTERFACE, "ScanoutDMABUF2",
        g_variant_new("(@ahuuuu@au@auuuuutb)",
                      g_variant_new_fixed_array(G_VARIANT_TYPE_HANDLE, &index, 1, sizeof(index)), 0,
                      0, scanout->width, scanout->height,
                      g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, &offset, 1, sizeof(offset)),
                      g_variant_new_fixed_array(G_VARIANT_TYPE_UINT32, &stride, 1, sizeof(stride)),
                      1, scanout->fourcc, scanout->width, scanout->height, (guint64)0, TRUE),
        fds);
}

static void
send_scanout_inline(VmListener *self, const VmScanout *scanout)
{
    VmRect all = {.width = (gint)scanout->width, .height = (gint)scanout->height};
    GVariant *pixels = NULL;

    if ((guint64)scanout->width * scanout->height * 4 <= INLINE_SCANOUT_MAX) {
        pixels = copy_pixels(scanout, &all);
    }
    if (!pixels) {
        log_limited(&self->limit, LOG_LEVEL_WARNING,
                    "listener: a picture of %u x %u does not fit a message", scanout->width,
                    scanout->height);
        call(self, LISTENER_INTERFACE, "Disable", NULL, NULL);
        return;
    }
    call(self, LISTENER_INTERFACE, "Scanout",
         g_variant_new("(uuuu@ay)", scanout->width, scanout->height, scanout->width * 4,
                       vm_screen_pixman_format(scanout->fourcc), pixels),
         NULL);
}

/* Not where a graphics card is likely to refuse, or to misread: their linear rows are multiples of this. */
static gboolean
has_dmabuf(const VmScanout *scanout)
{
    return scanout->buffer && scanout->buffer->dmabuf >= 0 &&
           scanout->stride % ROW_ALIGNMENT == 0 && scanout->offset % ROW_ALIGNMENT == 0;
}

static void
send_scanout(VmListener *self)
{
    const VmScanout *scanout = vm_screen_get_scanout(self->screen);

    self->scanout_dirty = FALSE;
    self->shows_dmabuf = self->dmabuf && has_dmabuf(scanout);
    vm_damage_clear(&self->damage);
    if (!scanout->buffer) {
        call(self, LISTENER_INTERFACE, "Disable", NULL, NULL);
    } else if (self->shows_dmabuf) {
        send_scanout_dmabuf(self, scanout);
    } else if (self->map) {
        send_scanout_map(self, scanout);
    } else {
        send_scanout_inline(self, scanout);
    }
}

static void
send_update(VmListener *self, const VmRect *rect)
{
    const VmScanout *scanout = vm_screen_get_scanout(self->screen);
    VmRect band = *rect;
    gint rows = MAX(INLINE_UPDATE_MAX / (rect->width * 4), 1);
    GVariant *pixels;

    if (self->shows_dmabuf) {
        call_dmabuf(self, LISTENER_INTERFACE, "UpdateDMABUF",
                    g_variant_new("(iiii)", rect->x, rect->y, rect->width, rect->height), NULL);
        return;
    }
    if (self->map) {
        call(self, MAP_INTERFACE, "UpdateMap",
             g_variant_new("(iiii)", rect->x, rect->y, rect->width, rect->height), NULL);
        return;
    }
    if (band.height > rows) {
        VmRect rest = {
            .x = rect->x, .y = rect->y + rows, .width = rect->width, .height = rect->height - rows};
        vm_damage_add(&self->damage, &rest);
        band.height = rows;
    }
    pixels = copy_pixels(scanout, &band);
    if (pixels) {
        call(self, LISTENER_INTERFACE, "Update",
             g_variant_new("(iiiiuu@ay)", band.x, band.y, band.width, band.height,
                           (guint32)band.width * 4, vm_screen_pixman_format(scanout->fourcc),
                           pixels),
             NULL);
    }
}

static void
pump_cursor(VmListener *self)
{
    const VmCursorState *cursor = vm_screen_get_cursor(self->screen);

    if (self->cursor_in_flight > 0 || !(self->cursor_dirty || self->position_dirty)) {
        return;
    }
    if (self->cursor_dirty && cursor->visible) {
        GVariant *pixels = g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, cursor->pixels,
                                                     sizeof(cursor->pixels), 1);

        call_cursor(self, "CursorDefine",
                    g_variant_new("(iiii@ay)", GPU_CURSOR_SIZE, GPU_CURSOR_SIZE,
                                  (gint)cursor->hot_x, (gint)cursor->hot_y, pixels));
    }
    call_cursor(self, "MouseSet",
                g_variant_new("(iii)", cursor->x, cursor->y, cursor->visible ? 1 : 0));
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
handle_interfaces(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmListener) self = VM_LISTENER(user_data);
    g_autoptr(GVariant) reply =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, NULL);

    if (!self->connection) {
        return;
    }
    if (reply) { /* older clients do not have the property */
        g_autoptr(GVariant) value = NULL;

        g_variant_get(reply, "(v)", &value);
        if (g_variant_is_of_type(value, G_VARIANT_TYPE_STRING_ARRAY)) {
            g_autofree const char **names = g_variant_get_strv(value, NULL);
            self->map = g_strv_contains(names, MAP_INTERFACE);
            self->dmabuf = g_strv_contains(names, DMABUF_INTERFACE);
        }
    }
    self->ready = TRUE;
    self->scanout_dirty = TRUE;
    self->cursor_dirty = vm_screen_get_cursor(self->screen)->visible;
    pump(self);
}

static void
handle_closed(VmListener *self)
{
    g_autoptr(VmListener) keep = g_object_ref(self);

    vm_listener_close(self);
    g_signal_emit(self, closed, 0);
}

static void
handle_opened(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmListener) self = VM_LISTENER(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) connection = vm_peer_open_finish(result, &error);

    if (!self->cancellable) { /* closed meanwhile */
        if (connection) {
            g_dbus_connection_close(connection, NULL, NULL, NULL);
        }
        return;
    }
    if (!connection) {
        log_debug("listener: %s", error->message);
        handle_closed(self);
        return;
    }
    self->connection = g_steal_pointer(&connection);
    g_signal_connect_object(self->connection, "closed", G_CALLBACK(handle_closed), self,
                            G_CONNECT_SWAPPED);
    g_dbus_connection_start_message_processing(self->connection);
    if (g_dbus_connection_is_closed(self->connection)) {
        handle_closed(self);
        return;
    }
    g_dbus_connection_call(self->connection, NULL, LISTENER_PATH, "org.freedesktop.DBus.Properties",
                           "Get", g_variant_new("(ss)", LISTENER_INTERFACE, "Interfaces"),
                           G_VARIANT_TYPE("(v)"), G_DBUS_CALL_FLAGS_NONE, QUESTION_TIMEOUT_MS,
                           self->cancellable, handle_interfaces, g_object_ref(self));
}

void
vm_listener_close(VmListener *self)
{
    g_return_if_fail(VM_IS_LISTENER(self));
    if (self->cancellable) {
        g_cancellable_cancel(self->cancellable);
        g_clear_object(&self->cancellable);
    }
    if (self->connection) {
        g_signal_handlers_disconnect_by_data(self->connection, self);
        g_dbus_connection_close(self->connection, NULL, NULL, NULL);
        g_clear_object(&self->connection);
    }
    if (self->screen) {
        g_signal_handlers_disconnect_by_data(self->screen, self);
    }
    self->ready = FALSE;
}

static void
vm_listener_dispose(GObject *object)
{
    VmListener *self = VM_LISTENER(object);

    vm_listener_close(self);
    g_clear_object(&self->screen);
    g_clear_object(&self->stream);
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
    self->cancellable = g_cancellable_new();
}

VmScreen *
vm_listener_get_screen(VmListener *self)
{
    g_return_val_if_fail(VM_IS_LISTENER(self), NULL);
    return self->screen;
}

VmListener *
vm_listener_new(VmScreen *screen, GIOStream *stream)
{
    VmListener *self = g_object_new(VM_TYPE_LISTENER, NULL);

    self->screen = g_object_ref(screen);
    self->stream = g_object_ref(stream);
    g_signal_connect_object(screen, "scanout-changed", G_CALLBACK(handle_scanout_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "damage", G_CALLBACK(handle_damage), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "cursor-changed", G_CALLBACK(handle_cursor_changed), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(screen, "cursor-moved", G_CALLBACK(handle_cursor_moved), self,
                            G_CONNECT_SWAPPED);
    vm_peer_open_async(stream, handle_opened, g_object_ref(self));
    return self;
}
