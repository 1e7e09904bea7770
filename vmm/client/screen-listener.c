/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/screen-listener.h"

#include <gio/gunixfdlist.h>
#include <string.h>
#include <unistd.h>

#include "vm-dbus-display1.h"
#include "vmm/client/picture-map.h"
#include "vmm/client/private.h"

#define LISTENER_PATH "/org/qemu/Display1/Listener"

enum {
    CURSOR_EDGE_MAX = 512,
    PRESENTED_TIMEOUT_MS = 100, /* a window that nobody sees is not presented */
    UNSEEN_TIMEOUT_MS = 16,     /* the machine draws as if it were */
};

/* A call about a dmabuf that is answered when it is on the screen. */
struct unanswered {
    guint64 serial;
    GDBusMethodInvocation *invocation;
};

struct _VmScreenListener {
    GObject parent_instance;
    GCancellable *cancellable; /* NULL: closed */
    int stream_fd;             /* until the link is made */
    GDBusConnection *link;
    VmDbusListener *listener;
    VmDbusListenerUnixMap *map_listener;
    VmDbusListenerUnixScanoutDMABUF2 *dmabuf_listener; /* NULL: dmabufs are not taken */
    gboolean takes_dmabuf;
    VmTextures takes_textures;
    gboolean paced;
    gboolean unseen;   /* what came was not presented in time, and nothing was since */
    guint64 serial;    /* of what came last */
    GQueue unanswered; /* oldest first */
    guint timeout;     /* while there are some */
    VmPictureMap map;
    VmCursor cursor;
    guint32 *cursor_pixels;
    gboolean cursor_shown;
};

G_DEFINE_FINAL_TYPE(VmScreenListener, vm_screen_listener, G_TYPE_OBJECT)

enum {
    SCANOUT_CHANGED,
    DAMAGE,
    CURSOR_CHANGED,
    LOST,
    N_SIGNALS
};

static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */

static void
answer_until(VmScreenListener *self, guint64 serial)
{
    struct unanswered *first;

    while ((first = g_queue_peek_head(&self->unanswered)) && first->serial <= serial) {
        g_dbus_method_invocation_return_value(first->invocation, NULL);
        g_free(g_queue_pop_head(&self->unanswered));
    }
    if (!first) {
        g_clear_handle_id(&self->timeout, g_source_remove);
    }
}

static gboolean
handle_not_presented(gpointer user_data)
{
    VmScreenListener *self = VM_SCREEN_LISTENER(user_data);

    self->timeout = 0;
    self->unseen = TRUE;
    answer_until(self, self->serial);
    return G_SOURCE_REMOVE;
}

/* Now, or when it is on the screen. */
static void
answer_shown(VmScreenListener *self, GDBusMethodInvocation *invocation)
{
    const struct unanswered unanswered = {self->serial, invocation};

    g_queue_push_tail(&self->unanswered, g_memdup2(&unanswered, sizeof(unanswered)));
    if (!self->paced) {
        answer_until(self, self->serial);
    } else if (!self->timeout) {
        self->timeout = g_timeout_add(self->unseen ? UNSEEN_TIMEOUT_MS : PRESENTED_TIMEOUT_MS,
                                      handle_not_presented, self);
    }
}

/* The old memory goes only after everybody has let go of it. */
static void
replace_map(VmScreenListener *self, const VmPictureMap *map)
{
    VmPictureMap old = self->map;

    self->map = *map;
    g_signal_emit(self, signals[SCANOUT_CHANGED], 0);
    vm_picture_map_close(&old);
}

/* The generated signal's form. */
static gboolean
handle_scanout_map(VmScreenListener *self, GDBusMethodInvocation *invocation, GUnixFDList *fds,
                   GVariant *handle, guint offset, guint width, guint height, guint stride,
                   guint format)
{
    const VmPictureLayout layout = {offset, width, height, stride, format};
    g_autoptr(GError) error = NULL;
    gint index = g_variant_get_handle(handle);
    VmPictureMap map;
    int fd = -1;

    if (fds && index >= 0 && index < g_unix_fd_list_get_length(fds)) {
        fd = g_unix_fd_list_get(fds, index, &error);
    }
    if (fd < 0 || !vm_picture_map_open(&map, fd, &layout, &error)) {
        g_dbus_method_invocation_return_error(invocation, G_DBUS_ERROR, G_DBUS_ERROR_INVALID_ARGS,
                                              "%s", error ? error->message : "no descriptor");
    } else {
        self->serial++;
        replace_map(self, &map);
        vm_dbus_listener_unix_map_complete_scanout_map(self->map_listener, invocation, NULL);
    }
    if (fd >= 0) {
        close(fd);
    }
    return TRUE;
}

/* The first number of "au", which must have one. */
static gboolean
first_number(GVariant *numbers, guint *ret)
{
    gsize n = g_variant_n_children(numbers);

    if (n > 0) {
        g_variant_get_child(numbers, 0, "u", ret);
    }
    return n > 0;
}

/* The arguments of a ScanoutDMABUF2 with one plane. */
struct dmabuf_call {
    VmTexture texture; /* all but the descriptor */
    guint width;
    guint height;
    gint index; /* of the descriptor */
};

static gboolean
read_dmabuf_call(GDBusMethodInvocation *invocation, struct dmabuf_call *ret_call)
{
    GVariant *arguments = g_dbus_method_invocation_get_parameters(invocation);
    g_autoptr(GVariant) handles = NULL;
    g_autoptr(GVariant) offsets = NULL;
    g_autoptr(GVariant) strides = NULL;
    struct dmabuf_call call;
    VmTexture *texture = &call.texture;
    guint planes;
    gboolean y0_top;

    g_variant_get(arguments, "(@ahuuuu@au@auuuuutb)", &handles, &texture->x, &texture->y,
                  &call.width, &call.height, &offsets, &strides, &planes, &texture->fourcc,
                  &texture->width, &texture->height, &texture->modifier, &y0_top);
    if (g_variant_n_children(handles) != 1 || planes != 1 ||
        !first_number(offsets, &texture->offset) || !first_number(strides, &texture->stride)) {
        return FALSE;
    }
    texture->bottom_up = !y0_top;
    g_variant_get_child(handles, 0, "h", &call.index);
    *ret_call = call;
    return TRUE;
}

/* One linear plane, all of it, not upside down, can be mapped; others only be passed on. */
static gboolean
open_dmabuf(VmScreenListener *self, const struct dmabuf_call *call, int fd, VmPictureMap *ret_map,
            GError **error)
{
    const VmPictureLayout layout = {call->texture.offset, call->width, call->height,
                                    call->texture.stride, call->texture.fourcc};
    VmTexture texture = call->texture;

    texture.fd = fd;
    if (texture.x == 0 && texture.y == 0 && texture.modifier == VM_MODIFIER_LINEAR &&
        !texture.bottom_up) {
        return vm_picture_map_open_dmabuf(ret_map, fd, &layout, error);
    }
    if (!vm_picture_map_is_taken(&texture, self->takes_textures) ||
        (texture.bottom_up && call->height != texture.height)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                            "such textures are not taken");
        return FALSE;
    }
    if (self->takes_textures != VM_TEXTURES_ALL && !vm_picture_map_has_length(&texture)) {
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                            "the texture's file says that it is shorter");
        return FALSE;
    }
    return vm_picture_map_open_texture(ret_map, &texture, call->width, call->height, error);
}

static gboolean
handle_scanout_dmabuf(VmScreenListener *self, GDBusMethodInvocation *invocation, GUnixFDList *fds)
{
    g_autoptr(GError) error = NULL;
    struct dmabuf_call call;
    VmPictureMap map;
    int fd = -1;

    if (read_dmabuf_call(invocation, &call) && fds && call.index >= 0 &&
        call.index < g_unix_fd_list_get_length(fds)) {
        fd = g_unix_fd_list_get(fds, call.index, &error);
    }
    if (fd < 0 || !open_dmabuf(self, &call, fd, &map, &error)) {
        g_dbus_method_invocation_return_error(invocation, G_DBUS_ERROR, G_DBUS_ERROR_NOT_SUPPORTED,
                                              "%s", error ? error->message : "not of our kind");
    } else {
        self->serial++;
        replace_map(self, &map);
        answer_shown(self, invocation);
    }
    if (fd >= 0) {
        close(fd);
    }
    return TRUE;
}

static void
damage(VmScreenListener *self, gint x, gint y, gint width, gint height)
{
    gint picture_width = (gint)self->map.picture.width;
    gint picture_height = (gint)self->map.picture.height;

    if (x >= 0 && y >= 0 && x < picture_width && y < picture_height && width > 0 && height > 0) {
        g_signal_emit(self, signals[DAMAGE], 0, x, y, MIN(width, picture_width - x),
                      MIN(height, picture_height - y));
    }
}

/* The generated signal's form. */
static gboolean
handle_update_map(VmScreenListener *self, GDBusMethodInvocation *invocation, gint x, gint y,
                  gint width, gint height)
{
    self->serial++;
    damage(self, x, y, width, height);
    vm_dbus_listener_unix_map_complete_update_map(self->map_listener, invocation);
    return TRUE;
}

/* The generated signal's form. */
static gboolean
handle_update_dmabuf(VmScreenListener *self, GDBusMethodInvocation *invocation, gint x, gint y,
                     gint width, gint height)
{
    self->serial++;
    damage(self, x, y, width, height);
    answer_shown(self, invocation);
    return TRUE;
}

static gboolean
handle_disable(VmScreenListener *self, GDBusMethodInvocation *invocation)
{
    const VmPictureMap none = {.memory = NULL};

    replace_map(self, &none);
    vm_dbus_listener_complete_disable(self->listener, invocation);
    return TRUE;
}

/* The generated signal's form. */
static gboolean
handle_cursor_define(VmScreenListener *self, GDBusMethodInvocation *invocation, gint width,
                     gint height, gint hot_x, gint hot_y, GVariant *data)
{
    gsize size = g_variant_get_size(data);

    if (width <= 0 || width > CURSOR_EDGE_MAX || height <= 0 || height > CURSOR_EDGE_MAX ||
        size != (gsize)width * (gsize)height * 4) {
        g_dbus_method_invocation_return_error_literal(invocation, G_DBUS_ERROR,
                                                      G_DBUS_ERROR_INVALID_ARGS, "not a cursor");
        return TRUE;
    }
    g_free(self->cursor_pixels);
    self->cursor_pixels = g_malloc(size);
    memcpy(self->cursor_pixels, g_variant_get_data(data), size);
    self->cursor.pixels = self->cursor_pixels;
    self->cursor.width = (guint)width;
    self->cursor.height = (guint)height;
    self->cursor.hot_x = (guint)CLAMP(hot_x, 0, width - 1);
    self->cursor.hot_y = (guint)CLAMP(hot_y, 0, height - 1);
    g_signal_emit(self, signals[CURSOR_CHANGED], 0);
    vm_dbus_listener_complete_cursor_define(self->listener, invocation);
    return TRUE;
}

static gboolean
handle_mouse_set(VmScreenListener *self, GDBusMethodInvocation *invocation, gint x, gint y, gint on)
{
    if (self->cursor_shown != (on != 0)) {
        self->cursor_shown = on != 0;
        g_signal_emit(self, signals[CURSOR_CHANGED], 0);
    }
    vm_dbus_listener_complete_mouse_set(self->listener, invocation);
    return TRUE;
}

static void
export_dmabuf(VmScreenListener *self)
{
    self->dmabuf_listener = vm_dbus_listener_unix_scanout_dmabuf2_skeleton_new();
    g_signal_connect_object(self->dmabuf_listener, "handle-scanout-dmabuf2",
                            G_CALLBACK(handle_scanout_dmabuf), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->listener, "handle-update-dmabuf",
                            G_CALLBACK(handle_update_dmabuf), self, G_CONNECT_SWAPPED);
    g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(self->dmabuf_listener), self->link,
                                     LISTENER_PATH, NULL);
}

static void export(VmScreenListener *self)
{
    static const char *const interfaces[] = {"org.qemu.Display1.Listener.Unix.Map",
                                             "org.qemu.Display1.Listener.Unix.ScanoutDMABUF2",
                                             NULL};
    static const char *const without_dmabuf[] = {"org.qemu.Display1.Listener.Unix.Map", NULL};

    self->listener = vm_dbus_listener_skeleton_new();
    self->map_listener = vm_dbus_listener_unix_map_skeleton_new();
    vm_dbus_listener_set_interfaces(self->listener,
                                    self->takes_dmabuf ? interfaces : without_dmabuf);
    if (self->takes_dmabuf) {
        export_dmabuf(self);
    }
    g_signal_connect_object(self->map_listener, "handle-scanout-map",
                            G_CALLBACK(handle_scanout_map), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->map_listener, "handle-update-map", G_CALLBACK(handle_update_map),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->listener, "handle-disable", G_CALLBACK(handle_disable), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->listener, "handle-cursor-define",
                            G_CALLBACK(handle_cursor_define), self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->listener, "handle-mouse-set", G_CALLBACK(handle_mouse_set), self,
                            G_CONNECT_SWAPPED);
    g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(self->listener), self->link,
                                     LISTENER_PATH, NULL);
    g_dbus_interface_skeleton_export(G_DBUS_INTERFACE_SKELETON(self->map_listener), self->link,
                                     LISTENER_PATH, NULL);
}

static void
lose(VmScreenListener *self, const char *why)
{
    g_debug("listener: %s", why);
    if (self->cancellable) {
        g_signal_emit(self, signals[LOST], 0);
    }
}

/* GDBus's own form. */
static void
handle_closed(VmScreenListener *self, gboolean remote_vanished, GError *error)
{
    lose(self, error ? error->message : "closed");
}

static void
handle_link(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmScreenListener) self = VM_SCREEN_LISTENER(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GDBusConnection) link = g_dbus_connection_new_finish(result, &error);

    if (!link || !self->cancellable) {
        lose(self, link ? "closed" : error->message);
        return;
    }
    self->link = g_steal_pointer(&link);
    g_signal_connect_object(self->link, "closed", G_CALLBACK(handle_closed), self,
                            G_CONNECT_SWAPPED);
    export(self);
    g_dbus_connection_start_message_processing(self->link);
}

static void
handle_registered(GObject *source, GAsyncResult *result, gpointer user_data)
{
    g_autoptr(VmScreenListener) self = VM_SCREEN_LISTENER(user_data);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = NULL;
    g_autoptr(GSocketConnection) stream = NULL;
    g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_finish(
        G_DBUS_CONNECTION(source), NULL, result, &error);

    if (reply && self->cancellable) {
        socket = g_socket_new_from_fd(self->stream_fd, &error);
    }
    if (!socket) {
        lose(self, error ? error->message : "closed");
        return;
    }
    self->stream_fd = -1;
    stream = g_socket_connection_factory_create_connection(socket);
    g_dbus_connection_new(G_IO_STREAM(stream), NULL,
                          G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                              G_DBUS_CONNECTION_FLAGS_DELAY_MESSAGE_PROCESSING,
                          NULL, self->cancellable, handle_link, g_object_ref(self));
}

void
vm_screen_listener_close(VmScreenListener *self)
{
    g_return_if_fail(VM_IS_SCREEN_LISTENER(self));
    if (!self->cancellable) {
        return;
    }
    g_cancellable_cancel(self->cancellable);
    g_clear_object(&self->cancellable);
    answer_until(self, self->serial);
    if (self->link) {
        g_signal_handlers_disconnect_by_data(self->link, self);
        g_signal_handlers_disconnect_by_data(self->listener, self);
        g_signal_handlers_disconnect_by_data(self->map_listener, self);
        g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(self->listener));
        g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(self->map_listener));
        if (self->dmabuf_listener) {
            g_signal_handlers_disconnect_by_data(self->dmabuf_listener, self);
            g_dbus_interface_skeleton_unexport(G_DBUS_INTERFACE_SKELETON(self->dmabuf_listener));
        }
        g_dbus_connection_close(self->link, NULL, NULL, NULL);
    }
}

static void
vm_screen_listener_finalize(GObject *object)
{
    VmScreenListener *self = VM_SCREEN_LISTENER(object);

    vm_screen_listener_close(self);
    g_clear_object(&self->listener);
    g_clear_object(&self->map_listener);
    g_clear_object(&self->dmabuf_listener);
    g_clear_object(&self->link);
    vm_picture_map_close(&self->map);
    g_clear_pointer(&self->cursor_pixels, g_free);
    if (self->stream_fd >= 0) {
        close(self->stream_fd);
    }
    G_OBJECT_CLASS(vm_screen_listener_parent_class)->finalize(object);
}

static void
vm_screen_listener_class_init(VmScreenListenerClass *klass)
{
    GType type = G_TYPE_FROM_CLASS(klass);

    G_OBJECT_CLASS(klass)->finalize = vm_screen_listener_finalize;
    signals[SCANOUT_CHANGED] = g_signal_new("scanout-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                            NULL, NULL, G_TYPE_NONE, 0);
    signals[DAMAGE] = g_signal_new("damage", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 4, G_TYPE_INT, G_TYPE_INT, G_TYPE_INT, G_TYPE_INT);
    signals[CURSOR_CHANGED] = g_signal_new("cursor-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                           NULL, G_TYPE_NONE, 0);
    signals[LOST] =
        g_signal_new("lost", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_screen_listener_init(VmScreenListener *self)
{
    self->cancellable = g_cancellable_new();
    self->stream_fd = -1;
    g_queue_init(&self->unanswered);
}

VmScreenListener *
vm_screen_listener_new(GDBusConnection *link, const char *path, gboolean dmabuf)
{
    g_autoptr(VmScreenListener) self = g_object_new(VM_TYPE_SCREEN_LISTENER, NULL);
    g_autoptr(GUnixFDList) fds = g_unix_fd_list_new();
    g_autoptr(GError) error = NULL;

    self->takes_dmabuf = dmabuf;
    self->stream_fd = vm_stream_pair(fds, &error);
    if (self->stream_fd < 0) {
        g_debug("%s", error->message);
        return NULL;
    }
    g_dbus_connection_call_with_unix_fd_list(
        link, NULL, path, "org.qemu.Display1.Console", "RegisterListener", g_variant_new("(h)", 0),
        NULL, G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, fds, self->cancellable, handle_registered,
        g_object_ref(self));
    return g_steal_pointer(&self);
}

gboolean
vm_screen_listener_get_picture(VmScreenListener *self, VmPicture *ret_picture)
{
    g_return_val_if_fail(VM_IS_SCREEN_LISTENER(self), FALSE);
    if (self->map.picture.width == 0) {
        return FALSE;
    }
    *ret_picture = self->map.picture;
    return TRUE;
}

void
vm_screen_listener_set_takes_textures(VmScreenListener *self, VmTextures takes)
{
    g_return_if_fail(VM_IS_SCREEN_LISTENER(self));
    self->takes_textures = takes;
}

gboolean
vm_screen_listener_get_texture(VmScreenListener *self, VmTexture *ret_texture)
{
    g_return_val_if_fail(VM_IS_SCREEN_LISTENER(self), FALSE);
    if (self->map.texture.width == 0) {
        return FALSE;
    }
    *ret_texture = self->map.texture;
    return TRUE;
}

int
vm_screen_listener_get_picture_file(VmScreenListener *self, gsize *ret_offset)
{
    g_return_val_if_fail(VM_IS_SCREEN_LISTENER(self), -1);
    if (self->map.picture.width == 0) {
        return -1;
    }
    *ret_offset = self->map.offset;
    return self->map.fd;
}

gboolean
vm_screen_listener_has_dmabuf(VmScreenListener *self)
{
    g_return_val_if_fail(VM_IS_SCREEN_LISTENER(self), FALSE);
    return self->map.picture.width > 0 && self->map.dmabuf;
}

void
vm_screen_listener_set_paced(VmScreenListener *self, gboolean paced)
{
    g_return_if_fail(VM_IS_SCREEN_LISTENER(self));
    self->paced = paced;
    if (!paced) {
        answer_until(self, self->serial);
    }
}

guint64
vm_screen_listener_get_serial(VmScreenListener *self)
{
    g_return_val_if_fail(VM_IS_SCREEN_LISTENER(self), 0);
    return self->serial;
}

void
vm_screen_listener_presented(VmScreenListener *self, guint64 serial)
{
    g_return_if_fail(VM_IS_SCREEN_LISTENER(self));
    self->unseen = FALSE;
    answer_until(self, serial);
}

gboolean
vm_screen_listener_get_cursor(VmScreenListener *self, VmCursor *ret_cursor)
{
    g_return_val_if_fail(VM_IS_SCREEN_LISTENER(self), FALSE);
    if (!self->cursor_shown || !self->cursor_pixels) {
        return FALSE;
    }
    *ret_cursor = self->cursor;
    return TRUE;
}
