/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "ui/display-input.h"

#include <linux/input-event-codes.h>
#include <math.h>

#include "ui/shortcuts-inhibitor.h"
#include "ui/wayland.h"
#include "vmm/keymap/keymap.h"

enum {
    KEYS_MAX = KEY_CNT
};

struct _VmDisplayInput {
    GObject parent_instance;
    VmDisplayView *view; /* not owned */
    GtkWidget *toplevel; /* whose keys we take; not owned */
    gboolean enabled;
    gboolean focused;  /* the view has the keyboard focus */
    gboolean released; /* by the gesture or by us, until captured again */
    gboolean captured;
    gboolean system_keys;
    gboolean grabbed;                /* on X11 */
    VmShortcutsInhibitor *inhibitor; /* on Wayland */
    gboolean reader_on;              /* a screen reader is on: focus alone never captures */
    VmKeyGesture release;
    VmKeyGesture host;
    guint8 down[KEYS_MAX]; /* the guest saw these go down */
    guint buttons;         /* bit per VmButton that the guest saw go down */
    double scroll;         /* part of a wheel step */
};

enum {
    PROP_0,
    PROP_CAPTURED,
    N_PROPS
};
enum {
    SYSTEM_KEYS_REFUSED,
    HOST_ACTION,
    N_SIGNALS
};

/* NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables): GObject's tables */
static GParamSpec *props[N_PROPS];
static guint signals[N_SIGNALS]; /* NOLINT(cppcoreguidelines-avoid-non-const-global-variables) */
/* NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables) */

G_DEFINE_FINAL_TYPE(VmDisplayInput, vm_display_input, G_TYPE_OBJECT)

static VmConsole *
console_of(VmDisplayInput *self)
{
    return self->enabled ? vm_display_view_get_console(self->view) : NULL;
}

static void
let_keys_go(VmDisplayInput *self)
{
    VmConsole *console = vm_display_view_get_console(self->view);

    for (guint code = 0; code < KEYS_MAX; code++) {
        if (self->down[code] && console) {
            vm_console_release_key(console, code);
        }
        self->down[code] = 0;
    }
}

static void
let_everything_go(VmDisplayInput *self)
{
    VmConsole *console = vm_display_view_get_console(self->view);

    let_keys_go(self);
    for (guint button = 0; button <= VM_BUTTON_EXTRA; button++) {
        if ((self->buttons & (1U << button)) && console) {
            vm_console_release_button(console, button);
        }
    }
    self->buttons = 0;
    vm_key_gesture_reset(&self->release);
    vm_key_gesture_reset(&self->host);
}

static void
on_inhibitor_refused(gpointer data)
{
    g_signal_emit(data, signals[SYSTEM_KEYS_REFUSED], 0);
}

static void
grab(VmDisplayInput *self)
{
    GtkWidget *widget = GTK_WIDGET(self->view);
    GdkDisplay *display = gtk_widget_get_display(widget);
    GdkWindow *window = gdk_window_get_toplevel(gtk_widget_get_window(widget));

    if (vm_wayland_get(display)) {
        self->inhibitor = vm_shortcuts_inhibitor_new(window, on_inhibitor_refused, self);
    } else {
        self->grabbed = gdk_seat_grab(gdk_display_get_default_seat(display), window,
                                      GDK_SEAT_CAPABILITY_KEYBOARD, TRUE, NULL, NULL, NULL,
                                      NULL) == GDK_GRAB_SUCCESS;
    }
    if (!self->grabbed && !self->inhibitor) {
        g_signal_emit(self, signals[SYSTEM_KEYS_REFUSED], 0);
    }
}

static void
ungrab(VmDisplayInput *self)
{
    if (self->grabbed) {
        gdk_seat_ungrab(
            gdk_display_get_default_seat(gtk_widget_get_display(GTK_WIDGET(self->view))));
        self->grabbed = FALSE;
    }
    g_clear_pointer(&self->inhibitor, vm_shortcuts_inhibitor_free);
}

static void
update_grab(VmDisplayInput *self)
{
    gboolean wanted =
        self->captured && self->system_keys && gtk_widget_get_realized(GTK_WIDGET(self->view));
    gboolean has = self->grabbed || self->inhibitor;

    if (wanted && !has) {
        grab(self);
    } else if (!wanted && has) {
        ungrab(self);
    }
}

static void
update_captured(VmDisplayInput *self)
{
    gboolean captured = self->enabled && self->focused && !self->released;

    if (captured == self->captured) {
        return;
    }
    self->captured = captured;
    if (!captured) {
        let_everything_go(self);
    }
    update_grab(self);
    g_object_notify_by_pspec(G_OBJECT(self), props[PROP_CAPTURED]);
}

gboolean
vm_display_input_get_captured(VmDisplayInput *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_INPUT(self), FALSE);
    return self->captured;
}

gboolean
vm_display_input_was_released(VmDisplayInput *self)
{
    g_return_val_if_fail(VM_IS_DISPLAY_INPUT(self), FALSE);
    return self->released;
}

void
vm_display_input_capture(VmDisplayInput *self)
{
    g_return_if_fail(VM_IS_DISPLAY_INPUT(self));

    self->released = FALSE;
    if (!gtk_widget_has_focus(GTK_WIDGET(self->view))) {
        gtk_widget_grab_focus(GTK_WIDGET(self->view));
    }
    self->released = FALSE; /* the focus alone does not do it with a screen reader on */
    self->focused = gtk_widget_has_focus(GTK_WIDGET(self->view));
    update_captured(self);
}

void
vm_display_input_release(VmDisplayInput *self)
{
    g_return_if_fail(VM_IS_DISPLAY_INPUT(self));

    self->released = TRUE;
    update_captured(self);
}

void
vm_display_input_set_enabled(VmDisplayInput *self, gboolean enabled)
{
    g_return_if_fail(VM_IS_DISPLAY_INPUT(self));

    self->enabled = enabled;
    update_captured(self);
}

void
vm_display_input_set_gesture(VmDisplayInput *self, VmReleaseGesture gesture)
{
    g_return_if_fail(VM_IS_DISPLAY_INPUT(self));

    if (gesture < VM_RELEASE_NONE) {
        vm_key_gesture_set(&self->release, gesture);
    }
}

void
vm_display_input_set_host_key(VmDisplayInput *self, VmReleaseGesture host_key)
{
    g_return_if_fail(VM_IS_DISPLAY_INPUT(self));

    if (host_key <= VM_RELEASE_NONE) {
        vm_key_gesture_set(&self->host, host_key);
    }
}

void
vm_display_input_set_system_keys(VmDisplayInput *self, gboolean system_keys)
{
    g_return_if_fail(VM_IS_DISPLAY_INPUT(self));

    self->system_keys = system_keys;
    update_grab(self);
}

/* Keys, taken from the toplevel before its accelerators see them */

static void
forward_key(VmDisplayInput *self, guint code, gboolean press)
{
    VmConsole *console = console_of(self);

    if (!console || code == 0 || code >= KEYS_MAX || self->down[code] == press) {
        return; /* the guest repeats keys by itself */
    }
    self->down[code] = (guint8)press;
    if (press) {
        vm_console_press_key(console, code);
    } else {
        vm_console_release_key(console, code);
    }
}

/* What a key does while the host key is held; NULL when nothing. */
static const char *
host_action(guint code)
{
    static const struct {
        guint16 code;
        const char *action;
    } table[] = {
        {KEY_F, "win.fullscreen"},     {KEY_M, "win.minimise"},
        {KEY_S, "machine.screenshot"}, {KEY_LEFT, "win.previous-machine"},
        {KEY_K, "win.keys"},           {KEY_RIGHT, "win.next-machine"},
        {KEY_W, "win.close"},          {KEY_1, "win.view::display"},
        {KEY_2, "win.view::console"},  {KEY_3, "win.view::statistics"},
        {KEY_4, "win.view::settings"}, {KEY_5, "win.view::log"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].code == code) {
            return table[i].action;
        }
    }
    return NULL;
}

/* Where a letter stands on this keyboard layout: the code of the key that an English one has there. */
static guint
letter_code(const GdkEventKey *event, guint code)
{
    static const guint16 codes[] = {KEY_F, KEY_M, KEY_S, KEY_K, KEY_W};
    static const char letters[] = "fmskw";
    guint letter = gdk_keyval_to_lower(event->keyval);

    for (guint i = 0; i < G_N_ELEMENTS(codes); i++) {
        if (letter == (guint)letters[i]) {
            return codes[i];
        }
    }
    return letter >= 'a' && letter <= 'z' ? 0 : code;
}

/* TRUE: this press was for us. The guest sees the host key come up; a host key alone is its own. */
static gboolean
host_press(VmDisplayInput *self, const GdkEventKey *event, guint code)
{
    const char *action = NULL;

    if (self->host.which == VM_RELEASE_NONE) {
        return FALSE;
    }
    if (vm_key_gesture_has(&self->host, code)) {
        vm_key_gesture_press(&self->host, code, event->state);
        return FALSE;
    }
    if (vm_key_gesture_is_held(&self->host)) {
        action = host_action(letter_code(event, code));
    }
    if (action) {
        let_keys_go(self);
        g_signal_emit(self, signals[HOST_ACTION], 0, action);
    }
    return action != NULL;
}

static gboolean
on_toplevel_key(GtkWidget *toplevel, GdkEventKey *event, gpointer data)
{
    VmDisplayInput *self = data;
    guint code = keymap_evdev_from_x11(event->hardware_keycode);
    gboolean press = event->type == GDK_KEY_PRESS;

    if (!self->captured) {
        if (self->focused && self->enabled && press &&
            (event->keyval == GDK_KEY_Return || event->keyval == GDK_KEY_KP_Enter) &&
            !(event->state & gtk_accelerator_get_default_mod_mask())) {
            vm_display_input_capture(self);
            return GDK_EVENT_STOP;
        }
        return GDK_EVENT_PROPAGATE;
    }
    if (press) {
        vm_key_gesture_press(&self->release, code, event->state);
        if (host_press(self, event, code)) {
            return GDK_EVENT_STOP;
        }
    } else {
        (void)vm_key_gesture_release(&self->host, code);
    }
    forward_key(self, code, press);
    if (!press && vm_key_gesture_release(&self->release, code)) {
        vm_display_input_release(self);
    }
    return GDK_EVENT_STOP;
}

/*
 * Another widget gets the focus: coming back to the view will mean to use it. What a popover takes it
 * gives back by itself, which means nothing. Called before the focus moves.
 */
static void
on_focus_moves(VmDisplayInput *self, GtkWidget *widget)
{
    if (widget && widget != GTK_WIDGET(self->view) &&
        !gtk_widget_get_ancestor(widget, GTK_TYPE_POPOVER)) {
        self->released = FALSE;
    }
}

static void
set_toplevel(VmDisplayInput *self, GtkWidget *toplevel)
{
    if (self->toplevel == toplevel) {
        return;
    }
    if (self->toplevel) {
        g_signal_handlers_disconnect_by_data(self->toplevel, self);
        g_object_remove_weak_pointer(G_OBJECT(self->toplevel), (gpointer *)&self->toplevel);
    }
    self->toplevel = toplevel;
    if (toplevel) {
        g_object_add_weak_pointer(G_OBJECT(toplevel), (gpointer *)&self->toplevel);
        g_signal_connect(toplevel, "key-press-event", G_CALLBACK(on_toplevel_key), self);
        g_signal_connect(toplevel, "key-release-event", G_CALLBACK(on_toplevel_key), self);
        g_signal_connect_swapped(toplevel, "set-focus", G_CALLBACK(on_focus_moves), self);
    }
}

static void
on_hierarchy_changed(VmDisplayInput *self)
{
    GtkWidget *top = gtk_widget_get_toplevel(GTK_WIDGET(self->view));

    set_toplevel(self, GTK_IS_WINDOW(top) ? top : NULL);
}

/* Focus */

static gboolean
on_focus_in(VmDisplayInput *self)
{
    self->focused = TRUE;
    if (self->reader_on && !self->captured) {
        self->released = TRUE;
    }
    update_captured(self);
    return GDK_EVENT_PROPAGATE;
}

static gboolean
on_focus_out(VmDisplayInput *self)
{
    self->focused = FALSE;
    update_captured(self);
    return GDK_EVENT_PROPAGATE;
}

/* Another page is shown. */
static void
on_unmap(VmDisplayInput *self)
{
    self->released = FALSE;
}

/* Pointer */

static gboolean
button_of(guint gdk_button, VmButton *ret_button)
{
    static const struct {
        guint gdk;
        VmButton button;
    } table[] = {
        {GDK_BUTTON_PRIMARY, VM_BUTTON_LEFT},
        {GDK_BUTTON_MIDDLE, VM_BUTTON_MIDDLE},
        {GDK_BUTTON_SECONDARY, VM_BUTTON_RIGHT},
        {8, VM_BUTTON_SIDE},
        {9, VM_BUTTON_EXTRA},
    };

    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        if (table[i].gdk == gdk_button) {
            *ret_button = table[i].button;
            return TRUE;
        }
    }
    return FALSE;
}

/* FALSE when the point is not the guest's. While a button is held the edge stands for all beyond. */
static gboolean
move_pointer(VmDisplayInput *self, double x, double y)
{
    VmConsole *console = console_of(self);
    guint guest_x;
    guint guest_y;
    gboolean inside = vm_display_view_to_guest(self->view, x, y, &guest_x, &guest_y);

    if (!console || (!inside && self->buttons == 0) ||
        !vm_display_view_get_has_picture(self->view)) {
        return FALSE;
    }
    vm_console_move_pointer(console, guest_x, guest_y);
    return TRUE;
}

static gboolean
on_motion(VmDisplayInput *self, GdkEventMotion *event)
{
    move_pointer(self, event->x, event->y);
    return GDK_EVENT_PROPAGATE;
}

static gboolean
on_button(VmDisplayInput *self, GdkEventButton *event)
{
    VmConsole *console = console_of(self);
    VmButton button;
    guint bit;

    if (event->type != GDK_BUTTON_PRESS && event->type != GDK_BUTTON_RELEASE) {
        return GDK_EVENT_STOP; /* double clicks are the guest's to recognise */
    }
    if (event->type == GDK_BUTTON_PRESS) {
        vm_display_input_capture(self);
        self->release.spoiled = TRUE;
    }
    if (!console || !button_of(event->button, &button)) {
        return GDK_EVENT_PROPAGATE;
    }
    bit = 1U << button;
    if (event->type == GDK_BUTTON_RELEASE) {
        if (self->buttons & bit) {
            move_pointer(self, event->x, event->y);
            self->buttons &= ~bit;
            vm_console_release_button(console, button);
        }
    } else if (!(self->buttons & bit) && move_pointer(self, event->x, event->y)) {
        self->buttons |= bit;
        vm_console_press_button(console, button);
    }
    return GDK_EVENT_STOP;
}

static gboolean
on_scroll(VmDisplayInput *self, GdkEventScroll *event)
{
    VmConsole *console = console_of(self);
    double dx = 0;
    double dy = 0;

    if (!console) {
        return GDK_EVENT_PROPAGATE;
    }
    if (event->direction == GDK_SCROLL_SMOOTH) {
        gdk_event_get_scroll_deltas((GdkEvent *)event, &dx, &dy);
    } else if (event->direction == GDK_SCROLL_UP) {
        dy = -1;
    } else if (event->direction == GDK_SCROLL_DOWN) {
        dy = 1;
    }
    self->scroll += CLAMP(dy, -16, 16);
    while (fabs(self->scroll) >= 1) {
        VmButton button = self->scroll < 0 ? VM_BUTTON_WHEEL_UP : VM_BUTTON_WHEEL_DOWN;
        vm_console_press_button(console, button);
        vm_console_release_button(console, button);
        self->scroll -= copysign(1, self->scroll);
    }
    return GDK_EVENT_STOP;
}

/* Life */

static gboolean
screen_reader_is_on(void)
{
    GSettingsSchemaSource *source = g_settings_schema_source_get_default();
    g_autoptr(GSettingsSchema) schema =
        source
            ? g_settings_schema_source_lookup(source, "org.gnome.desktop.a11y.applications", TRUE)
            : NULL;

    if (!schema || !g_settings_schema_has_key(schema, "screen-reader-enabled")) {
        return FALSE;
    }
    g_autoptr(GSettings) settings = g_settings_new_full(schema, NULL, NULL);
    return g_settings_get_boolean(settings, "screen-reader-enabled");
}

static void
vm_display_input_get_property(GObject *object, guint id, GValue *value, GParamSpec *spec)
{
    VmDisplayInput *self = VM_DISPLAY_INPUT(object);

    switch (id) {
    case PROP_CAPTURED:
        g_value_set_boolean(value, self->captured);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
    }
}

static void
vm_display_input_dispose(GObject *object)
{
    VmDisplayInput *self = VM_DISPLAY_INPUT(object);

    if (self->view) {
        self->enabled = FALSE;
        update_captured(self);
        g_signal_handlers_disconnect_by_data(self->view, self);
        self->view = NULL;
    }
    set_toplevel(self, NULL);
    G_OBJECT_CLASS(vm_display_input_parent_class)->dispose(object);
}

static void
vm_display_input_class_init(VmDisplayInputClass *klass)
{
    GObjectClass *object_class = G_OBJECT_CLASS(klass);

    object_class->dispose = vm_display_input_dispose;
    object_class->get_property = vm_display_input_get_property;
    props[PROP_CAPTURED] = g_param_spec_boolean("captured", NULL, NULL, FALSE,
                                                G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    g_object_class_install_properties(object_class, N_PROPS, props);
    signals[SYSTEM_KEYS_REFUSED] =
        g_signal_new("system-keys-refused", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST, 0, NULL,
                     NULL, NULL, G_TYPE_NONE, 0);
    signals[HOST_ACTION] = g_signal_new("host-action", G_TYPE_FROM_CLASS(klass), G_SIGNAL_RUN_LAST,
                                        0, NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
vm_display_input_init(VmDisplayInput *self)
{
    self->release.which = VM_RELEASE_CTRL_ALT;
    self->host.which = VM_RELEASE_NONE;
    self->reader_on = screen_reader_is_on();
}

VmDisplayInput *
vm_display_input_new(VmDisplayView *view)
{
    VmDisplayInput *self = g_object_new(VM_TYPE_DISPLAY_INPUT, NULL);

    self->view = view;
    g_signal_connect_swapped(view, "focus-in-event", G_CALLBACK(on_focus_in), self);
    g_signal_connect_swapped(view, "focus-out-event", G_CALLBACK(on_focus_out), self);
    g_signal_connect_swapped(view, "unmap", G_CALLBACK(on_unmap), self);
    g_signal_connect_swapped(view, "motion-notify-event", G_CALLBACK(on_motion), self);
    g_signal_connect_swapped(view, "button-press-event", G_CALLBACK(on_button), self);
    g_signal_connect_swapped(view, "button-release-event", G_CALLBACK(on_button), self);
    g_signal_connect_swapped(view, "scroll-event", G_CALLBACK(on_scroll), self);
    g_signal_connect_swapped(view, "hierarchy-changed", G_CALLBACK(on_hierarchy_changed), self);
    on_hierarchy_changed(self);
    return self;
}
