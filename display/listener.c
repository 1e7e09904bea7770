/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "display/listener.h"

#include <errno.h>
#include <stdarg.h>
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
    SHOWN_TIMEOUT_MS = 250,       /* for a client to show a picture; others wait so long for it */
    INLINE_UPDATE_MAX = 16 << 20, /* bytes; larger damage goes in bands */
    INLINE_SCANOUT_MAX = (64 << 20) - 0x1000, /* D-Bus: an array is at most 64 MiB */
};

/* An unanswered call about a dmabuf. */
struct unshown {
    guint64 serial; /* of the screen */
    gboolean is_texture;
};

struct _VmListener {
    GObject parent_instance;
    VmScreen *screen;
    VmCaller *caller; /* NULL: closed */
    guint question;   /* the time limit of what interfaces the client has */
    gboolean ready;   /* they are known */
    gboolean map;
    gboolean dmabuf;       /* takes dmabufs, and did not refuse one */
    gboolean texture;      /* the same for those of a graphics card */
    gboolean is_counted;   /* by the screen, with `texture` */
    gboolean shows_dmabuf; /* what was sent last; `viewer` is the screen's then */
    VmScreenViewer viewer;
    GQueue unshown;         /* struct unshown */
    guint late;             /* the time limit of the first */
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
tell_error(sd_bus_message *answer)
{
    const sd_bus_error *error = sd_bus_message_get_error(answer);

    if (error) {
        log_debug("listener: %s", error->name);
    }
}

static void
handle_update_done(sd_bus_message *answer, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);

    self->in_flight--;
    tell_error(answer);
    pump(self);
}

static void
handle_cursor_done(sd_bus_message *answer, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);

    self->cursor_in_flight--;
    tell_error(answer);
    pump(self);
}

static gboolean
handle_late(gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);

    self->late = 0;
    if (self->shows_dmabuf) {
        vm_screen_set_shown(self->screen, &self->viewer, VM_SCREEN_LATE);
    }
    return G_SOURCE_REMOVE;
}

static void
restart_late(VmListener *self)
{
    g_clear_handle_id(&self->late, g_source_remove);
    if (!g_queue_is_empty(&self->unshown)) {
        self->late = g_timeout_add(SHOWN_TIMEOUT_MS, handle_late, self);
    }
}

/* The answer to a call about a dmabuf: it is on the screen. Whether it was one of a graphics card. */
static gboolean
take_shown(VmListener *self)
{
    g_autofree struct unshown *unshown = g_queue_pop_head(&self->unshown);

    restart_late(self);
    if (unshown && self->shows_dmabuf) {
        vm_screen_set_shown(self->screen, &self->viewer, unshown->serial);
    }
    return unshown && unshown->is_texture;
}

/* The screen counts it, with what it takes now, or no longer. */
static void
count(VmListener *self, gboolean is_there, gboolean texture)
{
    const gboolean was_there = self->is_counted;
    const gboolean had_texture = self->texture;

    if (was_there == is_there && had_texture == texture) {
        return;
    }
    self->is_counted = is_there;
    self->texture = texture;
    if (is_there) {
        vm_screen_add_listener(self->screen, texture);
    }
    if (was_there) {
        vm_screen_remove_listener(self->screen, had_texture);
    }
}

/*
 * A client that cannot show one gets every picture in another way from then on, this one first. Of a graphics
 * card: as soon as there is another.
 */
static void
handle_dmabuf_done(sd_bus_message *answer, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);
    gboolean was_texture;

    self->in_flight--;
    tell_error(answer);
    was_texture = take_shown(self);
    if (sd_bus_message_is_method_error(answer, NULL) > 0) {
        self->scanout_dirty |= was_texture ? self->texture : self->dmabuf;
        self->dmabuf = self->dmabuf && was_texture;
        count(self, TRUE, self->texture && !was_texture);
    }
    pump(self);
}

/*
 * A call of the listener with these arguments (sd_bus_message_append()); NULL, with a log line, when there is
 * no memory for it, or no descriptor.
 */
static sd_bus_message *
new_call(VmListener *self, const char *interface, const char *member, const char *types, ...)
{
    g_autoptr(sd_bus_message) call =
        vm_caller_new_call(self->caller, LISTENER_PATH, interface, member);
    va_list arguments;
    int r = -ENOMEM;

    va_start(arguments, types);
    if (call) {
        r = sd_bus_message_appendv(call, types, arguments);
    }
    va_end(arguments);
    if (r < 0) {
        log_limited(&self->limit, LOG_LEVEL_WARNING, "listener: no %s: %s", member, g_strerror(-r));
        return NULL;
    }
    return g_steal_pointer(&call);
}

/* `count` is one more until the answer comes. `call` may be NULL. */
static void
send_call(VmListener *self, sd_bus_message *call, VmCallDone done, guint *count)
{
    if (call && vm_caller_send(self->caller, call, done, self)) {
        ++*count;
    }
}

/* A call about the dmabuf that is shown: the answer says that it is on the screen. */
static void
send_dmabuf_call(VmListener *self, sd_bus_message *call)
{
    const struct unshown unshown = {vm_screen_get_serial(self->screen),
                                    vm_screen_shows_texture(self->screen)};
    const guint before = self->in_flight;

    send_call(self, call, handle_dmabuf_done, &self->in_flight);
    if (self->in_flight > before) {
        g_queue_push_tail(&self->unshown, g_memdup2(&unshown, sizeof(unshown)));
        if (!self->late) {
            restart_late(self);
        }
    }
}

static void
send_disable(VmListener *self)
{
    g_autoptr(sd_bus_message) call = new_call(self, LISTENER_INTERFACE, "Disable", "");

    send_call(self, call, handle_update_done, &self->in_flight);
}

/* A tight copy of a rectangle, as the last argument. FALSE when there is no memory for it. */
static gboolean
append_pixels(sd_bus_message *call, const VmScanout *scanout, const VmRect *rect)
{
    const gsize row = (gsize)rect->width * 4;
    void *data;

    if (sd_bus_message_append_array_space(call, 'y', row * (gsize)rect->height, &data) < 0) {
        return FALSE;
    }
    for (gint y = 0; y < rect->height; y++) {
        memcpy((guint8 *)data + (gsize)y * row,
               scanout->buffer->data + scanout->offset + (gsize)(rect->y + y) * scanout->stride +
                   (gsize)rect->x * 4,
               row);
    }
    return TRUE;
}

static void
send_scanout_map(VmListener *self, const VmScanout *scanout)
{
    g_autoptr(sd_bus_message) call = new_call(
        self, MAP_INTERFACE, "ScanoutMap", "huuuuu", scanout->buffer->fd, (guint32)scanout->offset,
        scanout->width, scanout->height, scanout->stride, vm_screen_pixman_format(scanout->fourcc));

    send_call(self, call, handle_update_done, &self->in_flight);
}

/* One plane: the memory file's own pages, linear, or a texture. */
static void
send_scanout_dmabuf(VmListener *self, const VmScanout *scanout)
{
    const gboolean is_texture = vm_screen_shows_texture(self->screen);
    const struct gpu_texture *texture = &scanout->buffer->texture; /* zeros: linear */
    g_autoptr(sd_bus_message) call = new_call(
        self, DMABUF_INTERFACE, "ScanoutDMABUF2", "ahuuuuauauuuuutb", 1, scanout->buffer->dmabuf,
        scanout->x, scanout->y, scanout->width, scanout->height, 1, (guint32)scanout->offset, 1,
        scanout->stride, 1, scanout->fourcc, is_texture ? texture->width : scanout->width,
        is_texture ? texture->height : scanout->height, texture->modifier,
        !is_texture || (texture->flags & GPU_TEXTURE_Y_0_TOP) != 0);

    send_dmabuf_call(self, call);
}

static void
send_scanout_inline(VmListener *self, const VmScanout *scanout)
{
    const VmRect all = {.width = (gint)scanout->width, .height = (gint)scanout->height};
    const guint64 size = (guint64)scanout->width * scanout->height * 4;
    g_autoptr(sd_bus_message) call =
        new_call(self, LISTENER_INTERFACE, "Scanout", "uuuu", scanout->width, scanout->height,
                 scanout->width * 4, vm_screen_pixman_format(scanout->fourcc));

    if (size > INLINE_SCANOUT_MAX || !call || !append_pixels(call, scanout, &all)) {
        log_limited(&self->limit, LOG_LEVEL_WARNING,
                    "listener: a picture of %u x %u does not fit a message", scanout->width,
                    scanout->height);
        send_disable(self);
        return;
    }
    send_call(self, call, handle_update_done, &self->in_flight);
}

/* Not where a graphics card is likely to refuse, or to misread: their linear rows are multiples of this. */
static gboolean
has_dmabuf(const VmScanout *scanout)
{
    return scanout->buffer && scanout->buffer->dmabuf >= 0 &&
           scanout->stride % ROW_ALIGNMENT == 0 && scanout->offset % ROW_ALIGNMENT == 0;
}

/* Pixels are on the way where it cannot be sent what is shown now. */
static gboolean
can_send_scanout(VmListener *self)
{
    return self->texture || !vm_screen_shows_texture(self->screen);
}

static gboolean
sends_dmabuf(VmListener *self, const VmScanout *scanout)
{
    return vm_screen_shows_texture(self->screen) ? self->texture
                                                 : self->dmabuf && has_dmabuf(scanout);
}

static void
set_shows_dmabuf(VmListener *self, gboolean shows)
{
    if (self->shows_dmabuf != shows) {
        self->shows_dmabuf = shows;
        if (shows) {
            vm_screen_add_viewer(self->screen, &self->viewer);
        } else {
            vm_screen_remove_viewer(self->screen, &self->viewer);
        }
    }
}

static void
send_scanout(VmListener *self)
{
    const VmScanout *scanout = vm_screen_get_scanout(self->screen);

    self->scanout_dirty = FALSE;
    set_shows_dmabuf(self, sends_dmabuf(self, scanout));
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
    g_autoptr(sd_bus_message) call = NULL;

    if (band.height > rows) {
        VmRect rest = {
            .x = rect->x, .y = rect->y + rows, .width = rect->width, .height = rect->height - rows};
        vm_damage_add(&self->damage, &rest);
        band.height = rows;
    }
    call = new_call(self, LISTENER_INTERFACE, "Update", "iiiiuu", band.x, band.y, band.width,
                    band.height, (guint32)band.width * 4, vm_screen_pixman_format(scanout->fourcc));
    if (call && append_pixels(call, scanout, &band)) {
        send_call(self, call, handle_update_done, &self->in_flight);
    }
}

static void
send_update(VmListener *self, const VmRect *rect)
{
    const gboolean dmabuf = self->shows_dmabuf;
    g_autoptr(sd_bus_message) call = NULL;

    if (!dmabuf && !self->map) {
        send_update_inline(self, rect);
        return;
    }
    call = dmabuf ? new_call(self, LISTENER_INTERFACE, "UpdateDMABUF", "iiii", rect->x, rect->y,
                             rect->width, rect->height)
                  : new_call(self, MAP_INTERFACE, "UpdateMap", "iiii", rect->x, rect->y,
                             rect->width, rect->height);
    if (dmabuf) {
        send_dmabuf_call(self, call);
    } else {
        send_call(self, call, handle_update_done, &self->in_flight);
    }
}

static void
send_cursor(VmListener *self, const VmCursorState *cursor)
{
    g_autoptr(sd_bus_message) call =
        new_call(self, LISTENER_INTERFACE, "CursorDefine", "iiii", GPU_CURSOR_SIZE, GPU_CURSOR_SIZE,
                 cursor->hot_x, cursor->hot_y);

    if (call &&
        sd_bus_message_append_array(call, 'y', cursor->pixels, sizeof(cursor->pixels)) >= 0) {
        send_call(self, call, handle_cursor_done, &self->cursor_in_flight);
    }
}

static void
pump_cursor(VmListener *self)
{
    const VmCursorState *cursor = vm_screen_get_cursor(self->screen);
    g_autoptr(sd_bus_message) move = NULL;

    if (self->cursor_in_flight > 0 || !(self->cursor_dirty || self->position_dirty)) {
        return;
    }
    if (self->cursor_dirty && cursor->visible) {
        send_cursor(self, cursor);
    }
    move = new_call(self, LISTENER_INTERFACE, "MouseSet", "iii", cursor->x, cursor->y,
                    cursor->visible ? 1 : 0);
    send_call(self, move, handle_cursor_done, &self->cursor_in_flight);
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
    if (self->scanout_dirty && self->in_flight < IN_FLIGHT_MAX && can_send_scanout(self)) {
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
    count(self, TRUE, self->dmabuf);
    self->scanout_dirty = TRUE;
    self->cursor_dirty = vm_screen_get_cursor(self->screen)->visible;
    pump(self);
}

static void
read_interfaces(VmListener *self, sd_bus_message *answer)
{
    const char *name;

    if (sd_bus_message_enter_container(answer, 'v', "as") <= 0 ||
        sd_bus_message_enter_container(answer, 'a', "s") < 0) {
        return;
    }
    while (sd_bus_message_read_basic(answer, 's', &name) > 0) {
        self->map |= g_str_equal(name, MAP_INTERFACE);
        self->dmabuf |= g_str_equal(name, DMABUF_INTERFACE);
    }
}

/* Older clients do not have the property. */
static void
handle_interfaces(sd_bus_message *answer, gpointer user_data)
{
    VmListener *self = VM_LISTENER(user_data);
    const gboolean is_late = self->ready; /* what it was shown since then, it may not know */

    if (sd_bus_message_is_method_error(answer, NULL) <= 0 && vm_caller_passes_fds(self->caller)) {
        read_interfaces(self, answer);
    }
    if (!is_late || self->map || self->dmabuf) {
        begin(self);
    }
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
    g_autoptr(sd_bus_message) call =
        vm_caller_new_call(self->caller, LISTENER_PATH, "org.freedesktop.DBus.Properties", "Get");

    self->question = g_timeout_add(QUESTION_TIMEOUT_MS, handle_no_interfaces, self);
    if (call && sd_bus_message_append(call, "ss", LISTENER_INTERFACE, "Interfaces") >= 0) {
        vm_caller_send(self->caller, call, handle_interfaces, self);
    }
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
        count(self, FALSE, FALSE);
    }
    g_clear_handle_id(&self->late, g_source_remove);
    g_queue_clear_full(&self->unshown, g_free);
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
    g_queue_init(&self->unshown);
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
