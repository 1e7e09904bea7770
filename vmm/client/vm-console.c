/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "vmm/client/vm-console.h"

#include <linux/input-event-codes.h>

#include "vmm/client/input-queue.h"
#include "vmm/client/plain-text.h"
#include "vmm/client/private.h"
#include "vmm/client/screen-listener.h"
#include "vmm/keymap/keymap.h"

#define CONSOLE_INTERFACE  "org.qemu.Display1.Console"
#define KEYBOARD_INTERFACE "org.qemu.Display1.Keyboard"
#define MOUSE_INTERFACE    "org.qemu.Display1.Mouse"
#define PICTURE_INTERFACE  "org.vitrine.Vmm1.Picture"

enum {
    LABEL_MAX = 64, /* characters */
    RETRY_MS = 500, /* before a listener that was lost is replaced; doubled with each */
    RETRY_DOUBLINGS = 6,
};

struct _VmConsole {
    GObject parent_instance;
    char *path;
    guint number;
    char *label;
    guint modifiers;
    guint holds;
    gboolean takes_dmabuf;
    VmTextures takes_textures;
    gboolean paced;
    GDBusConnection *link;
    VmInputQueue *input;
    VmScreenListener *listener;
    VmScreenListener *frozen; /* of a lost link: its picture stays until the next one comes */
    guint tries;              /* listeners that were lost since a picture came */
    guint retry;
    guint64 changes; /* of what a thumbnail would show, as far as they were told */
    gboolean tells_changes;
    guint changed; /* the subscription */
};

G_DEFINE_FINAL_TYPE(VmConsole, vm_console, G_TYPE_OBJECT)

enum {
    PROP_0,
    PROP_NUMBER,
    PROP_LABEL,
    PROP_CONNECTED,
    PROP_MODIFIERS,
    PROP_WIDTH,
    PROP_HEIGHT,
    N_PROPS
};

enum {
    SCANOUT_CHANGED,
    DAMAGE,
    CURSOR_CHANGED,
    STALLED,
    N_SIGNALS
};

/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables) */
static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

static void
handle_scanout_changed(VmConsole *self)
{
    g_autoptr(VmScreenListener) frozen = g_steal_pointer(&self->frozen);

    self->tries = 0;
    g_signal_emit(self, signals[SCANOUT_CHANGED], 0);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_WIDTH]);
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_HEIGHT]);
}

/* The signal's form. */
static void
handle_damage(VmConsole *self, gint x, gint y, gint width, gint height)
{
    g_signal_emit(self, signals[DAMAGE], 0, x, y, width, height);
}

static void
handle_cursor_changed(VmConsole *self)
{
    g_signal_emit(self, signals[CURSOR_CHANGED], 0);
}

static void
handle_stalled(VmConsole *self)
{
    g_signal_emit(self, signals[STALLED], 0);
}

static void handle_lost(VmConsole *self);

static void
start_listening(VmConsole *self)
{
    g_clear_handle_id(&self->retry, g_source_remove);
    if (self->listener || !self->link || self->holds == 0) {
        return;
    }
    self->listener = vm_screen_listener_new(self->link, self->path, self->takes_dmabuf);
    if (!self->listener) {
        handle_lost(self);
        return;
    }
    vm_screen_listener_set_paced(self->listener, self->paced);
    vm_screen_listener_set_takes_textures(self->listener, self->takes_textures);
    g_signal_connect_object(self->listener, "scanout-changed", G_CALLBACK(handle_scanout_changed),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->listener, "damage", G_CALLBACK(handle_damage), self,
                            G_CONNECT_SWAPPED);
    g_signal_connect_object(self->listener, "cursor-changed", G_CALLBACK(handle_cursor_changed),
                            self, G_CONNECT_SWAPPED);
    g_signal_connect_object(self->listener, "lost", G_CALLBACK(handle_lost), self,
                            G_CONNECT_SWAPPED);
}

static VmScreenListener *
detach_listener(VmConsole *self)
{
    VmScreenListener *listener = g_steal_pointer(&self->listener);

    g_clear_handle_id(&self->retry, g_source_remove);
    if (listener) {
        g_signal_handlers_disconnect_by_data(listener, self);
        vm_screen_listener_close(listener);
    }
    return listener;
}

/* Users let go of the picture in the signal, and only then its memory goes. */
static void
stop_listening(VmConsole *self)
{
    g_autoptr(VmScreenListener) listener = detach_listener(self);

    if (listener || self->frozen) {
        handle_scanout_changed(self);
        handle_cursor_changed(self);
    }
}

/* The link is lost: keep showing what it showed last. */
static void
freeze(VmConsole *self)
{
    VmPicture picture;
    g_autoptr(VmScreenListener) listener = detach_listener(self);

    if (listener && vm_screen_listener_get_picture(listener, &picture)) {
        g_clear_object(&self->frozen);
        self->frozen = g_steal_pointer(&listener);
    }
    handle_cursor_changed(self);
}

static gboolean
listen_again(gpointer user_data)
{
    VmConsole *self = VM_CONSOLE(user_data);

    self->retry = 0;
    start_listening(self);
    return G_SOURCE_REMOVE;
}

/* The link itself may be well: a display process that was slow, or had no descriptor left, is asked again. */
static void
handle_lost(VmConsole *self)
{
    freeze(self);
    self->retry = g_timeout_add(RETRY_MS << MIN(self->tries, RETRY_DOUBLINGS), listen_again, self);
    self->tries++;
}

static void
vm_console_finalize(GObject *object)
{
    VmConsole *self = VM_CONSOLE(object);

    if (self->listener) {
        g_signal_handlers_disconnect_by_data(self->listener, self);
        vm_screen_listener_close(self->listener);
    }
    g_clear_object(&self->listener);
    g_clear_object(&self->frozen);
    g_clear_handle_id(&self->retry, g_source_remove);
    g_clear_object(&self->input);
    if (self->changed) {
        g_dbus_connection_signal_unsubscribe(self->link, self->changed);
    }
    g_clear_object(&self->link);
    g_clear_pointer(&self->path, g_free);
    g_clear_pointer(&self->label, g_free);
    G_OBJECT_CLASS(vm_console_parent_class)->finalize(object);
}

static void
vm_console_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmConsole *self = VM_CONSOLE(object);
    VmPicture picture = {.width = 0};

    switch (id) {
    case PROP_NUMBER:
        g_value_set_uint(value, self->number);
        break;
    case PROP_LABEL:
        g_value_set_string(value, vm_console_get_label(self));
        break;
    case PROP_CONNECTED:
        g_value_set_boolean(value, self->link != NULL);
        break;
    case PROP_MODIFIERS:
        g_value_set_uint(value, self->modifiers);
        break;
    case PROP_WIDTH:
    case PROP_HEIGHT:
        vm_console_get_picture(self, &picture);
        g_value_set_uint(value, id == PROP_WIDTH ? picture.width : picture.height);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_console_class_init(VmConsoleClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);
    GType type = G_TYPE_FROM_CLASS(klass);
    const GParamFlags flags = G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY;

    object_class->finalize = vm_console_finalize;
    object_class->get_property = vm_console_get_property;
    properties[PROP_NUMBER] = g_param_spec_uint("number", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_LABEL] = g_param_spec_string("label", NULL, NULL, NULL, flags);
    properties[PROP_CONNECTED] = g_param_spec_boolean("connected", NULL, NULL, FALSE, flags);
    properties[PROP_MODIFIERS] = g_param_spec_uint("modifiers", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_WIDTH] = g_param_spec_uint("width", NULL, NULL, 0, G_MAXUINT, 0, flags);
    properties[PROP_HEIGHT] = g_param_spec_uint("height", NULL, NULL, 0, G_MAXUINT, 0, flags);
    g_object_class_install_properties(object_class, N_PROPS, properties);
    signals[SCANOUT_CHANGED] = g_signal_new("scanout-changed", type, G_SIGNAL_RUN_LAST, 0, NULL,
                                            NULL, NULL, G_TYPE_NONE, 0);
    signals[DAMAGE] = g_signal_new("damage", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 4, G_TYPE_INT, G_TYPE_INT, G_TYPE_INT, G_TYPE_INT);
    signals[CURSOR_CHANGED] = g_signal_new("cursor-changed", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                           NULL, G_TYPE_NONE, 0);
    signals[STALLED] =
        g_signal_new("stalled", type, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vm_console_init(VmConsole *self)
{
    self->changes = 1;
}

VmConsole *
vm_console_new(const char *path, guint number)
{
    VmConsole *self = g_object_new(VM_TYPE_CONSOLE, NULL);

    self->path = g_strdup(path);
    self->number = number;
    return self;
}

const char *
vm_console_get_path(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), NULL);
    return self->path;
}

guint
vm_console_get_number(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), 0);
    return self->number;
}

const char *
vm_console_get_label(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), NULL);
    return self->label ? self->label : "";
}

gboolean
vm_console_get_connected(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), FALSE);
    return self->link != NULL;
}

guint
vm_console_get_modifiers(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), 0);
    return self->modifiers;
}

/* GDBus's own form. */
static void
handle_changed(GDBusConnection *link, const char *sender, const char *path, const char *interface,
               const char *signal, GVariant *arguments, gpointer user_data)
{
    VM_CONSOLE(user_data)->changes++;
}

static void
watch_changes(VmConsole *self, GDBusConnection *link)
{
    self->changes++; /* nothing is known of what another process showed */
    if (self->changed) {
        g_dbus_connection_signal_unsubscribe(self->link, self->changed);
        self->changed = 0;
    }
    if (link) {
        self->changed = g_dbus_connection_signal_subscribe(
            link, NULL, PICTURE_INTERFACE, "Changed", self->path, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
            handle_changed, self, NULL);
    }
}

void
vm_console_set_link(VmConsole *self, GDBusConnection *link)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->link == link) {
        return;
    }
    watch_changes(self, link);
    g_set_object(&self->link, link);
    if (self->input) {
        g_signal_handlers_disconnect_by_data(self->input, self);
        g_clear_object(&self->input);
    }
    freeze(self);
    self->tries = 0;
    if (link) {
        self->input = vm_input_queue_new(link, self->path);
        g_signal_connect_object(self->input, "stalled", G_CALLBACK(handle_stalled), self,
                                G_CONNECT_SWAPPED);
        start_listening(self);
    }
    g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_CONNECTED]);
}

void
vm_console_update(VmConsole *self, GVariant *values)
{
    const char *label;
    guint modifiers;

    g_return_if_fail(VM_IS_CONSOLE(self));
    g_variant_lookup(values, "TellsChanges", "b", &self->tells_changes);
    if (g_variant_lookup(values, "Label", "&s", &label)) {
        g_free(self->label);
        self->label = vm_plain_text(label, LABEL_MAX);
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_LABEL]);
    }
    if (g_variant_lookup(values, "Modifiers", "u", &modifiers) && self->modifiers != modifiers) {
        self->modifiers = modifiers;
        g_object_notify_by_pspec(G_OBJECT(self), properties[PROP_MODIFIERS]);
    }
}

void
vm_console_hold(VmConsole *self)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    self->holds++;
    start_listening(self);
}

void
vm_console_release(VmConsole *self)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    g_return_if_fail(self->holds > 0);
    if (--self->holds == 0) {
        stop_listening(self);
    }
}

gboolean
vm_console_get_picture(VmConsole *self, VmPicture *ret_picture)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), FALSE);
    if (self->listener && vm_screen_listener_get_picture(self->listener, ret_picture)) {
        return TRUE;
    }
    return self->frozen && vm_screen_listener_get_picture(self->frozen, ret_picture);
}

int
vm_console_get_picture_file(VmConsole *self, gsize *ret_offset)
{
    int fd = -1;

    g_return_val_if_fail(VM_IS_CONSOLE(self), -1);
    if (self->listener) {
        fd = vm_screen_listener_get_picture_file(self->listener, ret_offset);
    }
    return fd < 0 && self->frozen ? vm_screen_listener_get_picture_file(self->frozen, ret_offset)
                                  : fd;
}

void
vm_console_set_takes_dmabuf(VmConsole *self, gboolean takes)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->takes_dmabuf == takes) {
        return;
    }
    self->takes_dmabuf = takes;
    if (self->listener && (takes || vm_console_has_dmabuf(self))) {
        freeze(self); /* what it showed stays until the new listener's picture comes */
        start_listening(self);
    }
}

gboolean
vm_console_has_dmabuf(VmConsole *self)
{
    VmPicture picture;

    g_return_val_if_fail(VM_IS_CONSOLE(self), FALSE);
    if (self->listener && vm_screen_listener_get_picture(self->listener, &picture)) {
        return vm_screen_listener_has_dmabuf(self->listener);
    }
    return self->frozen && vm_screen_listener_has_dmabuf(self->frozen);
}

/* The one that has the picture; NULL when there is none. */
static VmScreenListener *
find_shown(VmConsole *self)
{
    VmPicture picture;

    if (self->listener && vm_screen_listener_get_picture(self->listener, &picture)) {
        return self->listener;
    }
    return self->frozen;
}

void
vm_console_set_takes_textures(VmConsole *self, VmTextures takes)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->takes_textures == takes) {
        return;
    }
    self->takes_textures = takes;
    if (self->listener && self->takes_dmabuf) {
        freeze(self); /* the machine asks each listener anew, and remembers what one refused */
        start_listening(self);
    }
}

gboolean
vm_console_get_texture(VmConsole *self, VmTexture *ret_texture)
{
    VmScreenListener *shown;

    g_return_val_if_fail(VM_IS_CONSOLE(self), FALSE);
    shown = find_shown(self);
    return shown && vm_screen_listener_get_texture(shown, ret_texture);
}

void
vm_console_set_paced(VmConsole *self, gboolean paced)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    self->paced = paced;
    if (self->listener) {
        vm_screen_listener_set_paced(self->listener, paced);
    }
}

guint64
vm_console_get_serial(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), 0);
    return self->listener ? vm_screen_listener_get_serial(self->listener) : 0;
}

void
vm_console_presented(VmConsole *self, guint64 serial)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->listener) {
        vm_screen_listener_presented(self->listener, serial);
    }
}

gboolean
vm_console_get_cursor(VmConsole *self, VmCursor *ret_cursor)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), FALSE);
    return self->listener && vm_screen_listener_get_cursor(self->listener, ret_cursor);
}

static void
send_key(VmConsole *self, const char *method, guint code)
{
    guint qnum = keymap_qnum_from_evdev(code);

    if (self->input && qnum != 0) {
        vm_input_queue_push(self->input, KEYBOARD_INTERFACE, method, g_variant_new("(u)", qnum));
    }
}

void
vm_console_press_key(VmConsole *self, guint code)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    send_key(self, "Press", code);
}

void
vm_console_release_key(VmConsole *self, guint code)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    send_key(self, "Release", code);
}

gboolean
vm_console_type_character(VmConsole *self, gunichar character)
{
    struct keymap_stroke stroke;

    g_return_val_if_fail(VM_IS_CONSOLE(self), FALSE);
    if (!keymap_stroke_for(character, &stroke)) {
        return FALSE;
    }
    if (stroke.shift) {
        send_key(self, "Press", KEY_LEFTSHIFT);
    }
    send_key(self, "Press", stroke.code);
    send_key(self, "Release", stroke.code);
    if (stroke.shift) {
        send_key(self, "Release", KEY_LEFTSHIFT);
    }
    return TRUE;
}

gboolean
vm_console_has_unsent_input(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), FALSE);
    return self->input && vm_input_queue_is_busy(self->input);
}

void
vm_console_move_pointer(VmConsole *self, guint x, guint y)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->input) {
        vm_input_queue_push(self->input, MOUSE_INTERFACE, "SetAbsPosition",
                            g_variant_new("(uu)", x, y));
    }
}

void
vm_console_press_button(VmConsole *self, VmButton button)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->input) {
        vm_input_queue_push(self->input, MOUSE_INTERFACE, "Press",
                            g_variant_new("(u)", (guint)button));
    }
}

void
vm_console_release_button(VmConsole *self, VmButton button)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->input) {
        vm_input_queue_push(self->input, MOUSE_INTERFACE, "Release",
                            g_variant_new("(u)", (guint)button));
    }
}

void
vm_console_set_size(VmConsole *self, guint width, guint height, guint width_mm, guint height_mm)
{
    g_return_if_fail(VM_IS_CONSOLE(self));
    if (self->link) {
        g_dbus_connection_call(self->link, NULL, self->path, CONSOLE_INTERFACE, "SetUIInfo",
                               g_variant_new("(qqiiuu)", (guint16)MIN(width_mm, G_MAXUINT16),
                                             (guint16)MIN(height_mm, G_MAXUINT16), 0, 0, width,
                                             height),
                               NULL, G_DBUS_CALL_FLAGS_NONE, VM_CALL_TIMEOUT_MS, NULL, NULL, NULL);
    }
}

GDBusConnection *
vm_console_get_link(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), NULL);
    return self->link;
}

guint64
vm_console_get_changes(VmConsole *self)
{
    g_return_val_if_fail(VM_IS_CONSOLE(self), 0);
    return self->tells_changes ? self->changes : ++self->changes;
}
